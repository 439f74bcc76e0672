#include "metrics/worktime.h"

#include "t.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void
test_halts(void)
{
	struct stopwatch halts = {0}, seen;

	CHECK(worktime_at(7) == 7, "no halt yet");
	worktime_keep(&halts);
	CHECK(worktime_at(10) == 10 && worktime_halted(10) == 0);
	worktime_halt(10);
	CHECK(worktime_at(10) == 10 && worktime_at(15) == 10 && worktime_halted(15) == 5);
	stopwatch_copy(&halts, &seen);
	CHECK(worktime_of(&seen, 18) == 10, "another process sees it, too");
	worktime_go_on(20);
	CHECK(worktime_at(20) == 10 && worktime_at(21) == 11);
	worktime_halt(30);
	CHECK(worktime_at(99) == 20 && worktime_halted(99) == 79);
	worktime_go_on(100);
	CHECK(worktime_at(101) == 21 && worktime_halted(101) == 80);
}

/* A watch that runs in a halt stands. */
static void
test_watch(void)
{
	struct stopwatch halts = {0}, w = {0};

	worktime_keep(&halts);
	stopwatch_start(&w, worktime_at(5));
	worktime_halt(10);
	CHECK(stopwatch_read(&w, worktime_at(1000)) == 5);
	worktime_go_on(1000);
	CHECK(stopwatch_read(&w, worktime_at(1001)) == 6);
	stopwatch_stop(&w, worktime_at(1002));
	CHECK(stopwatch_read(&w, 0) == 7);
}

/* What a damaged file may say. */
static void
test_garbage(void)
{
	static const int64_t words[] = {INT64_MIN, INT64_MIN + 1, -1, 51, INT64_MAX};

	for (size_t i = 0; i < LEN(words); i++)
		for (size_t k = 0; k < LEN(words); k++) {
			struct stopwatch halts = {words[i], words[k]};
			int64_t t = worktime_of(&halts, 50);

			CHECK(t >= 0 && t <= 50, "%zu, %zu: %lld", i, k, (long long)t);
		}
	CHECK(worktime_of(&(struct stopwatch){0}, 0) == 0);
}

int
main(void)
{
	test_halts();
	test_watch();
	test_garbage();
	return t_end();
}
