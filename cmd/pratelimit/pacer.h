#ifndef PACER_H
#define PACER_H

/*
 * Says when a record may leave: each flow (flows.h) has a bucket and lets its
 * records through in their order.
 *
 * The first record of a flow is booked at once: its bucket is charged, which
 * yields the time at which the record is due.  A record behind it is booked
 * when it becomes the first; so processes that share a bucket take turns.
 * Where the bucket is on a server it is booked when the server has answered.
 * Time is passed in, so all this can be tested on a simulated clock.
 *
 * A thread that wakes late lets through everything that was due meanwhile, so
 * that the rate is exact in the long run.  But if it is later than TELLER_LATE,
 * and later than one record takes, it was stopped (SIGSTOP, a suspended
 * machine): then it starts again with no more than a burst.
 *
 * One thread uses a pacer; nothing here blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flows.h"
#include "stage/teller.h"

struct meter;
struct record;

struct pacer {
	struct flows flows;
	struct teller teller;
	bool bytes; /* the rate counts bytes, not records */
	int64_t now;
};

/*
 * Makes a pacer for so many flows and waiting records; the meter stays the
 * caller's and must outlive it.  -1 with errno: ENOMEM, ESTALE (the meter has
 * lost its rate); then pacer_free() may be called, too.
 */
int pacer_init(struct pacer *, struct meter *, bool bytes, size_t max_flows, size_t max_waiting);

/* Frees everything, including the records that wait. */
void pacer_free(struct pacer *);

/*
 * Sets the time, and adopts the meter's rate if it has changed.  To be called
 * before the functions below.
 */
void pacer_set_time(struct pacer *, int64_t now);

/* Returns the flow of a key.  NULL with errno: ENOSPC (max_flows), ENOMEM. */
struct flow *pacer_flow(struct pacer *, const char *key, size_t len);

/*
 * BOOKED: the record may leave now, without waiting, as none of its flow waits,
 * and there is credit; the flow's bucket is charged.  BOOKING_ASKED: nobody
 * knows yet, and the meter will have news.  Else BOOKING_LATE.
 */
enum booking pacer_take(struct pacer *, struct flow *, const struct record *);

/*
 * Whether the first n records of a run, whose lines have so many bytes, may
 * leave now, as none of their flow waits, and there is credit for all of them;
 * then the flow's bucket is charged.
 */
bool pacer_take_run(
    struct pacer *, struct flow *, const struct record *run, uint64_t n, size_t bytes);

/*
 * Makes the record wait behind the others of its flow, and owns it from then
 * on.  False: max_waiting records wait, and the record is still the caller's.
 */
bool pacer_wait(struct pacer *, struct flow *, struct record *);

/* Takes the next record that is due.  False: none is now. */
bool pacer_due(struct pacer *, struct record *);

/* Takes any record that waits, due or not.  False: none waits. */
bool pacer_cancel(struct pacer *, struct record *);

/*
 * For how long half of the records that may wait would last, if all were like
 * the one that leaves next; CLOCK_NEVER if none waits.
 */
int64_t pacer_reserve(struct pacer *);

/* When pacer_due() will have something to do, or CLOCK_NEVER. */
int64_t pacer_next(struct pacer *);

#endif
