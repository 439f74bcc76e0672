#include "limiter.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "chan.h"
#include "ctx.h"
#include "envelope.h"
#include "flows.h"
#include "json.h"
#include "meter.h"
#include "pipe.h"
#include "record.h"
#include "units.h"

CHAN_OF(record, struct record)

#define BATCH 512
#define KEY_MAX 1024       /* bytes of a key */
#define LONG_WAIT CLOCK_MS /* who waits longer does not keep a slab from being recycled */
#define SHARED_LOOK \
	(100 * CLOCK_MS) /* how often to look whether another process has changed the rate */

/* The value at the key's path. */
struct key {
	const char *data;
	size_t len;
	char *owned; /* what holds it if that is not the record */
};

struct limiter {
	struct limit *limit;
	struct stage *stage;
	struct chan *in, *out;
	bool in_ended;
	struct flows flows;
	struct flow *all; /* the one flow; NULL: there are keys */
	struct rate rate;
	uint64_t generation; /* of the rate */
	int64_t now;         /* of this turn */
	bool moved;          /* something was, in this turn */
	struct parker parker;
	struct waiter on_in, on_cancel, on_change;

	/* What was taken from `in`: those from `at` on are still to be sorted. */
	size_t at, n;
	struct record batch[BATCH];
	bool sorted; /* the next one has been looked at, and has this key */
	struct key key;

	size_t nresults;
	struct record results[BATCH];
};

static void
flush(struct limiter *l)
{
	size_t sent;

	if (l->nresults == 0)
		return;
	record_sendn(l->out, l->stage->root, l->results, l->nresults, &sent);
	record_freen(l->results + sent, l->nresults - sent);
	l->nresults = 0;
}

/* A record leaves. */
static void
emit(struct limiter *l, const struct record *r)
{
	struct stat_shard *s = l->limit->shard;

	histogram_add(&s->queue, l->now - r->queued, 1);
	stat_add(s, STAT_TAKEN, 1);
	l->results[l->nresults++] = *r;
	if (l->nresults == BATCH)
		flush(l);
}

static void __attribute__((format(printf, 4, 5)))
bury(struct limiter *l, struct record *r, enum reason reason, const char *fmt, ...)
{
	struct failure f = {.reason = reason};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f.message, sizeof(f.message), fmt, ap);
	va_end(ap);
	stage_bury(l->stage, r, &f);
	emit(l, r);
}

/* Its LF counts. */
static uint64_t
cost_of(const struct limiter *l, const struct record *r)
{
	return l->limit->bytes ? r->len + 1 : 1;
}

/* Charges the flow's bucket, unless the record would be due later than this. */
static bool
book(struct limiter *l, struct flow *flow, const struct record *r, int64_t latest, int64_t *due)
{
	uint64_t cost = cost_of(l, r), paid;
	int64_t full = atomic_load(flow->full), next;

	do {
		*due = bucket_due(&l->rate, full, r->queued, cost);
		if (*due > latest)
			return false;
		paid = flow->paid;
		next = bucket_take(&l->rate, full, r->queued, cost, &paid);
	} while (!atomic_compare_exchange_weak(flow->full, &full, next));
	flow->paid = paid;
	return true;
}

/* We were stopped: what might have gone meanwhile is lost, but for a burst. */
static void
forget_credit(struct limiter *l, struct flow *flow, uint64_t cost)
{
	int64_t full = atomic_load(flow->full);

	while (!atomic_compare_exchange_weak(
	    flow->full, &full, bucket_take_late(&l->rate, full, l->now, cost)))
		continue;
}

/* A record that was booked goes. */
static void
pass(struct limiter *l, struct flow *flow, const struct record *r, int64_t due)
{
	int64_t late = l->now - due;

	if (late > LIMITER_LATE && late > bucket_time(&l->rate, cost_of(l, r)))
		forget_credit(l, flow, cost_of(l, r));
	emit(l, r);
}

/* When there will be something to do for a flow whose first record, if it has one, is due then. */
static void
set_time(struct limiter *l, struct flow *flow, int64_t due)
{
	if (flow->n > 0)
		flows_move(&l->flows, flow, due);
	else
		flows_move(&l->flows, flow, flow == l->all ? CLOCK_NEVER : atomic_load(flow->full));
}

static void
release_flow(struct limiter *l, struct flow *flow)
{
	int64_t due = flow->at;

	while (flow->n > 0 && due <= l->now) {
		struct record r = flows_pop(&l->flows, flow);

		pass(l, flow, &r, due);
		if (flow->n > 0)
			book(l, flow, flows_head(&l->flows, flow), CLOCK_NEVER, &due);
	}
	set_time(l, flow, due);
}

