#ifndef PCHAN_TRACING_H
#define PCHAN_TRACING_H

/*
 * What a stage has for its traces: what is traced (--trace, and OpenTelemetry's
 * variables), the span of the run, and the thread that writes spans.  What
 * happens to the records that are traced is in traced.h.
 *
 * Where nothing is traced stage->tracing is NULL.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/context.h"
#include "trace/settings.h"

struct otlp;
struct spanfile;
struct stage;
struct tracer;

struct tracing {
	struct settings settings;
	bool records;           /* else only the run has a span */
	bool run_is_traced;     /* else the context of the run is not ours */
	struct context run;     /* of the run's span */
	struct span *span;      /* the run's */
	char **run_environment; /* of long-lived children */
	/* Of a trace that begins: its tracestate, or "". */
	char fresh_state[TRACESTATE_SIZE];
	struct otlp *otlp;
	struct spanfile *file;
	struct tracer *tracer; /* NULL before tracing_start() */
	/* Records that can carry no context: they are no objects. */
	_Atomic uint64_t without;
	/* Records that would be longer than --max-record with a context. */
	_Atomic uint64_t too_long;
};

/* Whether records are traced, too. */
static inline bool
tracing_records(const struct tracing *t)
{
	return t != NULL && t->records;
}

/*
 * Decides what is traced, and makes stage->tracing of that, for a stage whose
 * numbers are open.  The option decides, else OTEL_TRACES_EXPORTER: with otlp
 * or console, records.  OTEL_SDK_DISABLED turns all off.  Where there is no
 * place for spans, or the variable has a word that is not known, nothing is
 * traced, and stage->no_traces says so in one line.
 *
 * If standard output is a pipe, and records are traced, the pipe says so from
 * now on: see traced.h.  Who opens other outputs marks those.  -1: st->error
 * says why.
 */
int tracing_open(struct stage *);

/* Frees it; NULL does nothing. */
void tracing_free(struct tracing *);

/* Starts the thread.  -1 with errno.  Without tracing: 0. */
int tracing_start(struct stage *);

/*
 * The threads of the stage have returned: writes what is left, and the run's
 * span, with the exit status and the signal that the process dies of, or 0.
 * Waits for two seconds at most.  What is to be told of that is in the line,
 * "" for nothing.
 */
void tracing_stop(struct stage *, int status, int sig, char *line, size_t size);

/* The environment for long-lived children; NULL: our own. */
char *const *tracing_environment(const struct stage *);

#endif
