#include "pmetrics/steady.h"

#include <math.h>
#include <string.h>

#include "pmetrics/trend.h"
#include "t.h"

#define SECOND INT64_C(1000000000)

/* Each letter is a verdict of the next second; what is shown then. */
static void
test_shown(void)
{
	static const struct {
		const char *verdicts, *shown;
	} table[] = {
	    {"aaaa", "aaaa"},
	    {"abab", "aaaa"},
	    {"abbb", "aabb"},
	    {"abcb", "aaaa"},
	    {"abcc", "aaac"},
	    {"0aa0", "00aa"},
	    {"a00a", "aa00"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct steady s = {0};

		for (size_t k = 0; table[i].verdicts[k] != '\0'; k++) {
			char c = table[i].verdicts[k];
			uint64_t part = c == '0' ? 0 : (uint64_t)c;
			uint64_t want = table[i].shown[k] == '0' ? 0 : (uint64_t)table[i].shown[k];
			bool changed = steady_take(&s, part, (int64_t)k * SECOND);

			CHECK(s.shown == want, "%s, %zu", table[i].verdicts, k);
			CHECK(changed == (part == want), "%s, %zu", table[i].verdicts, k);
		}
	}
}

static void
test_gone(void)
{
	struct steady s = {0};

	CHECK(steady_take(&s, 1, 0) && !steady_take(&s, 2, SECOND));
	steady_show(&s, 2);
	CHECK(s.shown == 2 && steady_take(&s, 2, 2 * SECOND) && !steady_take(&s, 1, 3 * SECOND));
}

/* One entry a second, however often it is looked at; most of them decide. */
static void
test_minute(void)
{
	struct steady s = {0};
	int64_t now = 0;

	for (int i = 0; i < 150; i++)
		steady_take(&s, 7, now += SECOND / 10);
	CHECK(s.n >= 15 && s.n <= 17 && steady_minute(&s) == 0, "%u: too little is known", s.n);
	for (int i = 0; i < 45; i++)
		steady_take(&s, 8, now += SECOND);
	CHECK(s.n == 60 && steady_minute(&s) == 8);
	for (int i = 0; i < 30; i++)
		steady_take(&s, 9, now += SECOND);
	CHECK(steady_minute(&s) == 0, "half is not most");
	steady_take(&s, 9, now += SECOND);
	CHECK(steady_minute(&s) == 9);
}

static void
test_trend(void)
{
	struct trend t = {0};

	trend_sample(&t, 5, SECOND, 10 * SECOND);
	CHECK(isnan(trend_rate(&t, 10 * SECOND)));
	for (int i = 2; i <= 100; i++)
		trend_sample(&t, i < 50 ? 5 : 5 + 0.5 * (i - 50), i * SECOND, 10 * SECOND);
	CHECK(fabs(trend_rate(&t, 10 * SECOND) - 0.5) < 1e-9, "%f", trend_rate(&t, 10 * SECOND));
	for (int i = 1; i <= 1000; i++)
		trend_sample(&t, 30 + 2 * i / 100.0, 100 * SECOND + i * SECOND / 100, 10 * SECOND);
	CHECK(fabs(trend_rate(&t, 10 * SECOND) - 2) < 0.1, "%f", trend_rate(&t, 10 * SECOND));
}

int
main(void)
{
	test_shown();
	test_gone();
	test_minute();
	test_trend();
	return t_end();
}
