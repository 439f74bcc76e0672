#!/usr/bin/python3
"""Compares the exemplars in metrics with spans in files, for tests.

	exemplars.py FILE... <METRICS

METRICS is OpenMetrics, which prometheus_client parses.  Each exemplar must be
of a span in the files, be within its bucket, and last as long as that span's
queue or one of its attempts, of which it has the end.  Prints for each stage
and histogram the values, a line each.  Status 3 if prometheus_client is not
installed."""

import io
import sys

from spans import is_run, read

try:
    from prometheus_client.openmetrics.parser import text_fd_to_metric_families
except ImportError:
    sys.exit(3)


def times(span):
    """(name, from, to) of each phase, in ns."""
    ends = [(e["name"], int(e["timeUnixNano"])) for e in span["events"]]
    phases = [("queue", int(span["startTimeUnixNano"]))] + ends
    ends = ends[1:] + [("end", int(span["endTimeUnixNano"]))]
    if phases[1][0] == "rate":
        phases[1:2] = []  # the queue lasts until then
    else:
        ends.insert(0, phases[1])
    return [(name, begin, end) for (name, begin), (_, end) in zip(phases, ends)]


def check(name, le, exemplar, span):
    assert sum(len(k) + len(v) for k, v in exemplar.labels.items()) <= 128, exemplar
    assert exemplar.labels["trace_id"] == span["traceId"], exemplar
    bounds = [m * 10 ** d / 10 for d in range(-5, 3) for m in (10, 25, 50)]
    below = max([b / 10 for b in bounds if b / 10 < le * 0.999] + [-1])
    assert below < exemplar.value <= le, (below, exemplar, le)
    wanted = "attempt" if name == "pipeline_latency_seconds" else "queue"
    found = [t for t in times(span) if t[0] == wanted]
    assert any(abs((end - begin) / 1e9 - exemplar.value) < 1e-9 and
               abs(end / 1e9 - float(exemplar.timestamp)) < 2e-6 for _, begin, end in found), (exemplar, found)


def main():
    spans = {s["spanId"]: s for s in read(sys.argv[1:]) if not is_run(s)}
    seen = {}
    text = io.StringIO(sys.stdin.buffer.read().decode("utf-8"), newline="\n")
    for family in text_fd_to_metric_families(text):
        for sample in family.samples:
            if sample.exemplar is None:
                continue
            assert sample.name == family.name + "_bucket", sample
            span = spans[sample.exemplar.labels["span_id"]]
            assert span["service"] == sample.labels["stage"], sample
            check(family.name, float(sample.labels["le"]), sample.exemplar, span)
            seen.setdefault((sample.labels["stage"], family.name), []).append(sample.exemplar.value)
    for (stage, name), values in sorted(seen.items()):
        print(stage, name, *values)


main()
