#include "stage/budget.c" /* for the lists on which threads wait */

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "sync/ctx.h"
#include "t.h"

#define RECORDS 10
#define BYTES 1000
#define MAX BYTES
#define THREADS 4
#define ROUNDS 500
#define RESERVATIONS 20000
#define RACES 10000

static struct ctx *root, *cancelled;

static struct budget *
new_budget(size_t spare, bool ordered)
{
	struct budget_limits limits = {RECORDS, BYTES, spare, ordered};
	struct budget *b = budget_new(&limits);

	if (b == NULL)
		abort();
	return b;
}

/* The end of reserved records that no worker had begun. */
static void
release(struct budget *b, size_t records, size_t bytes)
{
	budget_release(b, &(struct budget_release){.records = records, .bytes = bytes});
}

/* The end of what workers had begun and answered. */
static void
end_work(struct budget *b, size_t begun, size_t bytes, size_t answer_bytes)
{
	budget_release(b,
	    &(struct budget_release){
		.begun = begun, .begun_bytes = bytes, .answer_bytes = answer_bytes});
}

static void
test_reserve(void)
{
	struct budget *b = new_budget(0, false);

	CHECK(b != NULL);
	CHECK(budget_held(b) == 0);
	CHECK(budget_reserve(b, root, 4, 400) == 0 && budget_reserve(b, root, 6, 600) == 0,
	    "all there is");
	CHECK(budget_held(b) == 10);
	/* With a context that is done, -1 says that it would have blocked. */
	CHECK(budget_reserve(b, cancelled, 1, 0) == -1, "one record more");
	CHECK(budget_held(b) == 10, "then nothing is reserved");
	release(b, 1, 0);
	CHECK(budget_reserve(b, cancelled, 1, 1) == -1, "one byte more");
	release(b, 1, 1);
	CHECK(budget_reserve(b, root, 2, 1) == 0);
	CHECK(budget_reserve(b, cancelled, 100, 1 << 20) == -1);
	release(b, 10, 1000);
	CHECK(budget_held(b) == 0);
	CHECK(budget_reserve(b, root, 100, 1 << 20) == 0, "one batch is always let in");
	CHECK(budget_reserve(b, cancelled, 1, 1) == -1);
	release(b, 99, 1);
	CHECK(budget_held(b) == 1);
	CHECK(budget_reserve(b, cancelled, 1, 1) == -1, "its bytes are still held");
	release(b, 1, (1 << 20) - 1);
	CHECK(budget_reserve(b, root, 1, 1) == 0);
	budget_free(b);
	budget_free(NULL);
}

static void
test_share(void)
{
	static const struct {
		size_t max, most, share;
	} cases[] = {{4096, 512, 512}, {404, 512, 101}, {4, 512, 1}, {1, 512, 1}, {100, 7, 7}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct budget *b =
		    budget_new(&(struct budget_limits){.records = cases[i].max, .bytes = BYTES});

		CHECK(budget_share(b, cases[i].most) == cases[i].share, "case %zu", i);
		budget_free(b);
	}
}

/* A few records are let in, however large they are. */
static void
test_spare(void)
{
	struct budget *b = new_budget(2, false);

	for (int i = 0; i < 3; i++)
		CHECK(budget_reserve(b, root, 1, 10 * BYTES) == 0, "%d", i);
	CHECK(budget_reserve(b, cancelled, 1, 1) == -1);
	release(b, 1, 10 * BYTES);
	CHECK(budget_reserve(b, root, 1, 10 * BYTES) == 0);
	CHECK(budget_reserve(b, cancelled, 1, 1) == -1);
	release(b, 3, 30 * BYTES);
	CHECK(budget_reserve(b, root, RECORDS, BYTES) == 0 &&
	    budget_reserve(b, cancelled, 1, 0) == -1);
	budget_free(b);
}

