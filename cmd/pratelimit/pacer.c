#include "pacer.h"

#include <errno.h>

#include "meter.h"
#include "record/record.h"

/* A record that waits longer gets memory of its own, and frees its slab. */
#define LONG_WAIT CLOCK_MS

int
pacer_init(struct pacer *p, struct meter *meter, bool bytes, size_t max_flows, size_t max_waiting)
{
	*p = (struct pacer){.meter = meter, .bytes = bytes};
	if ((p->generation = meter_rate(meter, &p->rate)) == 0) {
		errno = ESTALE;
		return -1;
	}
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
	flows_move(&p->flows, flow, flow->n > 0 ? due : flow->full);
}

/*
 * Adopts the rate that is in force.  Debts and credits remain the same amount,
 * so their times change, and with them the times that were booked.
 */
static void
adopt_rate(struct pacer *p)
{
	struct rate old = p->rate;

	p->generation = meter_rate(p->meter, &p->rate);
	for (struct flow *flow = NULL; (flow = flows_next(&p->flows, flow)) != NULL;) {
		flow->paid = 0;
		flow->full = bucket_rescale(&old, &p->rate, flow->full, p->now);
		set_due(p, flow, bucket_rescale(&old, &p->rate, flow->at, p->now));
	}
}

void
pacer_set_time(struct pacer *p, int64_t now)
{
	struct rate r = p->rate;

	p->now = now;
	/* After some changes the generation is the same as before. */
	if (meter_rate(p->meter, &r) != p->generation || r.amount != p->rate.amount ||
	    r.per != p->rate.per)
		adopt_rate(p);
}

/* Returns when the flow's bucket is full, as it is now, at the rate of p. */
static int64_t
read_full(struct pacer *p, struct flow *flow)
{
	if (meter_is_shared(p->meter))
		while (meter_bucket(p->meter, &flow->full) != p->generation)
			adopt_rate(p);
	return flow->full;
}

/* Moves the flow's bucket to that time.  False: another process was faster. */
static bool
move_full(struct pacer *p, struct flow *flow, int64_t to)
{
	if (meter_is_shared(p->meter) && !meter_move(p->meter, p->generation, flow->full, to))
		return false;
	flow->full = to;
	return true;
}

/*
 * Books a record: charges the flow's bucket and sets *due to the time at which
 * the record may leave.  False: that is later than `latest`, and the bucket is
 * not charged.
 */
static bool
book_record(
    struct pacer *p, struct flow *flow, const struct record *r, int64_t latest, int64_t *due)
{
	uint64_t cost = cost_of(p, r), paid;
	int64_t full, next;

	do {
		/* From the bucket as it stands, for a record that came then. */
		full = read_full(p, flow);
		*due = bucket_due(&p->rate, full, r->came, cost);
		if (*due > latest)
			return false;
		paid = flow->paid;
		next = bucket_take(&p->rate, full, r->came, cost, &paid);

		/* If another process was faster, compute again. */
	} while (!move_full(p, flow, next));
	flow->paid = paid;
	return true;
}

/*
 * Called for a booked record that leaves now.  If the thread was stopped since
 * the record was due, the credit of that time is lost, except for a burst: the
 * bucket is full no sooner than if the record had been taken only now.
 */
static void
forfeit_late(struct pacer *p, struct flow *flow, const struct record *r, int64_t due)
{
	int64_t late = p->now - due, full;
	uint64_t cost = cost_of(p, r);

	/* A thread that wakes a little late was not stopped. */
	if (late <= PACER_LATE || late <= bucket_time(&p->rate, cost))
		return;
	do
		full = read_full(p, flow);
	while (!move_full(p, flow, bucket_take_late(&p->rate, full, p->now, cost)));
}

struct flow *
pacer_flow(struct pacer *p, const char *key, size_t len)
{
	return flows_get(&p->flows, key, len);
}

bool
pacer_take(struct pacer *p, struct flow *flow, const struct record *r)
{
	int64_t due;

	if (flow->n > 0 || !book_record(p, flow, r, p->now, &due))
		return false;
	forfeit_late(p, flow, r, due);
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
		book_record(p, flow, r, CLOCK_NEVER, &due);
	if (due - p->now + bucket_time(&p->rate, flow->n * cost_of(p, r)) > LONG_WAIT)
		record_detach(r);
	flows_push(&p->flows, flow, r);
	set_due(p, flow, due);
	return true;
}

bool
pacer_due(struct pacer *p, struct record *r)
{
	struct flow *flow;
	int64_t due;

	while ((flow = flows_first(&p->flows)) != NULL && (due = flow->at) <= p->now) {
		/* No record waits, and its bucket is as full as a new one's. */
		if (flow->n == 0) {
			flows_forget(&p->flows, flow);
			continue;
		}

		/* The first record leaves, and the next one is booked. */
		*r = flows_pop(&p->flows, flow);
		forfeit_late(p, flow, r, due);
		if (flow->n > 0)
			book_record(p, flow, flows_head(&p->flows, flow), CLOCK_NEVER, &due);
		set_due(p, flow, due);
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
	    ? bucket_time(&p->rate, n * cost_of(p, flows_head(&p->flows, first)))
	    : CLOCK_NEVER;
}

int64_t
pacer_next(struct pacer *p)
{
	const struct flow *first = flows_first(&p->flows);

	return first != NULL ? first->at : CLOCK_NEVER;
}
