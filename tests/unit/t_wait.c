#include "sync/wait.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "sync/ctx.h"
#include "sync/park.h"
#include "t.h"

#define THREADS 4
#define ROUNDS 20000

static struct ctx *root, *cancelled;

/* A number that threads wait for. */
struct number {
	_Atomic unsigned n;
	struct waitlist list;
};

struct want {
	const struct number *number;
	unsigned n;
};

static bool
has_come(const void *arg)
{
	const struct want *w = arg;

	return w->number->n >= w->n;
}

static bool
wait_for_number(struct number *number, unsigned n, struct ctx *ctx, int64_t deadline)
{
	return wait_for(&number->list, ctx, deadline, has_come, &(struct want){number, n});
}

static void
set_number(struct number *number, unsigned n)
{
	number->n = n;
	waitlist_wake(&number->list, SIZE_MAX);
}

/* What ends a wait without a wake, and that nothing stays on the list. */
static void
test_ends(void)
{
	struct number number = {.n = 1};
	struct ctx *late;
	int64_t soon;

	waitlist_init(&number.list);
	CHECK(wait_for_number(&number, 1, root, CLOCK_NEVER), "the condition holds");
	CHECK(wait_for_number(&number, 1, cancelled, 0), "no matter how late it is");
	CHECK(!wait_for_number(&number, 2, cancelled, CLOCK_NEVER));
	CHECK(!wait_for_number(&number, 2, root, 0), "the deadline has passed");
	soon = clock_now() + 2 * CLOCK_MS;
	CHECK(!wait_for_number(&number, 2, root, soon) && clock_now() >= soon);
	late = ctx_new(root, clock_now() + 2 * CLOCK_MS);
	CHECK(!wait_for_number(&number, 2, late, CLOCK_NEVER));
	CHECK(ctx_state(late) == CTX_TIMED_OUT, "the deadline of the context ends it, too");
	ctx_free(late);
	CHECK(number.list.count == 0);
	waitlist_destroy(&number.list);
}

struct waiting {
	pthread_t thread;
	struct number *number;
	struct ctx *ctx;
	bool came;
};

static void *
wait_main(void *arg)
{
	struct waiting *w = arg;

	w->came = wait_for_number(w->number, 2, w->ctx, CLOCK_NEVER);
	return NULL;
}

/* Threads that sleep, and are woken in vain first. */
static void
test_sleepers(bool cancel)
{
	struct number number = {.n = 0};
	struct ctx *ctx = ctx_new(root, CLOCK_NEVER);
	struct waiting w[THREADS];

	waitlist_init(&number.list);
	for (size_t i = 0; i < THREADS; i++) {
		w[i] = (struct waiting){.number = &number, .ctx = ctx, .came = cancel};
		CHECK(pthread_create(&w[i].thread, NULL, wait_main, &w[i]) == 0);
	}
	while (number.list.count < THREADS)
		sched_yield();
	set_number(&number, 1);
	while (number.list.count < THREADS) /* back on the list */
		sched_yield();
	if (cancel)
		ctx_cancel(ctx);
	else
		set_number(&number, 2);
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(w[i].thread, NULL);
		CHECK(w[i].came == !cancel);
	}
	CHECK(number.list.count == 0);
	waitlist_destroy(&number.list);
	ctx_free(ctx);
}

static void *
play_main(void *arg)
{
	struct number *number = arg;

	for (unsigned i = 1; i < ROUNDS; i += 2) {
		if (!wait_for_number(number, i, root, clock_now() + 20 * CLOCK_S))
			break;
		set_number(number, i + 1);
	}
	return NULL;
}

/* Two threads take turns: a wake that is lost stops both. */
static void
test_no_wake_is_lost(void)
{
	struct number number = {.n = 0};
	pthread_t other;

	waitlist_init(&number.list);
	CHECK(pthread_create(&other, NULL, play_main, &number) == 0);
	for (unsigned i = 0; i < ROUNDS; i += 2) {
		if (!wait_for_number(&number, i, root, clock_now() + 20 * CLOCK_S))
			break;
		set_number(&number, i + 1);
	}
	pthread_join(other, NULL);
	CHECK(number.n == ROUNDS, "it stopped at %u", number.n);
	waitlist_destroy(&number.list);
}

int
main(void)
{
	alarm(60);
	root = ctx_new(NULL, CLOCK_NEVER);
	cancelled = ctx_new(root, CLOCK_NEVER);
	ctx_cancel(cancelled);
	test_ends();
	test_sleepers(false);
	test_sleepers(true);
	test_no_wake_is_lost();
	ctx_free(cancelled);
	ctx_free(root);
	return t_end();
}
