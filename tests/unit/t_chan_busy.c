/*
 * A channel on a busy machine, where a thread that yields comes again only
 * after the time slices of others.  The sched_yield() of this program takes as
 * long: then threads sleep, and do not yield for each item.
 */

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "sync/chan.h"
#include "sync/ctx.h"
#include "t.h"

#define ITEMS 2000

CHAN_OF(number, unsigned)

static _Atomic unsigned yields;

int
sched_yield(void)
{
	struct timespec slice = {.tv_nsec = 3 * CLOCK_MS};

	yields++;
	return nanosleep(&slice, NULL);
}

static void *
send_all(void *arg)
{
	struct ctx *ctx = ctx_new(NULL, CLOCK_NEVER);

	for (unsigned i = 0; i < ITEMS; i++)
		number_sendn(arg, ctx, &i, 1, NULL);
	chan_close(arg);
	ctx_free(ctx);
	return NULL;
}

static void
test_hand_over(size_t capacity)
{
	struct ctx *ctx = ctx_new(NULL, CLOCK_NEVER);
	struct chan *c = number_chan_new(capacity);
	unsigned item, came = 0;
	pthread_t sender;
	size_t got;

	yields = 0;
	CHECK(pthread_create(&sender, NULL, send_all, c) == 0);
	while (number_recvn(c, ctx, &item, 1, &got) == CHAN_OK)
		CHECK(item == came++);
	pthread_join(sender, NULL);
	CHECK(came == ITEMS, "%u", came);
	CHECK(yields < ITEMS / 10, "capacity %zu: %u yields", capacity, yields);
	chan_free(c);
	ctx_free(ctx);
}

int
main(void)
{
	alarm(60);
	test_hand_over(0);
	test_hand_over(1);
	return t_end();
}
