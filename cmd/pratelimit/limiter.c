#include "limiter.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/units.h"
#include "key.h"
#include "metrics/statfile.h"
#include "metrics/worktime.h"
#include "pacer.h"
#include "record/record.h"
#include "stage/meter.h"
#include "stage/pipeline.h"
#include "stage/traced.h"
#include "sync/chan.h"
#include "sync/ctx.h"
#include "sync/park.h"

CHAN_OF(record, struct record)

#define BATCH 512

/* How often to check whether another process has changed the rate. */
#define SHARED_LOOK (100 * CLOCK_MS)

struct limiter {
	struct pratelimit *pr;
	struct stage *stage;
	struct chan *in, *out;
	bool in_ended;
	struct pacer pacer;
	struct rate shown; /* in the stat file */
	bool moved;        /* a record has moved in this turn */
	struct parker parker;
	struct waiter on_in, on_cancel, on_news;

	/*
	 * Records taken from `in`.  Those from `at` on, up to `end`, are not
	 * placed yet.  The first cell is for what is split off a run.
	 */
	size_t at, end;
	struct record batch[1 + BATCH];
	bool sorted; /* the next one is sorted, and this is its key */
	struct key key;
	uint64_t sound; /* so many of the next one, a run, are sorted */

	/* Records to be sent on. */
	size_t nleaving;
	struct record leaving[BATCH];
};

/* Sends on what leaves.  Blocks while `out` is full. */
static void
flush_leaving(struct limiter *l)
{
	size_t sent;

	if (l->nleaving == 0)
		return;
	record_sendn(l->out, l->stage->root, l->leaving, l->nleaving, &sent);
	record_freen(l->leaving + sent, l->nleaving - sent);
	l->nleaving = 0;
}

/* Lets a record leave. */
static void
emit_record(struct limiter *l, struct record *r)
{
	struct metrics_shard *s = l->pr->shard;

	histogram_add(&s->queue, l->pacer.now - r->came, record_count(r));
	metrics_add(s, METRIC_TAKEN, record_count(r));
	traced_enter(r, PHASE_OUTPUT, l->pacer.now);
	l->leaving[l->nleaving++] = *r;
	if (l->nleaving == BATCH)
		flush_leaving(l);
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
	emit_record(l, r);
}

/*
 * Does with a record what --over says: there is neither credit for it nor room
 * to wait.  False: the input has to wait.
 */
static bool
handle_over(struct limiter *l, struct record *r)
{
	char text[UNITS_RATE_SIZE];

	if (l->pr->over == OVER_WAIT)
		return false;
	if (l->pr->over == OVER_DROP) {
		stage_drop(r);
		emit_record(l, r);
		return true;
	}
	units_format_rate(
	    l->pacer.teller.rate.amount, l->pacer.teller.rate.per, l->pr->bytes, text);
	bury(l, r, REASON_OVER_RATE, "over the rate of %s", text);
	return true;
}

/*
 * The same where --max-keys keys are known.  The record is never dropped, as
 * its key may well have credit.
 */
static bool
handle_over_keys(struct limiter *l, struct record *r)
{
	if (l->pr->over == OVER_WAIT)
		return false;
	bury(l, r, REASON_OVER_RATE, "%zu other keys are known: no more are allowed",
	    l->pr->max_keys);
	return true;
}

/*
 * Lets a sorted record leave, or wait in its flow.  False: neither is possible
 * now, and the record stays in the batch.
 */
static bool
place_record(struct limiter *l, struct record *r)
{
	struct flow *flow = pacer_flow(&l->pacer, l->key.value.data, l->key.value.len);
	enum booking booking;

	if (flow == NULL) {
		if (errno == ENOSPC)
			return handle_over_keys(l, r);
		stage_give_up(l->stage, 2, "out of memory");
		return false;
	}
	if ((booking = pacer_take(&l->pacer, flow, r)) == BOOKED) {
		emit_record(l, r);
		return true;
	}
	if (booking == BOOKING_ASKED && l->pr->over != OVER_WAIT)
		return false;
	traced_enter(r, PHASE_RATE, l->pacer.now);
	return (flow->n < l->pr->queue && pacer_wait(&l->pacer, flow, r)) || handle_over(l, r);
}