static void
test_end(void)
{
	struct budget *b = new_budget(0, false);
	struct waitlist list;
	struct parker p;
	struct waiter w;

	waitlist_init(&list);
	park_init(&p);
	budget_watch_done(b, &list);
	waitlist_add(&list, &w, &p);
	CHECK(budget_reserve(b, root, 3, 30) == 0);
	release(b, 3, 30);
	CHECK(!budget_is_done(b), "there may be more");
	CHECK(budget_reserve(b, root, 2, 20) == 0);
	release(b, 1, 10);
	CHECK(!park_wait(&p, 0));
	budget_end_input(b);
	CHECK(!budget_is_done(b) && !park_wait(&p, 0), "one record is left");
	release(b, 1, 10);
	CHECK(budget_is_done(b) && park_wait(&p, 0), "the last one wakes");
	budget_watch_done(b, NULL);
	budget_free(b);

	b = new_budget(0, false);
	budget_watch_done(b, &list);
	waitlist_add(&list, &w, &p);
	budget_end_input(b);
	CHECK(budget_is_done(b) && park_wait(&p, 0), "an empty input");
	budget_free(b);
	waitlist_destroy(&list);
}

struct blocked {
	struct budget *budget;
	struct ctx *ctx;
	int result;
};

static void *
reserve_main(void *arg)
{
	struct blocked *r = arg;

	r->result = budget_reserve(r->budget, r->ctx, 5, 500);
	return NULL;
}

/*
 * A thread finds no room.  Then something happens, and it returns with this
 * result.
 */
static void
test_blocked(void (*happen)(struct blocked *), int64_t deadline, int result)
{
	struct blocked r = {
	    .budget = new_budget(0, false), .ctx = ctx_new(root, deadline), .result = 1};
	pthread_t thread;

	CHECK(budget_reserve(r.budget, root, 6, 600) == 0);
	CHECK(pthread_create(&thread, NULL, reserve_main, &r) == 0);
	happen(&r);
	pthread_join(thread, NULL);
	CHECK(r.result == result, "%d", r.result);
	ctx_free(r.ctx);
	budget_free(r.budget);
}

static void
make_room(struct blocked *r)
{
	release(r->budget, 1, 100);
}

static void
make_room_in_two_steps(struct blocked *r)
{
	release(r->budget, 1, 0);
	sched_yield();
	release(r->budget, 0, 100);
}

static void
cancel_context(struct blocked *r)
{
	ctx_cancel(r->ctx);
}

static void
wait_for_deadline(struct blocked *r)
{
	(void)r;
}

/* Whoever watches learns that the source waits, and while it does. */
static void
test_used_up(void)
{
	struct blocked r = {
	    .budget = new_budget(0, false), .ctx = ctx_new(root, CLOCK_NEVER), .result = 1};
	struct parker p;
	struct waiter w;
	pthread_t thread;

	park_init(&p);
	budget_watch_used_up(r.budget, &w, &p);
	CHECK(budget_reserve(r.budget, root, 6, 600) == 0);
	CHECK(!budget_is_used_up(r.budget) && !park_wait(&p, 0));
	CHECK(pthread_create(&thread, NULL, reserve_main, &r) == 0);
	CHECK(park_wait(&p, CLOCK_NEVER) && budget_is_used_up(r.budget));
	budget_unwatch_used_up(r.budget, &w);
	release(r.budget, 6, 600);
	pthread_join(thread, NULL);
	CHECK(r.result == 0 && !budget_is_used_up(r.budget));
	CHECK(budget_reserve(r.budget, cancelled, 100, 1) == -1 && !budget_is_used_up(r.budget));
	ctx_free(r.ctx);
	budget_free(r.budget);
}

/* One thread reserves, and the others release what it has reserved. */
struct traffic {
	struct budget *budget;
	_Atomic size_t reserved, released;
	_Atomic int too_many;
};

static void *
release_main(void *arg)
{
	struct traffic *t = arg;
	size_t mine;

	while ((mine = atomic_fetch_add(&t->released, 1)) < RESERVATIONS) {
		while (t->reserved <= mine)
			sched_yield();
		if (budget_held(t->budget) > RECORDS)
			t->too_many++;
		release(t->budget, 1 + mine % 3, 1 + mine % 900);
	}
	return NULL;
}

