#ifndef PCHAN_OTLP_H
#define PCHAN_OTLP_H

/*
 * Spans as a line of OTLP/JSON (opentelemetry.io/docs/specs/otlp, 1.x, with the
 * file format of …/otel/protocol/file-exporter): an ExportTraceServiceRequest,
 *
 *	{"resourceSpans":[{"resource":{"attributes":[...]},"scopeSpans":[
 *	    {"scope":{"name":"pchan","version":"0.2.0"},"spans":[...]}]}]}
 *
 * Ids are hexadecimal, 64-bit integers decimal strings, enums integers, names
 * lowerCamelCase.  A line is never longer than OTLP_LINE_MAX unless it has one
 * span.  The flags of a span say that its parent, if it has one, is in another
 * process.
 *
 * A record's span is named "process STAGE", of kind CONSUMER (5), and has the
 * attributes messaging.system (pchan), messaging.operation.name and .type
 * (process), messaging.destination.name (the stage),
 * messaging.message.body.size, pchan.input, pchan.line, pchan.attempts (with
 * workers), pchan.worker, pchan.result, and if it failed error.type (the
 * reason); then its status is 2 with the message, else 0.  Its events are those
 * of span.h: attempt (pchan.attempt), back-off (pchan.reason, pchan.message),
 * rate, order, output.
 *
 * The run's span is named "TOOL STAGE", or "TOOL" where both are the same, of
 * kind INTERNAL (1), and has the attributes that the caller gives.
 *
 * One thread's at a time; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct otlp;
struct settings;
struct span;

#define OTLP_LINE_MAX (1 << 20)

/* Who has the spans. */
struct otlp_stage {
	const char *tool, *name;
	const char *pipeline;      /* or "" */
	const unsigned char *uuid; /* 16 bytes: service.instance.id */
	int32_t pid;
	const struct context *run; /* its span, to which others link; or NULL */
};

/* An attribute of the run's span; text is NULL: a number. */
struct otlp_attribute {
	const char *key, *text;
	uint64_t number;
};

/*
 * Prepares what all lines have.  service.name is that of the settings, else the
 * stage's name; resource.h has the other attributes of the resource.  NULL with
 * errno ENOMEM.
 */
struct otlp *otlp_new(const struct settings *, const struct otlp_stage *);
void otlp_free(struct otlp *);

/*
 * Begins a line; adds spans of records (and the run's) to it; ends it.  offset
 * is calendar ns minus monotonic ns.  otlp_add() returns false, without adding,
 * where the line would be too long, or memory is short.  Of the run's
 * attributes with the same key the last one counts.  The line is valid until
 * the next begin, and has an LF at its end; NULL: no span is in it.
 */
void otlp_begin(struct otlp *, int64_t offset);
bool otlp_add(struct otlp *, const struct span *);
bool otlp_add_run(struct otlp *, const struct span *, const struct otlp_attribute *, size_t n);
const char *otlp_end(struct otlp *, size_t *len);

#endif