/* Checks a record and finds its key.  False: it leaves without being placed. */
static bool
sort_record(struct limiter *l, struct record *r)
{
	if (r->kind != RECORD_DATA) {
		emit_record(l, r);
		return false;
	}
	if (!stage_check(l->stage, r)) {
		emit_record(l, r);
		return false;
	}
	if (l->pr->key == NULL)
		return true;
	if (key_find(&l->key, l->pr->key, r, !l->pr->opt.no_bypass) == -1) {
		bury(l, r, REASON_NO_KEY, "no value at the --key path");
		return false;
	}
	if (l->key.value.len <= KEY_MAX)
		return true;
	bury(l, r, REASON_NO_KEY, "the key has %zu bytes; %d are allowed", l->key.value.len,
	    KEY_MAX);
	key_forget(&l->key);
	return false;
}

/*
 * Lets the first records of a run leave: those that are sound, or half of them,
 * or a quarter, as far as there is credit.  There are no keys, so all are of
 * one flow.  False: there is none for the first one.
 */
static bool
release_run(struct limiter *l, struct record *run)
{
	struct flow *flow = pacer_flow(&l->pacer, l->key.value.data, l->key.value.len);
	struct record front;
	size_t bytes = 0;
	uint64_t n;

	for (n = flow != NULL ? l->sound : 0; n > 0; n /= 2) {
		bytes = n < run->lines ? record_run_bytes(run, n) : run->len + 1;
		if (pacer_take_run(&l->pacer, flow, run, n, bytes))
			break;
	}
	if (n == 0)
		return false;
	if (!record_take(run, n, bytes, &front))
		l->at++;
	l->sound -= n;
	emit_record(l, &front);
	return true;
}

/*
 * The next record is one that has to be placed alone.  False: the batch has
 * none, or a part of a run has just left.
 */
static bool
next_record(struct limiter *l)
{
	struct record *r = &l->batch[l->at];
	size_t bytes;

	if (r->kind == RECORD_RUN) {
		if (l->sound == 0)
			l->sound = stage_check_run(l->stage, r, &bytes);
		if (l->sound > 0 && release_run(l, r))
			return false;
		(void)record_take_one(r, &l->batch[--l->at]);
	}
	if (!l->sorted && l->sound > 0) {
		l->sorted = true;
		l->sound--;
	}
	return true;
}

/* Sorts and places the records of the batch, up to one that must wait in it. */
static void
sort_batch(struct limiter *l)
{
	while (l->at < l->end) {
		if (next_record(l)) {
			struct record *r = &l->batch[l->at];

			l->sorted = l->sorted || sort_record(l, r);
			if (l->sorted && !place_record(l, r))
				return;
			l->sorted = false;
			key_forget(&l->key);
			l->at++;
		}
		l->moved = true;
	}
}

/* Takes the next batch, once all records of this one are placed. */
static void
take_batch(struct limiter *l)
{
	size_t n;

	if (l->at < l->end || l->in_ended)
		return;
	l->in_ended = record_tryrecvn(l->in, l->batch + 1, BATCH, &n) == CHAN_CLOSED;
	l->at = 1;
	l->end = 1 + n;
	l->moved = l->moved || n > 0 || l->in_ended;
}

/* A record of the batch leaves as a dead letter. */
static void
cancel_record(struct limiter *l, struct record *r)
{
	if (r->kind == RECORD_DATA)
		stage_bury_cancelled(l->stage, r);
	emit_record(l, r);
}

/* Work is cancelled: every record leaves as a dead letter. */
static void
cancel_records(struct limiter *l)
{
	struct record r;

	while (pacer_cancel(&l->pacer, &r))
		cancel_record(l, &r);
	for (; l->at < l->end; l->at++) {
		while (record_take_one(&l->batch[l->at], &r))
			cancel_record(l, &r);
		cancel_record(l, &r);
	}
}

/* Shows the rate to whoever looks at the stage. */
static void
show_rate(struct limiter *l)
{
	const struct rate *r = &l->pacer.teller.rate;

	if (r->amount == l->shown.amount && r->per == l->shown.per)
		return;
	l->shown = *r;
	statfile_show_rate(l->stage->stat, r, l->pr->bytes);
}

/* What has to wait waits for the rate, from now on. */
static void
begin_wait(struct limiter *l)
{
	if (l->at < l->end || l->pacer.flows.waiting > 0)
		stopwatch_start(&l->pr->shard->time[TIME_RATE], worktime_at(l->pacer.now));
}

/* The thread is awake again. */
static void
end_wait(struct limiter *l)
{
	struct stopwatch *w = &l->pr->shard->time[TIME_RATE];

	if (stopwatch_runs(w))
		stopwatch_stop(w, worktime_at(l->pacer.now));
}