/* A wake-up that is lost stops them all. */
static void
test_traffic(void)
{
	struct traffic t = {.budget = new_budget(0, false)};
	pthread_t thread[THREADS];
	int refused = 0;

	for (size_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, release_main, &t) == 0);
	for (size_t i = 0; i < RESERVATIONS; i++) {
		refused += budget_reserve(t.budget, root, 1 + i % 3, 1 + i % 900) != 0;
		t.reserved++;
	}
	budget_end_input(t.budget);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	CHECK(refused == 0 && t.too_many == 0, "%d times over the limit", t.too_many);
	CHECK(budget_held(t.budget) == 0 && budget_is_done(t.budget));
	budget_free(t.budget);
}

static void
test_open(void)
{
	struct budget *b = new_budget(0, false);

	CHECK(budget_may_take(b, UINT64_MAX));
	budget_begin(b, 1000, 100 * MAX);
	budget_answer(b, MAX);
	CHECK(budget_may_take(b, UINT64_MAX), "so many are allowed");
	budget_answer(b, 1);
	CHECK(!budget_may_take(b, UINT64_MAX));
	CHECK(!budget_may_take(b, 0), "without -k nobody holds the head");
	end_work(b, 1, 1, 1);
	CHECK(budget_may_take(b, 0) && budget_may_take(b, UINT64_MAX));
	budget_answer(b, 10 * MAX);
	end_work(b, 1, 1, 9 * MAX);
	CHECK(!budget_may_take(b, 8));
	end_work(b, 1, 1, 2 * MAX);
	CHECK(budget_may_take(b, 8));
	budget_wait_take(b, root);
	budget_free(b);
}

/* With -k what has been begun counts as well, except for a few records. */
static void
test_ordered(void)
{
	struct budget *b = new_budget(2, true);

	budget_answer(b, MAX + 1);
	CHECK(!budget_may_take(b, 7) && !budget_may_take(b, UINT64_MAX));
	budget_advance(b, 7);
	CHECK(budget_may_take(b, 7), "the head may go on");
	CHECK(!budget_may_take(b, 8) && !budget_may_take(b, UINT64_MAX));
	end_work(b, 0, 0, MAX + 1);
	CHECK(budget_may_take(b, 8) && budget_may_take(b, UINT64_MAX));
	budget_begin(b, 2, 10 * MAX);
	CHECK(budget_may_take(b, 8), "large ones, but few");
	budget_begin(b, 1, 1);
	CHECK(!budget_may_take(b, 8) && budget_may_take(b, 7));
	end_work(b, 1, 1, 0);
	CHECK(budget_may_take(b, 8));
	end_work(b, 2, 10 * MAX, 0);
	budget_begin(b, 100, MAX / 2);
	CHECK(budget_may_take(b, 8), "many, but small");
	budget_begin(b, 1, 1);
	CHECK(!budget_may_take(b, 8));
	budget_free(b);
}

/* A change that lets workers take records wakes those that watch. */
static void
test_watch(void)
{
	struct budget *b = new_budget(0, false);
	struct parker p;
	struct waiter w;

	park_init(&p);
	budget_answer(b, 3 * MAX);
	budget_watch_take(b, &w, &p);
	end_work(b, 0, 0, MAX);
	CHECK(!park_wait(&p, 0), "too much is left");
	end_work(b, 0, 0, MAX);
	CHECK(park_wait(&p, 0), "it has become little enough");
	budget_unwatch_take(b, &w);
	budget_watch_take(b, &w, &p);
	budget_advance(b, 1);
	CHECK(park_wait(&p, 0), "the head has moved");
	budget_unwatch_take(b, &w);
	budget_advance(b, 2);
	CHECK(!park_wait(&p, 0), "nobody watches any more");
	budget_free(b);
}

struct taker {
	pthread_t thread;
	struct budget *budget;
	struct ctx *ctx;
	_Atomic int *passed;
};

static void *
wait_main(void *arg)
{
	struct taker *w = arg;

	budget_wait_take(w->budget, w->ctx);
	(*w->passed)++;
	return NULL;
}

