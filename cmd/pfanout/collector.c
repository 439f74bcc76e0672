#include "collector.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "pfanout.h"
#include "stage/budget.h"
#include "stage/stage.h"
#include "sync/ctx.h"
#include "sync/park.h"
#include "worker.h"

#define CHUNK 64 /* records that are taken at a time */

struct collector {
	struct batch_limits limits;
	int64_t wait;
	bool in_turn;             /* by one worker after the other */
	_Atomic uint64_t numbers; /* of the batches so far */
	_Atomic bool taken;       /* the seat */
	struct waitlist standing; /* the workers that wait for it */

	/* Only the worker that has the seat uses the following. */
	struct batch batch; /* is being collected */
	int64_t until;      /* when it has waited for long enough */
};

/* A worker on its way to a batch. */
struct seeker {
	struct collector *collector;
	struct worker *worker;
	struct batch *batch; /* the one it may add to, if seated */
	bool seated;
	struct parker parker;
	struct ctx *end; /* is watched by on_end */
	struct waiter on_end, on_signal, on_seat, on_used_up;
};

struct collector *
collector_new(const struct batch_limits *limits, int64_t wait, bool in_turn)
{
	struct collector *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->limits = *limits;
	c->wait = wait;
	c->in_turn = in_turn;
	waitlist_init(&c->standing);
	return c;
}

void
collector_free(struct collector *c)
{
	if (c == NULL)
		return;
	batch_free(&c->batch);
	waitlist_destroy(&c->standing);
	free(c);
}

static bool
needs_seat(const struct collector *c)
{
	return c->in_turn;
}

static bool
sit_down(struct collector *c)
{
	bool no = false;

	return !needs_seat(c) || atomic_compare_exchange_strong(&c->taken, &no, true);
}

static void
stand_up(struct collector *c)
{
	if (!needs_seat(c))
		return;
	atomic_store(&c->taken, false);
	waitlist_wake(&c->standing, 1);
}

static void
add_record(struct seeker *s, struct record *r)
{
	struct collector *c = s->collector;

	if (batch_add(s->batch, r) == -1) {
		stage_abort(s->worker->stage, 2, "worker %u: out of memory", s->worker->slot);
		stage_bury_cancelled(s->worker->stage, r);
		outbox_put(&s->worker->out, r);
	} else if (needs_seat(c) && s->batch->records.n == 1)
		c->until = clock_after(clock_now(), c->wait);
}

static void
sort_record(struct seeker *s, struct record *r)
{
	struct stage *st = s->worker->stage;

	if (r->kind == RECORD_DATA && stage_is_cancelled(st))
		stage_bury_cancelled(st, r);
	else if (r->kind == RECORD_DATA && (s->worker->pf->keyed != NULL || stage_check(st, r))) {
		record_detach(r);
		add_record(s, r);
		return;
	}
	outbox_put(&s->worker->out, r);
}

/* The seq of the oldest record that is held. */
static uint64_t
oldest(const struct seeker *s)
{
	return s->batch->records.n > 0 ? queue_at(&s->batch->records, 0)->seq : UINT64_MAX;
}

/* Takes what is there.  False: nothing was sent on at once. */
static bool
take_records(struct seeker *s)
{
	struct intake *in = &s->worker->intake;
	struct record r[CHUNK];
	size_t room, n;
	bool sent;

	while ((room = batch_room(s->batch, &s->collector->limits)) > 0 &&
	    (n = intake_take_new(in, r, room < CHUNK ? room : CHUNK, oldest(s))) > 0)
		for (size_t i = 0; i < n; i++)
			sort_record(s, &r[i]);
	sent = s->worker->out.n > 0;
	outbox_flush(&s->worker->out);
	return sent;
}

static void
fill_batch(struct seeker *s)
{
	/* With --key, what is sent on makes way for the next of its key. */
	while (take_records(s))
		continue;
}

/* Whether a batch with records need not wait for more. */
static bool
is_complete(const struct seeker *s)
{
	struct stage *st = s->worker->stage;

	return batch_room(s->batch, &s->collector->limits) == 0 || s->worker->intake.in_ended ||
	    !budget_may_take(st->budget, oldest(s)) || stage_is_cancelled(st) ||
	    ctx_state(st->running) != CTX_LIVE || clock_now() >= s->collector->until;
}

