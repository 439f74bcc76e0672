#include "stage/teller.h"

#include <errno.h>

#include "stage/meter.h"

int
teller_init(struct teller *t, struct meter *meter, bool common)
{
	*t = (struct teller){
	    .meter = meter, .remote = common ? meter_remote(meter) : NULL, .common = common};
	if ((t->generation = meter_rate(meter, &t->rate)) != 0)
		return 0;
	errno = ESTALE;
	return -1;
}

bool
teller_has_news(const struct teller *t)
{
	struct rate r = t->rate;

	/* After some changes the generation is the same as before. */
	return meter_rate(t->meter, &r) != t->generation || r.amount != t->rate.amount ||
	    r.per != t->rate.per;
}

void
teller_adopt(struct teller *t, struct rate *before)
{
	*before = t->rate;
	t->generation = meter_rate(t->meter, &t->rate);
}

/* Learns when the bucket is full.  False: that is told at another rate. */
static bool
look(const struct teller *t, struct account *a)
{
	return !t->common || meter_bucket(t->meter, &a->full) == t->generation;
}

/* Moves the bucket to that time.  False: somebody else was faster. */
static bool
move(const struct teller *t, struct account *a, int64_t to)
{
	if (t->common && !meter_move(t->meter, t->generation, a->full, to))
		return false;
	a->full = to;
	return true;
}

enum booking
teller_book(struct teller *t, struct account *a, int64_t came, uint64_t amount, int64_t latest,
    int64_t *due)
{
	uint64_t paid;
	int64_t next;

	if (t->remote != NULL)
		return remote_book(t->remote, t->generation, came, amount, latest, due);
	do {
		if (!look(t, a))
			return BOOKING_OTHER_RATE;
		*due = bucket_due(&t->rate, a->full, came, amount);
		if (*due > latest)
			return BOOKING_LATE;
		paid = a->paid;
		next = bucket_take(&t->rate, a->full, came, amount, &paid);

		/* If somebody else was faster, compute again. */
	} while (!move(t, a, next));
	a->paid = paid;
	return BOOKED;
}

bool
teller_is_late(const struct teller *t, int64_t due, int64_t now, uint64_t amount)
{
	return now - due > TELLER_LATE && now - due > bucket_time(&t->rate, amount);
}

enum booking
teller_book_all(
    struct teller *t, struct account *a, int64_t came, uint64_t first, uint64_t all, int64_t now)
{
	int64_t from, next;
	uint64_t paid;

	if (t->remote != NULL)
		return BOOKING_LATE;
	do {
		if (!look(t, a))
			return BOOKING_OTHER_RATE;
		from = came;
		if (teller_is_late(t, bucket_due(&t->rate, a->full, came, first), now, first))
			from = now;
		paid = a->paid;
		next = bucket_take(&t->rate, a->full, from, all, &paid);
		/* Whether the last one may be taken. */
		if (bucket_due(&t->rate, next, from, 0) > now)
			return BOOKING_LATE;
	} while (!move(t, a, next));
	a->paid = paid;
	return BOOKED;
}

bool
teller_forfeit(struct teller *t, struct account *a, int64_t now, uint64_t amount)
{
	if (t->remote != NULL)
		return remote_forfeit(t->remote, t->generation, now);
	do
		if (!look(t, a))
			return false;
	while (!move(t, a, bucket_take_late(&t->rate, a->full, now, amount)));
	return true;
}