/* Called after take_batch(), so that no record came later than now. */
static void
read_clock(struct limiter *l)
{
	pacer_set_time(&l->pacer, clock_now());
	show_rate(l);
	end_wait(l);
	if (l->pacer.teller.generation == 0)
		stage_abort(
		    l->stage, 2, "%s was truncated: the rate it held is lost", l->pr->shared);
}

/* Lets through what is due. */
static void
release_due(struct limiter *l)
{
	struct record r;

	while (pacer_due(&l->pacer, &r)) {
		emit_record(l, &r);
		l->moved = true;
	}
}

/* Does everything that can be done now.  Returns whether there was anything. */
static bool
take_turn(struct limiter *l)
{
	l->moved = false;
	take_batch(l);
	read_clock(l);
	if (stage_is_cancelled(l->stage))
		cancel_records(l);
	else {
		release_due(l);
		sort_batch(l);
	}
	flush_leaving(l);
	return l->moved;
}

static bool
limiter_has_ended(const struct limiter *l)
{
	return ctx_state(l->stage->root) != CTX_LIVE ||
	    (l->in_ended && l->at == l->end && l->pacer.flows.waiting == 0);
}

/* When to wake if nothing else wakes the thread. */
static int64_t
next_wake(struct limiter *l)
{
	int64_t now = l->pacer.now, until = pacer_next(&l->pacer);
	int64_t nap = clock_earlier(LIMITER_NAP, pacer_reserve(&l->pacer));

	if (until == CLOCK_NEVER || stage_is_cancelled(l->stage))
		return CLOCK_NEVER;
	if (until < now + nap)
		until = now + nap;
	return meter_is_shared(l->pr->meter) ? clock_earlier(until, now + SHARED_LOOK) : until;
}

/*
 * Lets news of the meter wake the thread and, unless it only takes a nap,
 * records that come.
 */
static void
watch_input(struct limiter *l, int64_t until)
{
	waitlist_add(meter_news(l->pr->meter), &l->on_news, &l->parker);
	if (l->at == l->end && !l->in_ended && until > l->pacer.now + LIMITER_NAP)
		chan_watch_recv(l->in, &l->on_in, &l->parker);
}

static void
unwatch_input(struct limiter *l)
{
	waitlist_remove(meter_news(l->pr->meter), &l->on_news);
	chan_unwatch_recv(l->in, &l->on_in);
}

static void
limiter_run(void *state, struct ctx *ctx, struct chan *in, struct chan *out)
{
	struct limiter *l = state;
	int64_t until;

	(void)ctx;
	l->in = in;
	l->out = out;
	prctl(PR_SET_TIMERSLACK, 1UL); /* sleep no longer than asked */
	park_init(&l->parker);
	ctx_watch(l->stage->work, &l->on_cancel, &l->parker);
	while (!limiter_has_ended(l)) {
		if (take_turn(l))
			continue;

		/*
		 * There is nothing to do.  Watch, and look again before
		 * sleeping: nothing would wake us for what came before.
		 */
		until = next_wake(l);
		watch_input(l, until);
		if (!take_turn(l) && !limiter_has_ended(l)) {
			begin_wait(l);
			park_wait(&l->parker, clock_earlier(until, next_wake(l)));
		}
		unwatch_input(l);
	}
	end_wait(l);
	ctx_unwatch(l->stage->work, &l->on_cancel);
}

static void
limiter_close(void *state)
{
	struct limiter *l = state;

	record_freen(l->batch + l->at, l->end - l->at);
	key_forget(&l->key);
	pacer_free(&l->pacer);
	free(l);
}

static int
limiter_open(struct processor *p, unsigned worker, void **state)
{
	struct pratelimit *pr = p->arg;
	struct limiter *l = calloc(1, sizeof(*l));
	size_t room = pr->opt.buffer > 0 ? pr->opt.buffer : 1;

	(void)worker;
	if (l == NULL)
		return -1;
	l->pr = pr;
	l->stage = &pr->stage;
	key_forget(&l->key);
	if (pacer_init(&l->pacer, pr->meter, pr->bytes, pr->key != NULL ? pr->max_keys : 1, room) ==
	    -1) {
		limiter_close(l);
		return -1;
	}
	show_rate(l);
	*state = l;
	return 0;
}

struct processor
limiter_processor(struct pratelimit *pr)
{
	return (struct processor){.name = "limit",
	    .workers = 1,
	    .arg = pr,
	    .open = limiter_open,
	    .run = limiter_run,
	    .close = limiter_close};
}
