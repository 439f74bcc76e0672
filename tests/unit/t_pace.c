/* How many records may be on their way, by the pace of acknowledgements. */

#include "pfanin/pace.h"

#include "t.h"

/* What is acknowledged in one life, and the window that follows. */
static const struct {
	int64_t at;
	uint64_t acked, window;
} steps[] = {
    {1000 * CLOCK_MS, 0, 0},
    /* Too early to measure. */
    {1001 * CLOCK_MS, 40000, 0},
    {1020 * CLOCK_MS, 40000, 400000},
    /* A sync of 30 ms: the window outlasts it by far. */
    {1050 * CLOCK_MS, 40000 + 60000, 400000},
    {1054 * CLOCK_MS, 140000, 400000},
    /* The pace falls. */
    {1090 * CLOCK_MS, 140000, 200000},
    {1110 * CLOCK_MS, 140000, 0},
    /* After a pause of an hour. */
    {1110 * CLOCK_MS + 3600 * CLOCK_S, 140000 + 18000, 1},
};

static void
test_windows(void)
{
	struct pace p = {0};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		CHECK(pace_measure(&p, steps[i].at, steps[i].acked) == steps[i].window);
}

int
main(void)
{
	test_windows();
	return t_end();
}
