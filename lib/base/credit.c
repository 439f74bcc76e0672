#include "base/credit.h"

#define GROWTH 4

/* What the rate earns in CREDIT_AHEAD. */
static uint64_t
most_ahead(const struct rate *r)
{
	double n = (double)CREDIT_AHEAD * (double)r->amount / (double)r->per;

	return n > 1e15 ? (uint64_t)1e15 : (uint64_t)n;
}

/* When the last part of the last portion was due. */
static int64_t
last_due(const struct credit *c, const struct rate *r)
{
	int64_t due = c->full - bucket_time(r, r->burst);

	return due > c->came ? due : c->came;
}

uint64_t
credit_ask(struct credit *c, const struct rate *r, uint64_t amount, int64_t came)
{
	uint64_t most = most_ahead(r), least = amount - c->left;
	uint64_t n = came <= last_due(c, r) ? GROWTH * c->portion : 0;

	if (n > most)
		n = most;
	c->portion = n > least ? n : least;
	return c->portion;
}

void
credit_come(struct credit *c, uint64_t n, int64_t now, int64_t full)
{
	c->left += n;
	c->came = now;
	c->full = full;
}

bool
credit_due(struct credit *c, const struct rate *r, int64_t came, uint64_t amount, int64_t *due)
{
	if (c->full < came)
		c->left = 0;
	if (c->left < amount)
		return false;

	/* The bucket stands where the first part that is left began. */
	*due = bucket_due(r, c->full - bucket_time(r, c->left), came, amount);
	return true;
}

void
credit_take(struct credit *c, uint64_t amount)
{
	c->left -= amount;
}

void
credit_forfeit(struct credit *c, const struct rate *r, int64_t now)
{
	double ahead = (double)(c->full - now) * (double)r->amount / (double)r->per;

	if (ahead < (double)c->left)
		c->left = ahead > 0 ? (uint64_t)ahead : 0;
}

void
credit_rescale(struct credit *c, const struct rate *from, const struct rate *to, int64_t now)
{
	c->full = bucket_rescale(from, to, c->full, now);
}
