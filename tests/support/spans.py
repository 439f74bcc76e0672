#!/usr/bin/python3
"""Spans in files of OTLP/JSON lines, for tests.

	spans.py list FILE...		a line per span: service, name, trace, span,
					parent, status, phases
	spans.py check FILE...		ids are unique, every parent is there or is
					in no file of ours, children lie within the
					run, events are in order; prints the counts
	spans.py sampled FILE...	for each service the sorted trace ids, one
					line per service: name, count, sha256
"""

import hashlib
import json
import sys


def attributes(items):
    out = {}
    for item in items:
        (kind, value), = item["value"].items()
        assert item["key"] not in out, item["key"]
        out[item["key"]] = int(value) if kind == "intValue" else value
    return out


def read(paths):
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for line in file:
                for resource in json.loads(line)["resourceSpans"]:
                    about = attributes(resource["resource"]["attributes"])
                    for scope in resource["scopeSpans"]:
                        for span in scope["spans"]:
                            span["service"] = about["service.name"]
                            span["about"] = attributes(span.get("attributes", []))
                            yield span


def phases(span):
    return " ".join(e["name"] for e in span.get("events", []))


def is_run(span):
    return span["kind"] == 1


def check(spans):
    by_id = {}
    for span in spans:
        assert span["spanId"] not in by_id, span
        by_id[span["spanId"]] = span
    roots = 0
    for span in spans:
        begin, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
        assert 0 < begin <= end, span
        times = [int(e["timeUnixNano"]) for e in span.get("events", [])]
        assert times == sorted(times) and all(begin <= t <= end for t in times), span
        parent = by_id.get(span.get("parentSpanId", ""))
        if not span.get("parentSpanId"):
            roots += 1
        elif not is_run(span):
            assert parent is not None, ("parent is missing", span)
            assert parent["traceId"] == span["traceId"], span
            # A stage reads a record after the one before it began to write it.
            assert int(parent["startTimeUnixNano"]) <= begin, span
        if not is_run(span) and not span.get("parentSpanId"):
            link, = span["links"]
            assert is_run(by_id[link["spanId"]]), span
    runs = sum(map(is_run, spans))
    print(f"spans {len(spans)} runs {runs} roots {roots} traces {len({s['traceId'] for s in spans if not is_run(s)})}")


def main():
    what, paths = sys.argv[1], sys.argv[2:]
    spans = list(read(paths))
    if what == "list":
        for s in spans:
            print(s["service"], s["name"].replace(" ", "_"), s["traceId"], s["spanId"], s.get("parentSpanId") or "-",
                  s.get("status", {}).get("code", 0), s["about"].get("pchan.result", "-"), phases(s))
    elif what == "check":
        check(spans)
    elif what == "sampled":
        by_service = {}
        for s in spans:
            if not is_run(s):
                by_service.setdefault(s["service"], set()).add(s["traceId"])
        for service in sorted(by_service):
            ids = sorted(by_service[service])
            print(service, len(ids), hashlib.sha256(" ".join(ids).encode()).hexdigest()[:16])
    else:
        sys.exit(f"no such command: {what}")


if __name__ == "__main__":
    main()