/* Starts threads that wait, and returns when all are on the list. */
static void
start(struct taker w[THREADS], struct budget *b, struct ctx *ctx, _Atomic int *passed)
{
	for (size_t i = 0; i < THREADS; i++) {
		w[i] = (struct taker){.budget = b, .ctx = ctx, .passed = passed};
		CHECK(pthread_create(&w[i].thread, NULL, wait_main, &w[i]) == 0);
	}
	while (b->takers.count < THREADS)
		sched_yield();
}

static void
join(struct taker w[THREADS])
{
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(w[i].thread, NULL);
}

static void
test_wait(void)
{
	struct ctx *ctx = ctx_new(root, CLOCK_NEVER), *late;
	struct taker w[THREADS];
	_Atomic int passed = 0;
	struct budget *b = new_budget(0, false);

	budget_answer(b, MAX + 10);
	start(w, b, ctx, &passed);
	budget_advance(b, 5);
	while (b->takers.count < THREADS) /* woken in vain, they wait again */
		sched_yield();
	CHECK(passed == 0, "%d took records", passed);
	end_work(b, 0, 0, 10);
	join(w);
	CHECK(passed == THREADS);

	budget_answer(b, 10);
	start(w, b, ctx, &passed);
	CHECK(passed == THREADS);
	ctx_cancel(ctx);
	join(w);
	CHECK(passed == 2 * THREADS, "a cancelled context ends the wait");
	CHECK(b->takers.count == 0);
	budget_wait_take(b, ctx);

	late = ctx_new(root, clock_now() + 2 * CLOCK_MS);
	budget_wait_take(b, late);
	CHECK(ctx_state(late) == CTX_TIMED_OUT, "the deadline ends it");
	ctx_free(late);
	ctx_free(ctx);
	budget_free(b);
}

static void *
fill_main(void *arg)
{
	struct taker *w = arg;

	for (int i = 0; i < ROUNDS; i++) {
		budget_wait_take(w->budget, w->ctx);
		budget_answer(w->budget, MAX);
		(*w->passed)++;
	}
	return NULL;
}

/* Many answer, one releases: a wake-up that is lost stops them all. */
static void
test_no_wake_is_lost(void)
{
	struct taker w[THREADS];
	_Atomic int entered = 0;
	struct budget *b = new_budget(0, false);

	for (size_t i = 0; i < THREADS; i++) {
		w[i] = (struct taker){.budget = b, .ctx = root, .passed = &entered};
		CHECK(pthread_create(&w[i].thread, NULL, fill_main, &w[i]) == 0);
	}
	for (int left = 0; left < THREADS * ROUNDS;) {
		if (entered > left) {
			end_work(b, 0, 0, MAX);
			left++;
		} else
			sched_yield();
	}
	join(w);
	CHECK(b->answer_bytes == 0 && b->takers.count == 0);
	budget_free(b);
}

struct round {
	struct budget *budget;
	_Atomic int begun, ended;
	_Atomic bool over;
};

static void *
answer_and_wait_main(void *arg)
{
	struct round *r = arg;

	for (int i = 0; i < RACES; i++) {
		for (int spins = 0; r->begun == i && !r->over; spins++)
			if (spins % 5000 == 4999)
				sched_yield();
		if (r->over)
			break;
		budget_answer(r->budget, 1);
		budget_wait_take(r->budget, root);
		r->ended++;
	}
	return NULL;
}

/*
 * Waits until the other thread has ended the round.  False: it was not in time.
 */
static bool
has_ended(struct round *r, int i)
{
	int64_t limit = clock_now() + 5 * CLOCK_S;

	for (int spins = 0; r->ended == i && clock_now() < limit; spins++)
		if (spins % 500 == 499)
			sched_yield();
	return r->ended > i;
}

/*
 * One thread counts an answer too many and waits; another releases it at the
 * same moment.  The first must not wait for ever.
 */
