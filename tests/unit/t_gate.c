#include "stage/gate.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "base/clock.h"
#include "sync/ctx.h"
#include "t.h"

#define MAX 1000
#define THREADS 4
#define ROUNDS 500
#define RACES 10000

static struct ctx *root;

static void
test_open(void)
{
	struct gate g;

	gate_init(&g, MAX);
	CHECK(gate_is_open(&g, UINT64_MAX));
	gate_take(&g, 1000, 100 * MAX);
	gate_enter(&g, MAX);
	CHECK(gate_is_open(&g, UINT64_MAX), "so many are allowed");
	gate_enter(&g, 1);
	CHECK(!gate_is_open(&g, UINT64_MAX));
	CHECK(!gate_is_open(&g, 0), "without -k nobody holds the head");
	gate_leave(&g, 1, 1, 1);
	CHECK(gate_is_open(&g, 0) && gate_is_open(&g, UINT64_MAX));
	gate_enter(&g, 10 * MAX);
	gate_leave(&g, 1, 1, 9 * MAX);
	CHECK(!gate_is_open(&g, 8));
	gate_leave(&g, 1, 1, 2 * MAX);
	CHECK(gate_is_open(&g, 8));
	gate_wait(&g, root);
	gate_destroy(&g);
}

/* With -k what has been taken counts as well, but a few records always may be. */
static void
test_ordered(void)
{
	struct gate g;

	gate_init(&g, MAX);
	g.ordered = true;
	g.spare = 2;
	gate_enter(&g, MAX + 1);
	CHECK(!gate_is_open(&g, 7) && !gate_is_open(&g, UINT64_MAX));
	gate_advance(&g, 7);
	CHECK(gate_is_open(&g, 7), "who holds the head may go on");
	CHECK(!gate_is_open(&g, 8) && !gate_is_open(&g, UINT64_MAX));
	gate_leave(&g, 0, 0, MAX + 1);
	CHECK(gate_is_open(&g, 8) && gate_is_open(&g, UINT64_MAX));
	gate_take(&g, 2, 10 * MAX);
	CHECK(gate_is_open(&g, 8), "large ones, but few");
	gate_take(&g, 1, 1);
	CHECK(!gate_is_open(&g, 8) && gate_is_open(&g, 7));
	gate_leave(&g, 1, 1, 0);
	CHECK(gate_is_open(&g, 8));
	gate_leave(&g, 2, 10 * MAX, 0);
	gate_take(&g, 100, MAX / 2);
	CHECK(gate_is_open(&g, 8), "many, but small");
	gate_take(&g, 1, 1);
	CHECK(!gate_is_open(&g, 8));
	gate_destroy(&g);
}

/* What changes wakes whoever watches; what does not change anything need not. */
static void
test_watch(void)
{
	struct parker p;
	struct waiter w;
	struct gate g;

	gate_init(&g, MAX);
	park_init(&p);
	gate_enter(&g, 3 * MAX);
	gate_watch(&g, &w, &p);
	gate_leave(&g, 0, 0, MAX);
	CHECK(!park_wait(&p, 0), "it is still closed");
	gate_leave(&g, 0, 0, MAX);
	CHECK(park_wait(&p, 0), "it has opened");
	gate_unwatch(&g, &w);
	gate_watch(&g, &w, &p);
	gate_advance(&g, 1);
	CHECK(park_wait(&p, 0), "the head has moved");
	gate_unwatch(&g, &w);
	gate_advance(&g, 2);
	CHECK(!park_wait(&p, 0), "nobody watches any more");
	gate_destroy(&g);
}

struct wait {
	pthread_t thread;
	struct gate *gate;
	struct ctx *ctx;
	_Atomic int *passed;
};

static void *
wait_main(void *arg)
{
	struct wait *w = arg;

	gate_wait(w->gate, w->ctx);
	(*w->passed)++;
	return NULL;
}

/* Starts threads that wait, and returns when all stand at the gate. */
static void
start(struct wait w[THREADS], struct gate *g, struct ctx *ctx, _Atomic int *passed)
{
	for (size_t i = 0; i < THREADS; i++) {
		w[i] = (struct wait){.gate = g, .ctx = ctx, .passed = passed};
		CHECK(pthread_create(&w[i].thread, NULL, wait_main, &w[i]) == 0);
	}
	while (g->waiting.count < THREADS)
		sched_yield();
}

static void
join(struct wait w[THREADS])
{
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(w[i].thread, NULL);
}

