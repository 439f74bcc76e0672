#ifndef PCHAN_BUCKET_H
#define PCHAN_BUCKET_H

/*
 * A token bucket, as the generic cell rate algorithm has it (GCRA, virtual scheduling: ITU-T I.371).
 *
 * A bucket is one number: the time at which it is full again, GCRA's theoretical arrival time.  Taking an
 * amount moves it on by the time that it takes to earn that back, and an amount may be taken when
 * the bucket is full but for burst - amount.  Nothing runs and nothing is filled up meanwhile.
 *
 *	due  = max(came, full - time(burst - amount))
 *	full = max(came, full) + time(amount)
 *
 * With `came`, the time at which somebody first wanted it, in place of now, who wakes late takes what
 * had been due meanwhile, and so the rate in the long run is exact.  Only idle time is lost.
 *
 * Everything here is pure: times (ns of whatever clock) come in and go out.
 */

#include <stdint.h>

struct rate {
	uint64_t amount; /* records or bytes; at least 1 */
	uint64_t per;    /* in so many ns; at least 1 */
	uint64_t burst;  /* and so much at once at most; at least 1 */
};

/* How long it takes to earn so much, rounded down; at most BUCKET_LONGEST. */
#define BUCKET_LONGEST (INT64_MAX / 4)
int64_t bucket_time(const struct rate *, uint64_t amount);

/*
 * When so much may be taken from a bucket that is full at `full` (0: it is) by somebody who came at
 * that time.  More than the burst may be taken when it is full.
 */
int64_t bucket_due(const struct rate *, int64_t full, int64_t came, uint64_t amount);

/*
 * When it will be full after that.  Times are whole ns, rounded up; *paid remembers what that was too
 * much, in ns/rate->amount, and sets it off against the next one, so that nothing adds up.  It is 0
 * at first, and for another rate.
 */
int64_t bucket_take(
    const struct rate *, int64_t full, int64_t came, uint64_t amount, uint64_t *paid);

/*
 * When it will be full if what was due long ago is taken only now: what might have been taken
 * between counts as idle time.
 */
int64_t bucket_take_late(const struct rate *, int64_t full, int64_t now, uint64_t amount);

/* A time of the old rate for the new one: debt and credit remain the same amount. */
int64_t bucket_rescale(const struct rate *old, const struct rate *new, int64_t time, int64_t now);

#endif
