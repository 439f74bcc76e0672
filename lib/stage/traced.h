#ifndef PCHAN_TRACED_H
#define PCHAN_TRACED_H

/*
 * Records that are traced.  When a record is read, it is decided whether it
 * gets a span: where it has a context, by that; where it has none, a new trace
 * may begin.  When it has been checked, it carries the span's context instead,
 * for a worker, for its result and for its letter, and nothing else of it
 * changes.  Records without a span keep every byte, and so do those that are no
 * JSON, or that nobody takes before the stage is cancelled.
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

/* Parts of traced_choose() that are seldom needed. */
bool traced_can_carry(const struct stage *, const struct record *);
void traced_look_at_writer(struct input *);
bool traced_glance(struct input *, const struct record *);

/*
 * A record of the input has been read, by a stage that traces records.  *random
 * is the caller's, and was random when the thread began.  A record that may get
 * a span is chosen: record.h.
 */
static inline void
traced_choose(const struct stage *st, struct input *in, uint64_t *random, struct record *r)
{
	uint64_t randomness = 0;
	bool begins;

	if ((*r->data != '{' || st->opt->plain) && !traced_can_carry(st, r))
		return;
	if (in->writer == WRITER_UNKNOWN)
		traced_look_at_writer(in);
	begins = in->writer != WRITER_TRACES &&
	    sampler_draws(&st->tracing->settings.sampler, random, &randomness);
	if (begins || ((r->end > in->untraced || r->origin != NULL) && traced_glance(in, r)))
		(void)record_choose(r, begins, randomness);
}

/*
 * The record has been checked: it is JSON, and no attempt has been made.  If it
 * is chosen it gets its span.  stage_check() calls this.
 */
void traced_begin_chosen(struct stage *, struct record *);

static inline void
traced_begin(struct stage *st, struct record *r)
{
	if (r->origin != NULL && r->origin->chosen)
		traced_begin_chosen(st, r);
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

/* The record has ended: its span, which there is, is written. */
void traced_write(struct stage *, struct record *, enum span_result);

static inline void
traced_end(struct stage *st, struct record *r, enum span_result result)
{
	if (record_span(r) != NULL)
		traced_write(st, r, result);
}

/*
 * The environment for a process that works on the record alone: TRACEPARENT and
 * TRACESTATE say what the record carries, and are unset if it carries nothing.
 * *env is malloc'd, one block, and the caller's; NULL: our own environment.  -1
 * with errno ENOMEM.
 */
int traced_environment(const struct stage *, const struct record *, char ***env);

#endif