static void
test_wait(void)
{
	struct ctx *ctx = ctx_new(root, CLOCK_NEVER), *late;
	struct wait w[THREADS];
	_Atomic int passed = 0;
	struct gate g;

	gate_init(&g, MAX);
	gate_enter(&g, MAX + 10);
	start(w, &g, ctx, &passed);
	gate_advance(&g, 5);
	while (g.waiting.count < THREADS) /* woken for nothing, they stand there again */
		sched_yield();
	CHECK(passed == 0, "%d passed a closed gate", passed);
	gate_leave(&g, 0, 0, 10);
	join(w);
	CHECK(passed == THREADS);

	gate_enter(&g, 10);
	start(w, &g, ctx, &passed);
	CHECK(passed == THREADS);
	ctx_cancel(ctx);
	join(w);
	CHECK(passed == 2 * THREADS, "a cancelled context lets all go");
	CHECK(g.waiting.count == 0);
	gate_wait(&g, ctx);

	late = ctx_new(root, clock_now() + 2 * CLOCK_MS);
	gate_wait(&g, late);
	CHECK(ctx_state(late) == CTX_TIMED_OUT, "the deadline ends it");
	ctx_free(late);
	ctx_free(ctx);
	gate_destroy(&g);
}

static void *
fill_main(void *arg)
{
	struct wait *w = arg;

	for (int i = 0; i < ROUNDS; i++) {
		gate_wait(w->gate, w->ctx);
		gate_enter(w->gate, MAX);
		(*w->passed)++;
	}
	return NULL;
}

/* Many fill, one empties: a lost wake-up would be the end of it. */
static void
test_no_wake_is_lost(void)
{
	struct wait w[THREADS];
	_Atomic int entered = 0;
	struct gate g;

	gate_init(&g, MAX);
	for (size_t i = 0; i < THREADS; i++) {
		w[i] = (struct wait){.gate = &g, .ctx = root, .passed = &entered};
		CHECK(pthread_create(&w[i].thread, NULL, fill_main, &w[i]) == 0);
	}
	for (int left = 0; left < THREADS * ROUNDS;) {
		if (entered > left) {
			gate_leave(&g, 0, 0, MAX);
			left++;
		} else
			sched_yield();
	}
	join(w);
	CHECK(g.answers == 0 && g.waiting.count == 0);
	gate_destroy(&g);
}

struct round {
	struct gate *gate;
	_Atomic int begun, ended;
	_Atomic bool over;
};

static void *
close_and_wait_main(void *arg)
{
	struct round *r = arg;

	for (int i = 0; i < RACES; i++) {
		for (int spins = 0; r->begun == i && !r->over; spins++)
			if (spins % 5000 == 4999)
				sched_yield();
		if (r->over)
			break;
		gate_enter(r->gate, 1);
		gate_wait(r->gate, root);
		r->ended++;
	}
	return NULL;
}

/* Waits for the other's end of the round.  False: it has not come in time. */
static bool
has_ended(struct round *r, int i)
{
	int64_t limit = clock_now() + 5 * CLOCK_S;

	for (int spins = 0; r->ended == i && clock_now() < limit; spins++)
		if (spins % 500 == 499)
			sched_yield();
	return r->ended > i;
}

/* It is closed by one and opened by the other at the same moment: who waits then must not wait for ever. */
static void
test_close_and_open(void)
{
	pthread_t thread;
	struct round r;
	struct gate g;

	gate_init(&g, MAX);
	gate_enter(&g, MAX);
	r = (struct round){.gate = &g};
	CHECK(pthread_create(&thread, NULL, close_and_wait_main, &r) == 0);
	for (int i = 0; i < RACES; i++) {
		r.begun++;
		for (volatile int wait = i % 200; wait > 0; wait--)
			continue;
		gate_leave(&g, 0, 0, 1);
		if (CHECK(has_ended(&r, i), "round %d: it sleeps at %s gate", i,
			gate_is_open(&g, UINT64_MAX) ? "an open" : "a closed")) {
			r.over = true;
			gate_advance(&g, 0); /* wakes it */
			break;
		}
	}
	pthread_join(thread, NULL);
	gate_destroy(&g);
}

int
main(void)
{
	alarm(60);
	root = ctx_new(NULL, CLOCK_NEVER);
	test_open();
	test_ordered();
	test_watch();
	test_wait();
	test_no_wake_is_lost();
	test_close_and_open();
	ctx_free(root);
	return t_end();
}
