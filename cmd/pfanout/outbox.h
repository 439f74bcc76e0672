#ifndef OUTBOX_H
#define OUTBOX_H

/*
 * A worker's results on their way to the sink.  They are collected, so that
 * what became ready together costs one send.  One thread's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/record.h"
#include "trace/span.h"

#define OUTBOX_RECORDS 256

struct budget;
struct chan;
struct ctx;
struct keyed_box;
struct stage;
struct stopwatch;

struct outbox {
	struct chan *chan;
	struct ctx *ctx;
	struct budget *budget;
	int64_t blocked; /* ns, since the last outbox_flush() */
	/* Runs while it sends; NULL, as outbox_init() leaves it: none does. */
	struct stopwatch *waits;
	/*
	 * Of the records that were joined: bytes of answers that the budget is
	 * not told of yet, and references to give up, of one slab.
	 */
	size_t answer_bytes;
	struct slab *slab;
	size_t refs;
	/* --key: what is sent is over for these lanes; or NULL. */
	struct keyed_box *box;
	/*
	 * For traces: the phase that begins when it sends; PHASE_COUNT, as
	 * outbox_init() leaves it: no record is traced.
	 */
	enum span_phase phase;
	size_t n;
	struct record record[OUTBOX_RECORDS];
};

/* Sends into this channel, until the stage has ended. */
void outbox_init(struct outbox *, struct chan *, const struct stage *);

/*
 * Sends what was collected.  Returns how long this and all outbox_put() since
 * the last flush were blocked, in ns: that time is our reader's, not the
 * child's.
 */
int64_t outbox_flush(struct outbox *);

/* Sends what was collected, and counts how long that was blocked. */
void outbox_send(struct outbox *);

/*
 * Takes the record over.  Blocks only where the outbox is full, as the channel
 * behind it is; once ctx is done records are freed instead.
 */
static inline void
outbox_put(struct outbox *o, const struct record *r)
{
	o->record[o->n++] = *r;
	if (o->n == OUTBOX_RECORDS)
		outbox_send(o);
}

/*
 * Puts the record's result, the line, by making a run (record.h) of it and what
 * was put last: the result of the record before it, which the line follows in
 * memory.  The record is taken over; the reference of the line is not, as the
 * run has one.  False: that can't be, and nothing has happened.
 */
bool outbox_join(struct outbox *, struct record *, const struct record *line);

#endif
