#ifndef PCHAN_TRACED_H
#define PCHAN_TRACED_H

/*
 * Records that are traced.  When a record is read, it is decided whether a new
 * trace begins with it.  When it is checked, a context that it has decides
 * whether it gets a span, and where it has none, what was decided before.  From
 * then on it carries the span's context instead, for a worker, for its result
 * and for its letter, and nothing else of it changes.  Records without a span
 * keep every byte, and so do those that are no JSON, or that nobody takes
 * before the stage is cancelled.
 *
 * A trace begins in one stage only: what comes through a pipe from a stage that
 * traces, and has no context, has been decided about.  The writer of a pipe
 * says that it traces by the sticky bit of the pipe, of which pipes make no
 * other use; it can be seen at the other end, and lasts as long as the pipe.
 *
 * Everything is done by the thread that has the record; nothing blocks.  For a
 * record without a span the functions do nothing.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/reason.h"
#include "record/record.h"
#include "stage/input.h"
#include "stage/stage.h"
#include "stage/tracing.h"
#include "trace/sampler.h"
#include "trace/span.h"

/* The output is written by a stage that traces records. */
void traced_mark_pipe(int fd);

/* An input has been read for the first time, by a stage that traces records. */
void traced_look_at_writer(struct input *);

/* A part of traced_choose() that is seldom needed. */
bool traced_can_carry(const struct stage *, const struct record *);

/*
 * A record of the input has been read, by a stage that traces records.  One
 * with which a trace begins is chosen: record.h.  The draws are the thread's.
 */
static inline void
traced_choose(
    const struct stage *st, const struct input *in, struct sampler_draws *draws, struct record *r)
{
	if ((*r->data != '{' || st->opt->plain) && !traced_can_carry(st, r))
		return;
	if (sampler_draws(draws))
		r->chosen = in->writer != WRITER_TRACES;
}

/*
 * The record has been checked, and no attempt has been made: it gets its span,
 * if it is chosen, or has a context of which that is true.  has_context: it may
 * have one.  stage_check() calls this.
 */
void traced_begin_span(struct stage *, struct record *);

static inline void
traced_begin(struct stage *st, struct record *r, bool has_context)
{
	if (has_context || r->chosen)
		traced_begin_span(st, r);
}

/* A phase begins now, unless the record is in that phase already. */
static inline void
traced_enter(struct record *r, enum span_phase phase, int64_t now)
{
	struct span *s = record_span(r);

	if (s != NULL && (s->n == 0 || s->event[s->n - 1].phase != phase))
		span_enter(s, phase, now);
}

/* The worker's next attempt begins. */
static inline void
traced_attempt(struct record *r, unsigned slot, int64_t now)
{
	struct span *span = record_span(r);

	if (span != NULL)
		span_attempt(span, r->attempts + 1, slot, now);
}

/* An attempt failed, and another one will follow. */
static inline void
traced_back_off(struct record *r, enum reason reason, const char *message, int64_t now)
{
	struct span *span = record_span(r);

	if (span != NULL)
		span_back_off(span, reason, message, now);
}

/*
 * The answer to a record, one line or several: where a line is an object, and
 * the worker has dropped the context, it gets the context back.
 */
void traced_answer(const struct stage *, const struct record *, struct record *answer);

/*
 * Spans of records that have ended at the same time, and go to the tracer
 * together.  Begins with n as 0.
 */
struct traced_ended {
	size_t n;
	int64_t at; /* monotonic ns */
	struct span span[16];
};

/* The record has ended: its span, which there is, becomes one of these. */
void traced_end_span(struct stage *, struct record *, enum span_result, struct traced_ended *);

static inline void
traced_end(struct stage *st, struct record *r, enum span_result result, struct traced_ended *ended)
{
	if (record_span(r) != NULL)
		traced_end_span(st, r, result, ended);
}

/* Gives them to the tracer; there are none then. */
void traced_write_spans(struct stage *, struct traced_ended *);

static inline void
traced_write(struct stage *st, struct traced_ended *ended)
{
	if (ended->n > 0)
		traced_write_spans(st, ended);
}

/*
 * The environment for a process that works on the record alone: TRACEPARENT and
 * TRACESTATE say what the record carries, and are unset if it carries nothing.
 * *env is malloc'd, one block, and the caller's; NULL: our own environment.  -1
 * with errno ENOMEM.
 */
int traced_environment(const struct stage *, const struct record *, char ***env);

#endif
