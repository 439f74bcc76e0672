#ifndef PCHAN_CREDIT_H
#define PCHAN_CREDIT_H

/*
 * Credit from a bucket that is elsewhere: on a server, which takes a while to
 * answer, and which others ask, too.
 *
 * The server's bucket (bucket.h) is charged with a portion, which may come to
 * more than is in it, and the answer is when the bucket is full again.  From
 * that follows when each part of the portion is due, as if it had been taken
 * alone.  So whoever asks has a turn, however far away the server is, and all
 * together never have more than the rate and one burst.
 *
 * A portion is what is needed now.  Only for somebody who has waited for the
 * credit since before the last portion was used up it is four times that one,
 * up to what the rate earns in CREDIT_AHEAD: to ask for each record would be
 * too slow.  What is not used until the bucket is full is void, as the bucket
 * would be full without that, too.
 *
 * Pure: times (ns of any clock) go in and come out.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/bucket.h"
#include "base/clock.h"

#define CREDIT_AHEAD (50 * CLOCK_MS)

struct credit {
	uint64_t left;    /* of what was taken */
	int64_t full;     /* when the bucket is full, but for later takes */
	int64_t came;     /* when the last portion came */
	uint64_t portion; /* the last one */
};

/*
 * How much to ask for, so that `amount`, which is more than is left, is there
 * for a caller that came at `came`.
 */
uint64_t credit_ask(struct credit *, const struct rate *, uint64_t amount, int64_t came);

/* It has come, and the bucket is full at that time. */
void credit_come(struct credit *, uint64_t n, int64_t now, int64_t full);

/*
 * Whether that amount is left for a caller that came at `came`.  If so, *due is
 * when it may go.
 */
bool credit_due(struct credit *, const struct rate *, int64_t came, uint64_t amount, int64_t *due);

/* It goes: after credit_due(). */
void credit_take(struct credit *, uint64_t amount);

/*
 * What was due long ago has been taken only now: the credit of the time between
 * is lost, except for a burst (bucket_take_late()).
 */
void credit_forfeit(struct credit *, const struct rate *, int64_t now);

/* The rate is another one: debt and credit remain the same amount. */
void credit_rescale(struct credit *, const struct rate *from, const struct rate *to, int64_t now);

#endif
