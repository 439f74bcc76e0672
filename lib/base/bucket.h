#ifndef PCHAN_BUCKET_H
#define PCHAN_BUCKET_H

/*
 * A token bucket: the generic cell rate algorithm (GCRA, virtual scheduling,
 * ITU-T I.371).
 *
 * A bucket is one number: the time at which it is full again, which GCRA calls
 * the theoretical arrival time.  Taking an amount moves that time on by as long
 * as the amount takes to be earned again.  An amount may be taken when at most
 * burst - amount is missing from the bucket.  Nothing runs in between, and
 * nothing has to be refilled.
 *
 *	due  = max(came, full - time(burst - amount))
 *	full = max(came, full) + time(amount)
 *
 * `came` is the time at which the caller first wanted the amount.  Because it
 * stands in place of now, a caller that wakes late takes what had become due
 * meanwhile, and the rate in the long run is exact.  Only idle time is lost.
 *
 * All functions are pure: times (ns of any clock) go in and come out.
 */

#include <stdbool.h>
#include <stdint.h>

struct rate {
	uint64_t amount; /* records or bytes; at least 1 */
	uint64_t per;    /* ns in which the amount is earned; at least 1 */
	uint64_t burst;  /* the most that can be taken at once; at least 1 */
};

/* The time to earn an amount, rounded down; at most BUCKET_LONGEST. */
#define BUCKET_LONGEST (INT64_MAX / 4)
int64_t bucket_time(const struct rate *, uint64_t amount);

/* The largest burst of records, and whether it can be earned in a lifetime. */
#define BUCKET_BURST_MAX (INT64_C(1) << 50)
bool bucket_is_sane(const struct rate *);

/*
 * When the amount may be taken by a caller that came at `came`.  full is the
 * bucket's time; 0 is a full bucket.  More than the burst may be taken once the
 * bucket is full.
 *
 * Of several amounts that are taken one by one, the last may be taken when
 * nothing, an amount of 0, may be taken of the bucket as it is after all of
 * them; one of more than the burst no later.
 */
int64_t bucket_due(const struct rate *, int64_t full, int64_t came, uint64_t amount);

/*
 * The bucket's time after the amount has been taken.  Times are rounded up to
 * whole ns; *paid keeps the excess, in ns/rate->amount, and sets it off against
 * the next take, so that rounding never adds up.  *paid is 0 at first and after
 * a change of the rate.
 */
int64_t bucket_take(
    const struct rate *, int64_t full, int64_t came, uint64_t amount, uint64_t *paid);

/*
 * The bucket's time after an amount that was due long ago has been taken only
 * now: the time between counts as idle.
 */
int64_t bucket_take_late(const struct rate *, int64_t full, int64_t now, uint64_t amount);

/*
 * Converts a bucket's time from one rate to another, so that debt and credit
 * remain the same amount.
 */
int64_t bucket_rescale(const struct rate *from, const struct rate *to, int64_t time, int64_t now);

#endif
