#ifndef T_SPANS_H
#define T_SPANS_H

/* Spans for tests, by way of OTLP/JSON, and the traces that they make. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pmetrics/spanview.h"
#include "pmetrics/traces.h"
#include "t.h"

/* 2026-11-26 14:02:31 UTC. */
#define SPANS_ZERO (INT64_C(1795701751) * CLOCK_S)

/* An event; a table ends with one without a name. */
struct made_event {
	const char *name;
	int64_t at; /* ns after SPANS_ZERO */
	int attempt;
	const char *reason;
};

struct made_span {
	enum spanview_kind kind;
	const char *stage, *name; /* of a record the name is not needed */
	unsigned id, parent;      /* 0: none */
	int64_t begun, ended;     /* ns after SPANS_ZERO */
	const char *input;
	int line;
	const char *reason, *message, *result;
	int lost;
	struct made_event event[8];
};

static inline void
print_text(FILE *f, const char *key, const char *text)
{
	if (text != NULL)
		fprintf(f, ",{\"key\":\"%s\",\"value\":{\"stringValue\":\"%s\"}}", key, text);
}

static inline void
print_made(FILE *f, const struct made_span *s)
{
	int attempts = s->lost / 2;

	for (const struct made_event *e = s->event; e->name != NULL; e++)
		attempts += e->attempt > 0;
	fprintf(f,
	    "{\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"spanId\":\"%016x\","
	    "\"name\":\"%s\",\"startTimeUnixNano\":\"%" PRId64 "\",\"endTimeUnixNano\":\"%" PRId64
	    "\",\"droppedEventsCount\":%d",
	    s->id, s->name != NULL ? s->name : "process", SPANS_ZERO + s->begun,
	    SPANS_ZERO + s->ended, s->lost);
	if (s->parent != 0)
		fprintf(f, ",\"parentSpanId\":\"%016x\"", s->parent);
	fprintf(f, ",\"attributes\":[{\"key\":\"pchan.line\",\"value\":{\"intValue\":\"%d\"}}",
	    s->line);
	if (s->kind == SPANVIEW_RECORD)
		print_text(f, "messaging.destination.name", s->stage);
	if (attempts > 0)
		fprintf(
		    f, ",{\"key\":\"pchan.attempts\",\"value\":{\"intValue\":\"%d\"}}", attempts);
	print_text(f, "pchan.input", s->input);
	print_text(f, "error.type", s->reason);
	print_text(f, "pchan.result", s->result);
	fputs("],\"events\":[", f);
	for (const struct made_event *e = s->event; e->name != NULL; e++) {
		fprintf(f,
		    "%s{\"name\":\"%s\",\"timeUnixNano\":\"%" PRId64
		    "\",\"attributes\":[{\"key\":\"pchan.attempt\",\"value\":{\"intValue\":\"%d\"}"
		    "}",
		    e > s->event ? "," : "", e->name, SPANS_ZERO + e->at, e->attempt);
		print_text(f, "pchan.reason", e->reason);
		fputs("]}", f);
	}
	fprintf(f, "],\"status\":{\"code\":%d,\"message\":\"%s\"}}", s->reason != NULL ? 2 : 0,
	    s->message != NULL ? s->message : "");
}

/* A line with one span. */
static inline char *
made_line(const struct made_span *s)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	fprintf(f,
	    "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\","
	    "\"value\":{\"stringValue\":\"%s\"}}]},\"scopeSpans\":[{\"scope\":{\"name\":\"%s\"},"
	    "\"spans\":[",
	    s->stage, s->kind == SPANVIEW_FOREIGN ? "theirs" : "pchan");
	print_made(f, s);
	fputs("]}]}]}", f);
	fclose(f);
	return text;
}

static inline int
add_made(const struct spanview *v, void *traces)
{
	return traces_add(traces, v);
}

static inline int
keep_made(const struct spanview *v, void *traces)
{
	return traces_keep(traces, v);
}

static inline void
read_made(struct traces *traces, const struct made_span *s, spanview_fn *fn)
{
	const char *why;
	char *line = made_line(s);

	CHECK(spanview_line(line, strlen(line), fn, traces, &why) == 0, "%s: %s", why, line);
	free(line);
}

/* The trace of spans up to the first without an id, which is kept. */
static inline struct trace *
make_trace(struct traces *traces, const struct made_span *spans)
{
	struct trace **list;
	size_t n;

	for (const struct made_span *s = spans; s->id != 0; s++)
		read_made(traces, s, add_made);
	list = traces_list(traces, &n);
	CHECK(n == 1, "%zu", n);
	list[0]->wanted = true;
	for (const struct made_span *s = spans; s->id != 0; s++)
		read_made(traces, s, keep_made);
	CHECK(traces_are_complete(list, n), "%zu", list[0]->n);
	return list[0];
}

#endif