static void
test_race(void)
{
	pthread_t thread;
	struct round r;
	struct budget *b = new_budget(0, false);

	budget_answer(b, MAX);
	r = (struct round){.budget = b};
	CHECK(pthread_create(&thread, NULL, answer_and_wait_main, &r) == 0);
	for (int i = 0; i < RACES; i++) {
		r.begun++;
		for (volatile int wait = i % 200; wait > 0; wait--)
			continue;
		end_work(b, 0, 0, 1);
		if (CHECK(has_ended(&r, i), "round %d: it sleeps although it %s take", i,
			budget_may_take(b, UINT64_MAX) ? "may" : "may not")) {
			r.over = true;
			budget_advance(b, 0); /* wake it */
			break;
		}
	}
	pthread_join(thread, NULL);
	budget_free(b);
}

/* One record through all spans, and the release of each ends just that one. */
static void
test_spans(void)
{
	static const struct budget_release all = {1, BYTES, 1, BYTES, BYTES + 1};
	struct budget *b = new_budget(0, true);

	budget_advance(b, 7);
	CHECK(budget_reserve(b, root, 1, BYTES) == 0);
	budget_begin(b, 1, BYTES);
	CHECK(!budget_may_take(b, 8), "all begun wait for the head");
	budget_answer(b, BYTES + 1);
	release(b, 1, BYTES);
	CHECK(budget_held(b) == 0 && !budget_may_take(b, 8));
	end_work(b, 1, BYTES, 0);
	CHECK(!budget_may_take(b, 8), "the answer is not written");
	end_work(b, 0, 0, BYTES + 1);
	CHECK(budget_may_take(b, 8));

	CHECK(budget_reserve(b, root, 1, BYTES) == 0);
	budget_begin(b, 1, BYTES);
	budget_answer(b, BYTES + 1);
	budget_end_input(b);
	budget_release(b, &all);
	CHECK(budget_held(b) == 0 && budget_is_done(b) && budget_may_take(b, 8), "all at once");
	budget_free(b);
}

/* What is reserved waits until a worker begins it, or it ends without. */
static void
test_waiting(void)
{
	struct budget *b = new_budget(0, false);

	CHECK(budget_waiting(b) == 0);
	CHECK(budget_reserve(b, root, 8, 80) == 0 && budget_waiting(b) == 8);
	budget_begin(b, 3, 30);
	CHECK(budget_waiting(b) == 5 && budget_held(b) == 8, "%zu", budget_waiting(b));
	budget_answer(b, 100);
	CHECK(budget_waiting(b) == 5);
	release(b, 2, 20);
	CHECK(budget_waiting(b) == 3, "two that nobody had begun: %zu", budget_waiting(b));
	budget_release(b, &(struct budget_release){3, 30, 3, 30, 100});
	CHECK(budget_waiting(b) == 3 && budget_held(b) == 3, "all that was begun: %zu",
	    budget_waiting(b));
	budget_begin(b, 3, 30);
	CHECK(budget_waiting(b) == 0 && budget_held(b) == 3);
	/* The two numbers are not changed together. */
	release(b, 3, 30);
	CHECK(budget_waiting(b) == 0, "begun and not reserved: %zu", budget_waiting(b));
	end_work(b, 3, 30, 0);
	CHECK(budget_waiting(b) == 0 && budget_held(b) == 0);
	budget_free(b);
}

int
main(void)
{
	alarm(60);
	root = ctx_new(NULL, CLOCK_NEVER);
	cancelled = ctx_new(root, CLOCK_NEVER);
	ctx_cancel(cancelled);
	test_reserve();
	test_share();
	test_spare();
	test_end();
	for (int i = 0; i < 200; i++) {
		test_blocked(make_room, CLOCK_NEVER, 0);
		test_blocked(make_room_in_two_steps, CLOCK_NEVER, 0);
		test_blocked(cancel_context, CLOCK_NEVER, -1);
	}
	test_blocked(wait_for_deadline, clock_now() + 2 * CLOCK_MS, -1);
	test_used_up();
	test_traffic();
	test_open();
	test_ordered();
	test_watch();
	test_wait();
	test_no_wake_is_lost();
	test_race();
	test_spans();
	test_waiting();
	ctx_free(cancelled);
	ctx_free(root);
	return t_end();
}