static void
give_number(struct collector *c, struct batch *b)
{
	b->number = atomic_fetch_add(&c->numbers, 1) + 1;
}

/* Goes on collecting.  False: there is no complete batch yet. */
static bool
collect(struct seeker *s, struct batch *b)
{
	/* First this: what the source sent before it began to wait is there. */
	bool used_up = budget_is_used_up(s->worker->stage->budget);

	fill_batch(s);
	if (s->batch->records.n == 0 || !(used_up || is_complete(s)))
		return false;
	if (s->batch != b) {
		*b = *s->batch;
		*s->batch = (struct batch){0};
	}
	give_number(s->collector, b);
	return true;
}

/* Sits or stands as fits, and looks for a batch.  False: there is none. */
static bool
look_for_batch(struct seeker *s, struct batch *b)
{
	struct intake *in = &s->worker->intake;

	if (intake_take_due(in, b)) {
		if (b->number == 0)
			give_number(s->collector, b);
		return true;
	}
	if (!s->seated && !in->in_ended)
		s->seated = sit_down(s->collector);
	if (s->seated && collect(s, b))
		return true;
	/* With nothing left to take, the seat is for the others to see that. */
	if (s->seated && in->in_ended) {
		stand_up(s->collector);
		s->seated = false;
	}
	return false;
}

/* Whether nothing will come any more. */
static bool
is_over(const struct seeker *s)
{
	return intake_has_ended(&s->worker->intake) ||
	    ctx_state(s->worker->stage->root) != CTX_LIVE;
}

/* From now on whatever may change what look_for_batch() finds is a wake. */
static void
watch(struct seeker *s)
{
	struct worker *w = s->worker;
	struct stage *st = w->stage;

	/* Once work is cancelled only the end of the stage is news. */
	s->end = stage_is_cancelled(st) ? st->root : st->work;
	ctx_watch(s->end, &s->on_end, &s->parker);
	if (ctx_state(st->running) == CTX_LIVE)
		ctx_watch(st->running, &s->on_signal, &s->parker);
	intake_watch_due(&w->intake, &s->parker);
	if (s->seated) {
		budget_watch_used_up(st->budget, &s->on_used_up, &s->parker);
		intake_watch_new(&w->intake, &s->parker, oldest(s));
	} else if (!w->intake.in_ended)
		waitlist_add(&s->collector->standing, &s->on_seat, &s->parker);
}

static void
unwatch(struct seeker *s)
{
	struct collector *c = s->collector;
	struct stage *st = s->worker->stage;

	/* A wake that was not used is passed on. */
	if (!waitlist_remove(&c->standing, &s->on_seat) && !atomic_load(&c->taken))
		waitlist_wake(&c->standing, 1);
	intake_unwatch(&s->worker->intake, false);
	budget_unwatch_used_up(st->budget, &s->on_used_up);
	ctx_unwatch(st->running, &s->on_signal);
	ctx_unwatch(s->end, &s->on_end);
}

/* Looks for a batch, and sleeps if there is none. */
static bool
seek_batch(struct seeker *s, struct batch *b)
{
	bool seated = s->seated, found;

	watch(s);
	found = look_for_batch(s, b);
	/* A worker that has sat down or stood up waits for something else. */
	if (!found && !is_over(s) && s->seated == seated)
		park_wait(&s->parker,
		    seated && s->batch->records.n > 0 ? s->collector->until : CLOCK_NEVER);
	unwatch(s);
	return found;
}

bool
collector_next(struct collector *c, struct worker *w, struct batch *b)
{
	struct seeker s = {.collector = c, .worker = w, .batch = needs_seat(c) ? &c->batch : b};
	bool found;

	*b = (struct batch){0};
	park_init(&s.parker);
	while (!(found = seek_batch(&s, b)) && !is_over(&s))
		continue;
	if (s.seated)
		stand_up(c);
	return found;
}
