#include "base/bucket.h"

__extension__ typedef unsigned __int128 wide;

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t
bounded(wide ns)
{
	return ns < BUCKET_LONGEST ? (int64_t)ns : BUCKET_LONGEST;
}

int64_t
bucket_time(const struct rate *r, uint64_t amount)
{
	return bounded((wide)amount * r->per / r->amount);
}

bool
bucket_is_sane(const struct rate *r)
{
	return bucket_time(r, r->burst) < BUCKET_LONGEST;
}

int64_t
bucket_due(const struct rate *r, int64_t full, int64_t came, uint64_t amount)
{
	return later(came, amount >= r->burst ? full : full - bucket_time(r, r->burst - amount));
}

/*
 * The time to earn the amount, rounded up, less what was paid in excess before.
 */
static int64_t
pay(const struct rate *r, uint64_t amount, uint64_t *paid)
{
	wide owed = (wide)amount * r->per, ns;

	if (owed <= *paid) {
		*paid -= (uint64_t)owed;
		return 0;
	}
	owed -= *paid;
	ns = (owed + r->amount - 1) / r->amount;
	*paid = ns < BUCKET_LONGEST ? (uint64_t)(ns * r->amount - owed) : 0;
	return bounded(ns);
}

int64_t
bucket_take(const struct rate *r, int64_t full, int64_t came, uint64_t amount, uint64_t *paid)
{
	int64_t from = later(full, came);

	return from > INT64_MAX - BUCKET_LONGEST ? from : from + pay(r, amount, paid);
}

int64_t
bucket_take_late(const struct rate *r, int64_t full, int64_t now, uint64_t amount)
{
	return later(full, now + bucket_time(r, amount));
}

int64_t
bucket_rescale(const struct rate *from, const struct rate *to, int64_t time, int64_t now)
{
	int64_t most = bucket_time(from, from->burst);
	long double ns = (long double)time - (long double)now;

	if (ns < -(long double)most)
		ns = -(long double)most; /* full, for however long */
	ns *= ((long double)to->per / (long double)to->amount) /
	    ((long double)from->per / (long double)from->amount);
	if (ns >= (long double)BUCKET_LONGEST)
		return now + BUCKET_LONGEST;
	return ns <= -(long double)BUCKET_LONGEST ? now - BUCKET_LONGEST : now + (int64_t)ns;
}
