#include "stage/ledger.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "sync/ctx.h"
#include "sync/park.h"
#include "t.h"

#define RECORDS 10
#define BYTES 1000
#define SETTLERS 4
#define ROUNDS 20000

static struct ctx *root, *cancelled;

static void
test_charge(void)
{
	struct ledger *l = ledger_new(RECORDS, BYTES, 0);

	CHECK(l != NULL);
	CHECK(ledger_held(l) == 0);
	CHECK(ledger_charge(l, root, 4, 400) == 0 && ledger_charge(l, root, 6, 600) == 0,
	    "all there is");
	CHECK(ledger_held(l) == 10);
	/* A context that is done tells what would have blocked. */
	CHECK(ledger_charge(l, cancelled, 1, 0) == -1, "one record more");
	CHECK(ledger_held(l) == 10, "then nothing is charged");
	ledger_settle(l, 1, 0);
	CHECK(ledger_charge(l, cancelled, 1, 1) == -1, "one byte more");
	ledger_settle(l, 1, 1);
	CHECK(ledger_charge(l, root, 2, 1) == 0);
	CHECK(ledger_charge(l, cancelled, 100, 1 << 20) == -1);
	ledger_settle(l, 10, 1000);
	CHECK(ledger_held(l) == 0);
	CHECK(ledger_charge(l, root, 100, 1 << 20) == 0, "one batch is always let in");
	CHECK(ledger_charge(l, cancelled, 1, 1) == -1);
	ledger_settle(l, 99, 1);
	CHECK(ledger_held(l) == 1);
	CHECK(ledger_charge(l, cancelled, 1, 1) == -1, "its bytes are still held");
	ledger_settle(l, 1, (1 << 20) - 1);
	CHECK(ledger_charge(l, root, 1, 1) == 0);
	ledger_free(l);
	ledger_free(NULL);
}

static void
test_share(void)
{
	static const struct {
		size_t max, most, share;
	} cases[] = {{4096, 512, 512}, {404, 512, 101}, {4, 512, 1}, {1, 512, 1}, {100, 7, 7}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ledger *l = ledger_new(cases[i].max, BYTES, 0);

		CHECK(ledger_share(l, cases[i].most) == cases[i].share, "case %zu", i);
		ledger_free(l);
	}
}

/* A few records are let in whatever they weigh. */
static void
test_spare(void)
{
	struct ledger *l = ledger_new(RECORDS, BYTES, 2);

	for (int i = 0; i < 3; i++)
		CHECK(ledger_charge(l, root, 1, 10 * BYTES) == 0, "%d", i);
	CHECK(ledger_charge(l, cancelled, 1, 1) == -1);
	ledger_settle(l, 1, 10 * BYTES);
	CHECK(ledger_charge(l, root, 1, 10 * BYTES) == 0);
	CHECK(ledger_charge(l, cancelled, 1, 1) == -1);
	ledger_settle(l, 3, 30 * BYTES);
	CHECK(
	    ledger_charge(l, root, RECORDS, BYTES) == 0 && ledger_charge(l, cancelled, 1, 0) == -1);
	ledger_free(l);
}

static void
test_end(void)
{
	struct ledger *l = ledger_new(RECORDS, BYTES, 0);
	struct parker p;
	struct waiter w;

	park_init(&p);
	CHECK(ledger_charge(l, root, 3, 30) == 0);
	ledger_settle(l, 3, 30);
	CHECK(!ledger_is_done(l), "there may be more");
	CHECK(ledger_charge(l, root, 2, 20) == 0);
	ledger_watch(l, &w, &p);
	ledger_settle(l, 1, 10);
	CHECK(!park_wait(&p, 0));
	ledger_end(l);
	CHECK(!ledger_is_done(l));
	ledger_unwatch(l, &w);
	park_clear(&p);
	ledger_watch(l, &w, &p);
	CHECK(!park_wait(&p, 0));
	ledger_settle(l, 1, 10);
	CHECK(ledger_is_done(l) && park_wait(&p, 0), "the last one wakes");
	ledger_unwatch(l, &w);
	ledger_free(l);

	l = ledger_new(RECORDS, BYTES, 0);
	ledger_watch(l, &w, &p);
	ledger_end(l);
	CHECK(ledger_is_done(l) && park_wait(&p, 0), "an empty input");
	ledger_unwatch(l, &w);
	ledger_free(l);
}

