#ifndef TRACEJSON_H
#define TRACEJSON_H

/* A trace as JSON, pmetrics(1).  A pure function. */

#include <stdbool.h>

#include <jansson.h>

struct trace;

/*
 * How it is written: control characters, and all that is not ASCII, are
 * escaped, and so harmless to a terminal.
 */
#define TRACEJSON_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(12) | JSON_ENSURE_ASCII)

/*
 * A new reference, or NULL with errno ENOMEM; with its spans, or only what a
 * list shows.
 */
json_t *trace_json(const struct trace *, bool spans);

#endif
