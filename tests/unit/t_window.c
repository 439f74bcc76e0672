#include "pfanout/window.h"

#include "base/clock.h"
#include "t.h"

/*
 * A child that takes `each` ns a record, answers at once and is given whatever
 * there is room for.
 */
static size_t
run(struct window *w, int64_t each, size_t records, int64_t *now)
{
	size_t greatest = 0;

	while (records > 0) {
		size_t n = window_room(w);

		if (n > records)
			n = records;
		if (n > 0)
			window_given(w, n, *now);
		records -= n;
		greatest = window_owed(w) > greatest ? window_owed(w) : greatest;
		*now += each;
		window_answered(w, 1, *now);
	}
	while (window_owed(w) > 0) {
		*now += each;
		window_answered(w, 1, *now);
	}
	return greatest;
}

/* It begins with one, and holds some milliseconds of work at the end. */
static void
test_adapts(void)
{
	static const struct {
		int64_t each;
		size_t records, least, most; /* of the greatest window */
	} table[] = {
	    {CLOCK_US, 100000, 400, 1000}, /* 1 ms of work */
	    {10 * CLOCK_US, 20000, 50, 100}, {100 * CLOCK_US, 5000, 5, 10},
	    {900 * CLOCK_US, 1000, 1, 1}, {100 * CLOCK_MS, 300, 1, 1}, {CLOCK_US, 1, 1, 1},
	    {CLOCK_US, 60, 1, 2}, /* not enough evidence yet */
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int64_t now = CLOCK_S;
		struct window w;
		size_t got;

		window_init(&w, 0, 0, 2, 2);
		CHECK(window_room(&w) == 1 && window_owed(&w) == 0);
		got = run(&w, table[i].each, table[i].records, &now);
		CHECK(got >= table[i].least && got <= table[i].most, "row %zu: %zu", i, got);
		CHECK(w.given == table[i].records && w.answered == w.given && w.done == w.given);
	}
}

/* A child that becomes slow gets less, soon. */
static void
test_shrinks(void)
{
	int64_t now = CLOCK_S;
	struct window w;

	window_init(&w, 0, 0, 1, 1);
	run(&w, CLOCK_US, 100000, &now);
	CHECK(w.size > 400, "%zu", w.size);
	run(&w, 50 * CLOCK_MS, (size_t)2 * w.size, &now);
	CHECK(w.size == 1, "%zu", w.size);
	CHECK(window_room(&w) == 1);
}

/*
 * More jobs than processors: each gets its share of time, so the window holds
 * more of it.
 */
static void
test_share(void)
{
	int64_t now = CLOCK_S;
	struct window w;
	size_t one;

	window_init(&w, 0, 0, 2, 2);
	one = run(&w, 10 * CLOCK_US, 20000, &now);
	window_init(&w, 0, 0, 8, 2);
	CHECK(run(&w, 10 * CLOCK_US, 20000, &now) >= 3 * one);
	window_init(&w, 0, 0, 1, 8);
	CHECK(run(&w, 10 * CLOCK_US, 20000, &now) == one);
}

static void
test_fixed(void)
{
	int64_t now = CLOCK_S;
	struct window w;

	window_init(&w, 5, 0, 1, 1);
	CHECK(window_room(&w) == 5);
	window_given(&w, 3, now);
	CHECK(window_room(&w) == 2 && window_owed(&w) == 3);
	window_given(&w, 2, now);
	CHECK(window_room(&w) == 0);
	window_hungry(&w, true, now);
	CHECK(window_room(&w) == 0, "it owes five answers, hungry or not");
	window_answered(&w, 1, now);
	CHECK(window_room(&w) == 1 && window_owed(&w) == 4);
	for (int i = 0; i < 10000; i++) {
		window_answered(&w, 1, now += CLOCK_US);
		window_given(&w, 1, now);
	}
	CHECK(window_owed(&w) == 4 && window_room(&w) == 1);
}

/*
 * One that keeps its answers: being hungry it has shown that it gets through,
 * and gets more.
 */
static void
test_hungry(void)
{
	int64_t now = CLOCK_S;
	struct window w;
	uint64_t before = 0;
	size_t n;

	window_init(&w, 0, 0, 1, 1);
	for (int i = 0; i < 1000; i++) {
		n = window_room(&w);
		CHECK(n >= 1 && n <= 2 * (before == 0 ? 1 : before), "%zu after %ju", n,
		    (uintmax_t)before);
		before = n;
		window_given(&w, n, now);
		CHECK(window_room(&w) == 0);
		now += (int64_t)n * 10 * CLOCK_US;
		window_hungry(&w, true, now);
		CHECK(w.done == w.given && w.answered == 0);
	}
	CHECK(before > 100 && before <= 400, "4 ms of work are %ju records", (uintmax_t)before);
	CHECK(window_owed(&w) == w.given);
	window_answered(&w, window_owed(&w), now + 1);
	CHECK(window_owed(&w) == 0 && w.done == w.given, "late answers prove nothing new");
}

/* Idle times are not the child's. */
static void
test_idle(void)
{
	int64_t now = CLOCK_S;
	struct window w;

	window_init(&w, 0, 0, 1, 1);
	run(&w, 10 * CLOCK_US, 10000, &now);
	for (int i = 0; i < 100; i++) {
		now += CLOCK_S;
		run(&w, 10 * CLOCK_US, 1, &now);
	}
	CHECK(w.service > 0.9e4 && w.service < 1.1e4, "%.0f ns", w.service);
	CHECK(w.size >= 50, "%zu", w.size);
}

static void
test_first_look(void)
{
	struct window w;
	int64_t least, wait;

	window_init(&w, 0, 0, 1, 1);
	least = window_first_look(&w);
	CHECK(least > 0 && least <= CLOCK_MS);
	w.given = 100;
	w.service = 10e3;
	wait = window_first_look(&w);
	CHECK(wait > least && wait <= 100 * 10 * CLOCK_US);
	w.service = 1e15;
	CHECK(window_first_look(&w) >= wait && window_first_look(&w) <= 10 * CLOCK_MS, "bounded");
}

int
main(void)
{
	test_adapts();
	test_shrinks();
	test_share();
	test_fixed();
	test_hungry();
	test_idle();
	test_first_look();
	return t_end();
}
