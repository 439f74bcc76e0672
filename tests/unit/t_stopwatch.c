#include "sync/stopwatch.h"

#include <pthread.h>
#include <stdbool.h>

#include "t.h"

static void
test_running(void)
{
	struct stopwatch w = {0};

	CHECK(stopwatch_read(&w, 5) == 0 && !stopwatch_runs(&w) && stopwatch_since(&w) == 0);
	stopwatch_start(&w, 10);
	CHECK(stopwatch_read(&w, 10) == 0 && stopwatch_read(&w, 13) == 3);
	CHECK(stopwatch_runs(&w) && stopwatch_since(&w) == 10);
	CHECK(stopwatch_read(&w, 9) == 0, "a clock that was read before the start");
	stopwatch_stop(&w, 14);
	CHECK(!stopwatch_runs(&w) && stopwatch_since(&w) == 0);
	CHECK(stopwatch_read(&w, 14) == 4 && stopwatch_read(&w, 99) == 4);
	CHECK(stopwatch_read(&w, 0) == 4);
	stopwatch_start(&w, 100);
	CHECK(stopwatch_read(&w, 101) == 5);
	stopwatch_stop(&w, 106);
	CHECK(stopwatch_read(&w, 200) == 10);
}

/* What is over before the start that is to come counts as nothing. */
static void
test_start_to_come(void)
{
	struct stopwatch w = {0};

	stopwatch_start(&w, 10);
	stopwatch_stop(&w, 14);
	stopwatch_start(&w, 100);
	CHECK(stopwatch_runs(&w) && stopwatch_since(&w) == 100);
	CHECK(stopwatch_read(&w, 50) == 4, "it has not begun");
	CHECK(stopwatch_read(&w, 0) == 4);
	stopwatch_stop(&w, 60);
	CHECK(!stopwatch_runs(&w) && stopwatch_read(&w, 200) == 4);
	stopwatch_start(&w, 300);
	stopwatch_stop(&w, 301);
	CHECK(stopwatch_read(&w, 400) == 5);
}

/* The next of several without a pause: the total goes on. */
static void
test_next(void)
{
	struct stopwatch w = {0};

	stopwatch_start(&w, 10);
	stopwatch_next(&w, 30);
	CHECK(stopwatch_runs(&w) && stopwatch_since(&w) == 30);
	CHECK(stopwatch_read(&w, 35) == 25);
	CHECK(stopwatch_read(&w, 0) == 20, "all that is known of a dead one: %lld",
	    (long long)stopwatch_read(&w, 0));
	stopwatch_stop(&w, 40);
	CHECK(stopwatch_read(&w, 99) == 30);
}

static void
test_others(void)
{
	struct stopwatch w = {0}, copy = {0};

	stopwatch_add(&w, 7);
	CHECK(stopwatch_read(&w, 99) == 7 && !stopwatch_runs(&w));
	stopwatch_start(&w, 10);
	stopwatch_copy(&w, &copy);
	stopwatch_stop(&w, 20);
	CHECK(stopwatch_read(&copy, 12) == 9 && stopwatch_since(&copy) == 10);
	stopwatch_reset(&w);
	CHECK(stopwatch_read(&w, 99) == 0 && !stopwatch_runs(&w));
}

/*
 * A reader on another thread: the time that both read is a number that the
 * writer sets once the watch shows it.
 */
static struct stopwatch shared;
static _Atomic int64_t now = 1;
static _Atomic bool over;

static void *
run(void *unused)
{
	(void)unused;
	for (int64_t t = 2; t < 400000; t += 8) {
		stopwatch_start(&shared, t + (t / 8) % 3); /* or later */
		now = t + 1;
		if (t % 16 == 0)
			stopwatch_next(&shared, t + 3);
		now = t + 3;
		stopwatch_stop(&shared, t + 4);
		now = t + 4;
	}
	over = true;
	return NULL;
}

static void
test_reading(void)
{
	int64_t last = 0, back = 0, beyond = 0;
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, run, NULL) == 0);
	while (!over) {
		int64_t t = now, total = stopwatch_read(&shared, t);

		back += total < last;
		/* Half of the time, and what began since the clock was read. */
		beyond += total > now / 2 + 8;
		last = total;
	}
	pthread_join(thread, NULL);
	CHECK(back == 0, "the total went back %lld times", (long long)back);
	CHECK(beyond == 0, "the total was too large %lld times", (long long)beyond);
}

int
main(void)
{
	test_running();
	test_start_to_come();
	test_next();
	test_others();
	test_reading();
	return t_end();
}
