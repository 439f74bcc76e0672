#include "stage/share.h"

#include <inttypes.h>
#include <stddef.h>

#include "t.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define PERCENT (SHARE_ALL / 100)

/* Of each `every` records of this step, the last one fails; 0: none does. */
struct run {
	enum share_step step;
	uint64_t n, every;
};

static const struct {
	const char *what;
	uint32_t most;
	struct run run[3];
	uint64_t stop, latest; /* after how many of the last run; 0: none */
} cases[] = {
    {"nothing fails", 1, {{SHARE_ENDED, 10000, 0}}, 0, 0},
    {"4 % of 5 %", 5 * PERCENT, {{SHARE_ENDED, 100000, 25}}, 0, 0},
    {"exactly 5 %", 5 * PERCENT, {{SHARE_ENDED, 100000, 20}}, 0, 0},
    {"6.25 % of 5 %", 5 * PERCENT, {{SHARE_ENDED, 100000, 16}}, 100, 200},
    {"all of the first 99", 5 * PERCENT, {{SHARE_ENDED, 99, 1}}, 0, 0},
    {"all from the first on", 5 * PERCENT, {{SHARE_ENDED, 1000, 1}}, 100, 100},
    {"99 fail, and a good one", 5 * PERCENT, {{SHARE_ENDED, 99, 1}, {SHARE_ENDED, 1, 0}}, 1, 1},
    {"a burst after 10000 good ones", 5 * PERCENT,
	{{SHARE_ENDED, 10000, 0}, {SHARE_ENDED, 1000, 1}}, 53, 53},
    {"at another place of the window", 5 * PERCENT,
	{{SHARE_ENDED, 10900, 0}, {SHARE_ENDED, 1000, 1}}, 101, 101},
    {"4 failures of 100, then few", 5 * PERCENT,
	{{SHARE_ENDED, 100, 25}, {SHARE_ENDED, 10000, 100}}, 0, 0},
    {"half a percent: 1 of 200", PERCENT / 2, {{SHARE_ENDED, 10000, 200}}, 0, 0},
    {"99 % of all but one", 99 * PERCENT, {{SHARE_ENDED, 10000, 1}}, 100, 100},
    {"invalid ones, far ahead", 5 * PERCENT, {{SHARE_CHECKED, 4000, 25}}, 0, 0},
    {"too many invalid ones", 5 * PERCENT, {{SHARE_CHECKED, 4000, 16}}, 100, 200},
    {"3 % at each step", 5 * PERCENT, {{SHARE_CHECKED, 1000, 33}, {SHARE_ENDED, 1000, 33}}, 100,
	200},
    {"2 % at each step", 5 * PERCENT, {{SHARE_CHECKED, 1000, 50}, {SHARE_ENDED, 1000, 50}}, 0, 0},
};

/* After how many records it is over; 0: never. */
static uint64_t
play(struct share *s, const struct run *run)
{
	uint64_t stop = 0;

	for (uint64_t i = 1; i <= run->n; i++) {
		bool over = share_count(s, run->step, 1, run->every > 0 && i % run->every == 0);

		CHECK(!over || stop == 0, "told twice, after %" PRIu64, i);
		if (over)
			stop = i;
	}
	return stop;
}

static void
test_cases(void)
{
	for (size_t i = 0; i < LEN(cases); i++) {
		struct share s = {.most = cases[i].most};
		uint64_t stop = 0;

		for (size_t j = 0; j < LEN(cases[i].run) && cases[i].run[j].n > 0; j++) {
			CHECK(stop == 0, "%s: too early", cases[i].what);
			stop = play(&s, &cases[i].run[j]);
		}
		CHECK(stop >= cases[i].stop && stop <= cases[i].latest, "%s: after %" PRIu64,
		    cases[i].what, stop);
		CHECK(s.over == (stop > 0) && (stop == 0 || s.failed > s.most), "%s: %" PRIu32,
		    cases[i].what, s.failed);
	}
}

/* Many at a time are the same as one after the other. */
static void
test_many(void)
{
	struct share one = {.most = 5 * PERCENT}, many = one;

	for (uint64_t n = 1; n < 3000; n += 7) {
		for (uint64_t i = 0; i < n; i++)
			share_count(&one, SHARE_ENDED, 1, 0);
		share_count(&many, SHARE_ENDED, n, 0);
		CHECK(one.now[SHARE_ENDED].n == many.now[SHARE_ENDED].n &&
			one.mark[SHARE_ENDED][0].n == many.mark[SHARE_ENDED][0].n &&
			one.mark[SHARE_ENDED][1].n == many.mark[SHARE_ENDED][1].n,
		    "%" PRIu64, n);
	}
}

/* A record without a key has been counted when it was checked before. */
static void
test_late(void)
{
	struct share s = {.most = 99 * PERCENT};

	CHECK(!share_count(&s, SHARE_CHECKED, 100, 0));
	for (int i = 1; i < 100; i++)
		CHECK(!share_count(&s, SHARE_CHECKED, 0, 1), "%d", i);
	CHECK(share_count(&s, SHARE_CHECKED, 0, 1) && s.failed == SHARE_ALL);
	CHECK(!share_count(&s, SHARE_CHECKED, 1, 1), "told twice");
}

int
main(void)
{
	test_cases();
	test_many();
	test_late();
	return t_end();
}
