#include "record/origin.h"

#include <pthread.h>
#include <string.h>

#include "t.h"

#define ROUNDS 200
#define MANY 300 /* more than a thread keeps, and than all keep together */

static struct origin *made[MANY];

static void *
make_all(void *arg)
{
	for (size_t i = 0; i < MANY; i++) {
		struct origin *o = made[i] = origin_new();

		if (o->is_traced || o->enveloped)
			return arg; /* something is left of another record */
		memset(o->bytes, 'x', sizeof(o->bytes));
		o->enveloped = true;
		if (i % 2 == 0) {
			span_init(&o->span);
			o->is_traced = true;
			/* More than there is room for. */
			for (uint32_t n = 1; n <= 2 * SPAN_FEW; n++)
				span_back_off(&o->span, REASON_TIMEOUT, "slow", n);
		}
	}
	return NULL;
}

static void *
free_all(void *arg)
{
	for (size_t i = 0; i < MANY; i++)
		origin_free(made[i]);
	return arg;
}

static void *
run(void *(*f)(void *))
{
	pthread_t thread;
	void *result = NULL;

	pthread_create(&thread, NULL, f, made);
	pthread_join(thread, &result);
	return result;
}

/* One thread makes them, another frees them, and both end, many times. */
static void
test_threads(void)
{
	for (int round = 0; round < ROUNDS; round++) {
		CHECK(run(make_all) == NULL, "round %d", round);
		run(free_all);
	}
}

/* What has moved belongs to the other span alone. */
static void
test_move(void)
{
	struct span from, to;

	span_init(&from);
	for (uint32_t n = 1; n <= SPAN_FEW; n++)
		span_back_off(&from, REASON_TIMEOUT, "slow", n);
	span_move(&to, &from);
	memset(&from, 0xff, sizeof(from));
	CHECK(to.n == SPAN_FEW && to.event == to.few && to.event[3].at == 4);
	CHECK(strcmp(to.event[0].message, "slow") == 0);
	span_back_off(&to, REASON_TIMEOUT, "slow", 5);
	span_move(&from, &to);
	CHECK(from.n == SPAN_FEW + 1 && from.event != from.few && from.event[4].at == 5);
	span_clear(&from);
}

int
main(void)
{
	test_threads();
	test_move();
	return t_end();
}