/* What is due goes, and idle flows are forgotten. */
static void
release(struct limiter *l)
{
	struct flow *flow;

	while ((flow = flows_first(&l->flows)) != NULL && flow->at <= l->now) {
		l->moved = true;
		if (flow->n > 0)
			release_flow(l, flow);
		else
			flows_forget(&l->flows, flow);
	}
}

/* There is no credit, and no room to wait.  False: the input has to. */
static bool
over(struct limiter *l, struct record *r)
{
	char text[UNITS_RATE_SIZE];

	if (l->limit->over == OVER_WAIT)
		return false;
	if (l->limit->over == OVER_DROP) {
		stage_drop(r);
		emit(l, r);
		return true;
	}
	units_format_rate(l->rate.amount, l->rate.per, l->limit->bytes, text);
	bury(l, r, REASON_OVER_RATE, "over the rate of %s", text);
	return true;
}

/* It waits.  False: there is no room. */
static bool
queue(struct limiter *l, struct flow *flow, struct record *r)
{
	int64_t due = flow->at;

	if (flow->n >= l->limit->queue || l->flows.waiting == l->flows.max_waiting)
		return false;
	if (flow->n == 0)
		book(l, flow, r, CLOCK_NEVER, &due);
	if (due - l->now + bucket_time(&l->rate, flow->n * cost_of(l, r)) > LONG_WAIT)
		record_detach(r);
	flows_push(&l->flows, flow, r);
	set_time(l, flow, due);
	return true;
}

/* False: it can't be now. */
static bool
place(struct limiter *l, struct record *r)
{
	struct flow *flow = l->all;
	int64_t due;

	if (flow == NULL && (flow = flows_get(&l->flows, l->key.data, l->key.len)) == NULL) {
		if (errno != ENOSPC)
			stage_give_up(l->stage, 2, "out of memory");
		return over(l, r);
	}
	if (flow->n > 0 || !book(l, flow, r, l->now, &due))
		return queue(l, flow, r) || over(l, r);
	pass(l, flow, r, due);
	set_time(l, flow, due);
	return true;
}

/* Looks for the key, also in the payload of a retry envelope. */
static bool
find_key(const struct limiter *l, const struct record *r, struct key *key)
{
	const char *data = r->data;
	struct json_slice found;
	size_t len = r->len;

	*key = (struct key){.data = NULL};
	if (!l->limit->opt.no_bypass && envelope_kind(data, len) == ENVELOPE_RETRY)
		(void)envelope_payload(r->data, r->len, &data, &len, &key->owned);
	if (!json_path_get(l->limit->key, data, len, &found)) {
		free(key->owned);
		return false;
	}
	key->data = found.data;
	key->len = found.len;
	return true;
}

/* What has to be known of a record before it is placed.  False: it has left. */
static bool
sort(struct limiter *l, struct record *r)
{
	if (r->kind == RECORD_LETTER) {
		emit(l, r);
		return false;
	}
	if (!stage_check(l->stage, r)) {
		emit(l, r);
		return false;
	}
	if (l->all != NULL)
		return true;
	if (!find_key(l, r, &l->key)) {
		bury(l, r, REASON_NO_KEY, "no value at the --key path");
		return false;
	}
	if (l->key.len <= KEY_MAX)
		return true;
	free(l->key.owned);
	bury(l, r, REASON_NO_KEY, "the key has %zu bytes, %d are allowed", l->key.len, KEY_MAX);
	return false;
}

/* Sorts what was taken, as far as it can be. */
static void
sort_batch(struct limiter *l)
{
	for (; l->at < l->n; l->at++) {
		struct record *r = &l->batch[l->at];

		if (!l->sorted && !sort(l, r)) {
			l->moved = true;
			continue;
		}
		l->sorted = true;
		if (!place(l, r))
			return;
		l->moved = true;
		l->sorted = false;
		free(l->key.owned);
		l->key.owned = NULL;
	}
}

static void
take(struct limiter *l)
{
	if (l->at < l->n || l->in_ended)
		return;
	l->at = 0;
	l->in_ended = record_tryrecvn(l->in, l->batch, BATCH, &l->n) == CHAN_CLOSED;
	l->moved = l->moved || l->n > 0 || l->in_ended;
}

