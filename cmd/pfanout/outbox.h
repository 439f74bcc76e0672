#ifndef OUTBOX_H
#define OUTBOX_H

/*
 * A worker's results on their way to the sink.  They are collected, so that
 * what became ready together costs one send.  One thread's.
 */

#include <stddef.h>
#include <stdint.h>

#include "record/record.h"
#include "trace/span.h"

#define OUTBOX_RECORDS 256

struct chan;
struct ctx;
struct keyed_box;
struct stopwatch;

struct outbox {
	struct chan *chan;
	struct ctx *ctx;
	int64_t blocked; /* ns, since the last outbox_flush() */
	/* Runs while it sends; NULL, as outbox_init() leaves it: none does. */
	struct stopwatch *waits;
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

/* Sends into this channel, until ctx is done. */
void outbox_init(struct outbox *, struct chan *, struct ctx *);

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

#endif