struct charge {
	struct ledger *ledger;
	struct ctx *ctx;
	int result;
};

static void *
charge_main(void *arg)
{
	struct charge *c = arg;

	c->result = ledger_charge(c->ledger, c->ctx, 5, 500);
	return NULL;
}

/* A thread that can't charge yet: what happens then lets it go, with this result. */
static void
test_blocked(void (*happen)(struct charge *), int64_t deadline, int result)
{
	struct charge c = {
	    .ledger = ledger_new(RECORDS, BYTES, 0), .ctx = ctx_new(root, deadline), .result = 1};
	pthread_t thread;

	CHECK(ledger_charge(c.ledger, root, 6, 600) == 0);
	CHECK(pthread_create(&thread, NULL, charge_main, &c) == 0);
	happen(&c);
	pthread_join(thread, NULL);
	CHECK(c.result == result, "%d", c.result);
	ctx_free(c.ctx);
	ledger_free(c.ledger);
}

static void
settle(struct charge *c)
{
	ledger_settle(c->ledger, 1, 100);
}

static void
settle_in_two(struct charge *c)
{
	ledger_settle(c->ledger, 1, 0);
	sched_yield();
	ledger_settle(c->ledger, 0, 100);
}

static void
cancel(struct charge *c)
{
	ctx_cancel(c->ctx);
}

static void
wait_for_deadline(struct charge *c)
{
	(void)c;
}

/* What the settlers have to settle: written before `charged`, never more than the bounds. */
struct traffic {
	struct ledger *ledger;
	_Atomic size_t charged, settled;
	_Atomic int too_many;
};

static void *
settle_main(void *arg)
{
	struct traffic *t = arg;
	size_t mine;

	while ((mine = atomic_fetch_add(&t->settled, 1)) < ROUNDS) {
		while (t->charged <= mine)
			sched_yield();
		if (ledger_held(t->ledger) > RECORDS)
			t->too_many++;
		ledger_settle(t->ledger, 1 + mine % 3, 1 + mine % 900);
	}
	return NULL;
}

/* One charges, many settle: a lost wake-up would be the end of it. */
static void
test_traffic(void)
{
	struct traffic t = {.ledger = ledger_new(RECORDS, BYTES, 0)};
	pthread_t thread[SETTLERS];
	int refused = 0;

	for (size_t i = 0; i < SETTLERS; i++)
		CHECK(pthread_create(&thread[i], NULL, settle_main, &t) == 0);
	for (size_t i = 0; i < ROUNDS; i++) {
		refused += ledger_charge(t.ledger, root, 1 + i % 3, 1 + i % 900) != 0;
		t.charged++;
	}
	ledger_end(t.ledger);
	for (size_t i = 0; i < SETTLERS; i++)
		pthread_join(thread[i], NULL);
	CHECK(refused == 0 && t.too_many == 0, "%d times over the bound", t.too_many);
	CHECK(ledger_held(t.ledger) == 0 && ledger_is_done(t.ledger));
	ledger_free(t.ledger);
}

int
main(void)
{
	alarm(60);
	root = ctx_new(NULL, CLOCK_NEVER);
	cancelled = ctx_new(root, CLOCK_NEVER);
	ctx_cancel(cancelled);
	test_charge();
	test_share();
	test_spare();
	test_end();
	for (int i = 0; i < 200; i++) {
		test_blocked(settle, CLOCK_NEVER, 0);
		test_blocked(settle_in_two, CLOCK_NEVER, 0);
		test_blocked(cancel, CLOCK_NEVER, -1);
	}
	test_blocked(wait_for_deadline, clock_now() + 2 * CLOCK_MS, -1);
	test_traffic();
	ctx_free(cancelled);
	ctx_free(root);
	return t_end();
}