/* Another rate is in force. */
static void
adopt_rate(struct limiter *l)
{
	struct rate old = l->rate;

	if (meter_generation(l->limit->meter) == l->generation)
		return;
	if ((l->generation = meter_rate(l->limit->meter, &l->rate)) == 0) {
		l->rate = old;
		stage_abort(l->stage, 2, "%s was cut off by somebody: no rate is known any more",
		    l->limit->shared);
		return;
	}
	for (struct flow *flow = NULL; (flow = flows_next(&l->flows, flow)) != NULL;) {
		flow->paid = 0;
		atomic_store(&flow->own, bucket_rescale(&old, &l->rate, flow->own, l->now));
		set_time(
		    l, flow, flow->n > 0 ? bucket_rescale(&old, &l->rate, flow->at, l->now) : 0);
	}
}

/* Work is cancelled: what waits leaves. */
static void
cancel(struct limiter *l)
{
	for (struct flow *flow = NULL; (flow = flows_next(&l->flows, flow)) != NULL;)
		while (flow->n > 0) {
			struct record r = flows_pop(&l->flows, flow);

			stage_bury_cancelled(l->stage, &r);
			emit(l, &r);
		}
	for (; l->at < l->n; l->at++) {
		if (l->batch[l->at].kind == RECORD_DATA)
			stage_bury_cancelled(l->stage, &l->batch[l->at]);
		emit(l, &l->batch[l->at]);
	}
}

/* Does what can be done now.  Returns whether there was anything. */
static bool
turn(struct limiter *l)
{
	l->moved = false;
	take(l);
	l->now = clock_now();
	adopt_rate(l);
	if (stage_is_cancelled(l->stage))
		cancel(l);
	else {
		release(l);
		sort_batch(l);
	}
	flush(l);
	return l->moved;
}

static bool
has_ended(const struct limiter *l)
{
	return ctx_state(l->stage->root) != CTX_LIVE ||
	    (l->in_ended && l->at == l->n && l->flows.waiting == 0);
}

/* When to wake, if nothing happens. */
static int64_t
wake_time(struct limiter *l)
{
	const struct flow *first = flows_first(&l->flows);
	int64_t until = first != NULL ? first->at : CLOCK_NEVER;

	if (until == CLOCK_NEVER || stage_is_cancelled(l->stage))
		return CLOCK_NEVER;
	if (until < l->now + LIMITER_NAP)
		until = l->now + LIMITER_NAP;
	if (meter_is_shared(l->limit->meter) && until > l->now + SHARED_LOOK)
		until = l->now + SHARED_LOOK;
	return until;
}

static void
watch(struct limiter *l)
{
	waitlist_add(&l->limit->changed, &l->on_change, &l->parker);
	if (l->at == l->n && !l->in_ended)
		chan_watch(l->in, &l->on_in, &l->parker);
}

static void
unwatch(struct limiter *l)
{
	waitlist_remove(&l->limit->changed, &l->on_change);
	chan_unwatch(l->in, &l->on_in);
}

static void
limiter_run(void *state, struct ctx *ctx, struct chan *in, struct chan *out)
{
	struct limiter *l = state;

	(void)ctx;
	l->in = in;
	l->out = out;
	prctl(PR_SET_TIMERSLACK, 1UL); /* sleep no longer than asked for */
	park_init(&l->parker);
	ctx_watch(l->stage->work, &l->on_cancel, &l->parker);
	while (!has_ended(l)) {
		if (turn(l))
			continue;
		watch(l);
		if (!turn(l) && !has_ended(l))
			park_wait(&l->parker, wake_time(l));
		unwatch(l);
	}
	ctx_unwatch(l->stage->work, &l->on_cancel);
}

static void
limiter_close(void *state)
{
	struct limiter *l = state;

	record_freen(l->batch + l->at, l->n - l->at);
	free(l->key.owned);
	flows_free(&l->flows);
	free(l);
}

static int
limiter_open(struct processor *p, unsigned worker, void **state)
{
	struct limit *limit = p->arg;
	struct limiter *l = calloc(1, sizeof(*l));
	size_t room = limit->opt.buffer > 0 ? limit->opt.buffer : 1;

	(void)worker;
	if (l == NULL)
		return -1;
	l->limit = limit;
	l->stage = &limit->stage;
	l->generation = meter_rate(limit->meter, &l->rate);
	if (flows_init(&l->flows, limit->key != NULL ? limit->max_keys : 1, room) == -1 ||
	    (limit->key == NULL && (l->all = flows_get(&l->flows, "", 0)) == NULL)) {
		limiter_close(l);
		return -1;
	}
	if (l->all != NULL)
		l->all->full = meter_bucket(limit->meter);
	*state = l;
	return 0;
}

struct processor
limiter_processor(struct limit *limit)
{
	return (struct processor){.name = "limit",
	    .workers = 1,
	    .arg = limit,
	    .open = limiter_open,
	    .run = limiter_run,
	    .close = limiter_close};
}
