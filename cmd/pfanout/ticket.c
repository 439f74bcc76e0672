#include "ticket.h"

int
ticket_init(struct ticket *t, struct meter *meter)
{
	*t = (struct ticket){0};
	return teller_init(&t->teller, meter, true);
}

/* The token remains the same part of the credit, so its time changes. */
static void
adopt_rate(struct ticket *t, int64_t now)
{
	struct rate before;

	teller_adopt(&t->teller, &before);
	t->account.paid = 0;
	if (t->booked)
		t->due = bucket_rescale(&before, &t->teller.rate, t->due, now);
}

/* Unless the bucket is on a server, and nobody knows yet. */
static void
book(struct ticket *t, int64_t now)
{
	enum booking booking;

	while ((booking = teller_book(&t->teller, &t->account, t->since, 1, CLOCK_NEVER,
		    &t->due)) == BOOKING_OTHER_RATE)
		adopt_rate(t, now);
	t->booked = booking == BOOKED;
}

/* The credit since the token was due is lost. */
static void
forfeit(struct ticket *t, int64_t now)
{
	while (!teller_forfeit(&t->teller, &t->account, now, 1))
		adopt_rate(t, now);
}

/* The token is void: another one is booked by a worker that comes now. */
static void
book_second(struct ticket *t, int64_t now)
{
	t->since = now;
	t->second = true;
	book(t, now);
}

bool
ticket_use(struct ticket *t, int64_t now)
{
	if (teller_has_news(&t->teller))
		adopt_rate(t, now);
	if (!t->wants) {
		t->wants = true;
		t->since = now;
	}
	if (!t->booked)
		book(t, now);
	if (t->booked && teller_is_late(&t->teller, t->due, now, 1)) {
		if (t->second)
			forfeit(t, now);
		else
			book_second(t, now);
	}
	if (!t->booked || t->due > now)
		return false;
	t->booked = t->second = false;
	return true;
}

void
ticket_rest(struct ticket *t)
{
	t->wants = false;
}
