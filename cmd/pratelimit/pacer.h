#ifndef PACER_H
#define PACER_H

/*
 * Says when a record may go: each flow (flows.h) has a bucket, and lets its records through in their order.
 *
 * A record that is the first of its flow is booked at once: its bucket is charged, which says when the
 * record is due.  Those behind it are booked one after the other, each when it becomes the first; so processes that
 * share a bucket take turns.  Time is passed in, so all this can be tried on a simulated clock.
 *
 * Who wakes late takes what was due meanwhile, so that the rate in the long run is exact.  But who comes later
 * than PACER_LATE, and than one record takes, was stopped, and begins with a burst.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bucket.h"
#include "base/clock.h"
#include "flows.h"

struct meter;
struct record;

#define PACER_LATE (20 * CLOCK_MS)

struct pacer {
	struct flows flows;
	struct meter *meter;
	bool bytes; /* they count, and not records */
	struct rate rate;
	unsigned generation; /* of the rate; 0: there is none any more */
	int64_t now;
};

/* For so many flows and waiting records.  -1 with errno (ESTALE: the meter has no rate any more). */
int pacer_init(struct pacer *, struct meter *, bool bytes, size_t max_flows, size_t max_waiting);
void pacer_free(struct pacer *);

/* It is so late now, and the rate may be another one.  To be called before what follows. */
void pacer_set_time(struct pacer *, int64_t now);

/* The flow of a key.  NULL with errno: ENOSPC (as many as may be), ENOMEM. */
struct flow *pacer_flow(struct pacer *, const char *key, size_t len);

/* Whether the record may go now, before any that waits; then it is charged. */
bool pacer_take(struct pacer *, struct flow *, const struct record *);

/* The record waits behind the others of its flow.  False: there is no room. */
bool pacer_wait(struct pacer *, struct flow *, struct record *);

/* The next record whose time has come.  False: there is none now. */
bool pacer_due(struct pacer *, struct record *);

/* Any record that waits.  False: there is none. */
bool pacer_cancel(struct pacer *, struct record *);

/* For how long half of those that may wait are enough, if all are like the one that goes next; CLOCK_NEVER. */
int64_t pacer_reserve(struct pacer *);

/* When pacer_due() will have something to do; CLOCK_NEVER. */
int64_t pacer_next(struct pacer *);

#endif
