#include "pacer.h"

#include "record/record.h"
#include "stage/meter.h"

/* A record that waits longer gets memory of its own, and frees its slab. */
#define LONG_WAIT CLOCK_MS

int
pacer_init(struct pacer *p, struct meter *meter, bool bytes, size_t max_flows, size_t max_waiting)
{
	*p = (struct pacer){.bytes = bytes};
	/* A bucket that processes share is the only one. */
	if (teller_init(&p->teller, meter, meter_is_shared(meter)) == -1)
		return -1;
	return flows_init(&p->flows, max_flows, max_waiting);
}

void
pacer_free(struct pacer *p)
{
	flows_free(&p->flows);
}

/* What the record takes from a bucket; in bytes, its LF counts. */
static uint64_t
cost_of(const struct pacer *p, const struct record *r)
{
	return p->bytes ? r->len + 1 : 1;
}

/*
 * Sets when the flow needs attention: when its first record is due or, if none
 * waits, when its bucket is full.
 */
static void
set_due(struct pacer *p, struct flow *flow, int64_t due)
{
	flows_move(&p->flows, flow, flow->n > 0 ? due : flow->bucket.full);
}

/*
 * Adopts the rate that is in force.  Debts and credits remain the same amount,
 * so their times change, and with them the times that were booked.
 */
static void
adopt_rate(struct pacer *p)
{
	const struct rate *now = &p->teller.rate;
	struct rate old;

	teller_adopt(&p->teller, &old);
	for (struct flow *flow = NULL; (flow = flows_next(&p->flows, flow)) != NULL;) {
		flow->bucket.paid = 0;
		flow->bucket.full = bucket_rescale(&old, now, flow->bucket.full, p->now);
		set_due(
		    p, flow, flow->booked ? bucket_rescale(&old, now, flow->at, p->now) : flow->at);
	}
}

void
pacer_set_time(struct pacer *p, int64_t now)
{
	p->now = now;
	if (teller_has_news(&p->teller))
		adopt_rate(p);
}

/*
 * Books a record: charges the flow's bucket and sets *due to the time at which
 * the record may leave.  BOOKING_LATE: that is later than `latest`, and the
 * bucket is not charged.  BOOKING_ASKED: ask again then, or at the next news.
 */
static enum booking
book_record(
    struct pacer *p, struct flow *flow, const struct record *r, int64_t latest, int64_t *due)
{
	enum booking booking;

	/* From the bucket as it stands, for a record that came then. */
	while ((booking = teller_book(&p->teller, &flow->bucket, r->came, cost_of(p, r), latest,
		    due)) == BOOKING_OTHER_RATE)
		adopt_rate(p);
	return booking;
}

/* Books the first record that waits. */
static void
book_first(struct pacer *p, struct flow *flow)
{
	int64_t due;

	flow->booked =
	    book_record(p, flow, flows_head(&p->flows, flow), CLOCK_NEVER, &due) == BOOKED;
	set_due(p, flow, due);
}

/*
 * Called for a booked record that leaves now.  If the thread was stopped since
 * the record was due, the credit of that time is lost, except for a burst: the
 * bucket is full no sooner than if the record had been taken only now.
 */
static void
forfeit_late(struct pacer *p, struct flow *flow, uint64_t cost, int64_t due)
{
	if (!teller_is_late(&p->teller, due, p->now, cost))
		return;
	while (!teller_forfeit(&p->teller, &flow->bucket, p->now, cost))
		adopt_rate(p);
}

struct flow *
pacer_flow(struct pacer *p, const char *key, size_t len)
{
	return flows_get(&p->flows, key, len);
}

enum booking
pacer_take(struct pacer *p, struct flow *flow, const struct record *r)
{
	enum booking booking;
	int64_t due;

	if (flow->n > 0)
		return BOOKING_LATE;
	if ((booking = book_record(p, flow, r, p->now, &due)) != BOOKED)
		return booking;
	forfeit_late(p, flow, cost_of(p, r), due);
	set_due(p, flow, CLOCK_NEVER);
	return BOOKED;
}

bool
pacer_take_run(
    struct pacer *p, struct flow *flow, const struct record *run, uint64_t n, size_t bytes)
{
	uint64_t first = p->bytes ? record_run_bytes(run, 1) : 1, all = p->bytes ? bytes : n;
	enum booking booking;

	if (flow->n > 0)
		return false;
	while ((booking = teller_book_all(&p->teller, &flow->bucket, run->came, first, all,
		    p->now)) == BOOKING_OTHER_RATE)
		adopt_rate(p);
	if (booking != BOOKED)
		return false;
	set_due(p, flow, CLOCK_NEVER);
	return true;
}

bool
pacer_wait(struct pacer *p, struct flow *flow, struct record *r)
{
	int64_t due = flow->at;

	if (p->flows.waiting == p->flows.max_waiting)
		return false;
	if (flow->n == 0)
		flow->booked = book_record(p, flow, r, CLOCK_NEVER, &due) == BOOKED;
	if (!flow->booked ||
	    due - p->now + bucket_time(&p->teller.rate, flow->n * cost_of(p, r)) > LONG_WAIT)
		record_detach(r);
	flows_push(&p->flows, flow, r);
	set_due(p, flow, due);
	return true;
}

bool
pacer_due(struct pacer *p, struct record *r)
{
	struct flow *flow;

	while ((flow = flows_first(&p->flows)) != NULL) {
		/* Perhaps there is news.  A shared bucket is one flow. */
		if (flow->n > 0 && !flow->booked)
			book_first(p, flow);
		if (flow->at > p->now)
			return false;

		/* No record waits, and its bucket is as full as a new one's. */
		if (flow->n == 0) {
			flows_forget(&p->flows, flow);
			continue;
		}

		/* The first record leaves, and the next one is booked. */
		*r = flows_pop(&p->flows, flow);
		forfeit_late(p, flow, cost_of(p, r), flow->at);
		if (flow->n > 0)
			book_first(p, flow);
		else
			set_due(p, flow, CLOCK_NEVER);
		return true;
	}
	return false;
}

bool
pacer_cancel(struct pacer *p, struct record *r)
{
	struct flow *flow;

	while ((flow = flows_first(&p->flows)) != NULL) {
		if (flow->n > 0) {
			*r = flows_pop(&p->flows, flow);
			return true;
		}
		flows_forget(&p->flows, flow);
	}
	return false;
}

int64_t
pacer_reserve(struct pacer *p)
{
	const struct flow *first = flows_first(&p->flows);
	size_t n = p->flows.max_waiting / 2 + 1;

	return first != NULL && first->n > 0
	    ? bucket_time(&p->teller.rate, n * cost_of(p, flows_head(&p->flows, first)))
	    : CLOCK_NEVER;
}

int64_t
pacer_next(struct pacer *p)
{
	const struct flow *first = flows_first(&p->flows);

	return first != NULL ? first->at : CLOCK_NEVER;
}
