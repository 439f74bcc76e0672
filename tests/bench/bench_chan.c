/*
 * Measures what an item costs on its way through a channel: nanoseconds of wall
 * clock per item, as `go test -bench` counts them, in the best of a few rounds.
 *
 *	bench_chan [items]
 *
 * Prints a line `name ns` per case.  SPSC means one sender and one receiver,
 * MPMC4x4 four of each; then comes the capacity; _bulk64 means chan_sendn() and
 * chan_recvn() of up to 64 items; _96B means items of 96 bytes instead of 8.
 */

#include <err.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "sync/chan.h"
#include "sync/ctx.h"

#define ROUNDS 3
#define MAX_THREADS 8
#define MAX_ITEM 96
#define MAX_BULK 64
#define countof(a) (sizeof(a) / sizeof((a)[0]))

struct test {
	const char *name;
	size_t capacity;
	unsigned senders, receivers;
	size_t bulk;
	size_t item_size;
};

static const struct test tests[] = {
    {"SPSC0", 0, 1, 1, 1, 8},
    {"SPSC1", 1, 1, 1, 1, 8},
    {"SPSC128", 128, 1, 1, 1, 8},
    {"SPSC1024", 1024, 1, 1, 1, 8},
    {"MPMC4x4_128", 128, 4, 4, 1, 8},
    {"MPMC1x4_128", 128, 1, 4, 1, 8},
    {"SPSC128_bulk64", 128, 1, 1, 64, 8},
    {"SPSC1024_bulk64", 1024, 1, 1, 64, 8},
    {"MPMC4x4_128_bulk64", 128, 4, 4, 64, 8},
    {"MPMC1x4_128_bulk64", 128, 1, 4, 64, 8},
    {"SPSC128_96B", 128, 1, 1, 1, 96},
    {"MPMC4x4_128_96B", 128, 4, 4, 1, 96},
    {"SPSC128_bulk64_96B", 128, 1, 1, 64, 96},
    {"MPMC4x4_128_bulk64_96B", 128, 4, 4, 64, 96},
};

/* One run of one test. */
struct run {
	const struct test *test;
	size_t items; /* that each sender sends */
	struct chan *chan;
	struct ctx *ctx;
};

static void *
send_all(void *arg)
{
	const struct run *r = arg;
	size_t left, n, bulk = r->test->bulk;
	unsigned char items[MAX_BULK * MAX_ITEM] = {0};

	for (left = r->items; left > 0; left -= n) {
		n = left < bulk ? left : bulk;
		if (n == 1)
			chan_send(r->chan, r->ctx, items);
		else
			chan_sendn(r->chan, r->ctx, items, n, NULL);
	}
	return NULL;
}

static void *
recv_all(void *arg)
{
	const struct run *r = arg;
	unsigned char items[MAX_BULK * MAX_ITEM];
	size_t got;

	while (chan_recvn(r->chan, r->ctx, items, r->test->bulk, &got) == CHAN_OK)
		;
	return NULL;
}

static void
start_threads(pthread_t *threads, unsigned n, void *(*f)(void *), struct run *r)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, f, r) != 0)
			errx(2, "cannot create a thread");
}

static void
join_threads(const pthread_t *threads, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

/* Returns nanoseconds per item. */
static double
run_once(const struct test *t, size_t items)
{
	pthread_t senders[MAX_THREADS], receivers[MAX_THREADS];
	struct run r = {.test = t, .items = items / t->senders};
	int64_t began;
	double ns;

	r.chan = chan_new(t->capacity, t->item_size);
	r.ctx = ctx_new(NULL, CLOCK_NEVER);
	if (r.chan == NULL || r.ctx == NULL)
		err(2, "%s", t->name);
	began = clock_now();
	start_threads(receivers, t->receivers, recv_all, &r);
	start_threads(senders, t->senders, send_all, &r);
	join_threads(senders, t->senders);
	chan_close(r.chan);
	join_threads(receivers, t->receivers);
	ns = (double)(clock_now() - began) / (double)(r.items * t->senders);
	ctx_free(r.ctx);
	chan_free(r.chan);
	return ns;
}

/* Runs a few rounds, as other programs use the processors too. */
static double
best_run(const struct test *t, size_t items)
{
	double ns, best = run_once(t, items);
	int i;

	for (i = 1; i < ROUNDS; i++)
		if ((ns = run_once(t, items)) < best)
			best = ns;
	return best;
}

int
main(int argc, char *argv[])
{
	size_t i, items = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;

	if (items < MAX_THREADS)
		errx(2, "usage: bench_chan [items]");
	for (i = 0; i < countof(tests); i++) {
		printf("%s %.1f\n", tests[i].name, best_run(&tests[i], items));
		fflush(stdout);
	}
	return 0;
}
