#ifndef PCHAN_TELLER_H
#define PCHAN_TELLER_H

/*
 * Books amounts: charges a bucket (bucket.h) at the rate that a meter has in
 * force, and says when that is due.  The bucket is the one of the meter, which
 * other threads and processes charge as well, or an account of the caller's
 * own.
 *
 * When another rate comes into force nothing is booked until the caller has
 * adopted it: then the times that were booked have to change, too.
 *
 * One thread uses a teller; nothing here blocks.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/bucket.h"
#include "base/clock.h"
#include "stage/remote.h"

struct meter;

/* A waiter that wakes later than this was stopped, at a high rate. */
#define TELLER_LATE (20 * CLOCK_MS)

struct teller {
	struct meter *meter;
	struct remote *remote; /* where the bucket is; or NULL */
	bool common;           /* the bucket is the meter's */
	struct rate rate;      /* as last adopted */
	unsigned generation;   /* of that; 0: the meter has lost its rate */
};

/* A bucket; if it is the meter's, as it was last seen.  All zero is full. */
struct account {
	int64_t full;
	uint64_t paid; /* as bucket_take() has it */
};

/* The meter stays the caller's.  -1 with errno ESTALE: it has lost its rate. */
int teller_init(struct teller *, struct meter *, bool common);

/* Whether a rate is in force that has not been adopted. */
bool teller_has_news(const struct teller *);

/* Adopts the rate in force, and stores the one before: see bucket_rescale(). */
void teller_adopt(struct teller *, struct rate *before);

/*
 * Books an amount for a caller that came at `came`, and sets *due to when it
 * may be taken.  If that is later than `latest` nothing is charged.  Where the
 * bucket is on a server *due may be when to ask again: remote_book().
 */
enum booking teller_book(
    struct teller *, struct account *, int64_t came, uint64_t amount, int64_t latest, int64_t *due);

/*
 * Books amounts that are taken now, one by one, and are so much all together:
 * all of them or nothing.  If the caller has been stopped since the first one
 * was due, what was earned since then is forfeited as with each alone.  Of a
 * bucket on a server nothing is booked like this: BOOKING_LATE.
 */
enum booking teller_book_all(
    struct teller *, struct account *, int64_t came, uint64_t first, uint64_t all, int64_t now);

/*
 * Whether somebody who takes an amount now that was due at `due` has been
 * stopped meanwhile, and did not only wake a little late.
 */
bool teller_is_late(const struct teller *, int64_t due, int64_t now, uint64_t amount);

/*
 * An amount is taken now that was due long ago: the credit of the time between
 * is lost, except for a burst, as if it had been booked only now.  False:
 * adopt the rate first.
 */
bool teller_forfeit(struct teller *, struct account *, int64_t now, uint64_t amount);

#endif
