#include "base/histogram.h"

#include <inttypes.h>
#include <string.h>

#include "t.h"

#define US INT64_C(1000)
#define S INT64_C(1000000000)

static const struct {
	int64_t ns;
	unsigned bucket;
} places[] = {
    {INT64_MIN, 0},
    {-1, 0},
    {0, 0},
    {1000, 0}, /* bounds are inclusive */
    {1001, 1},
    {2500, 1},
    {2501, 2},
    {5000, 2},
    {5001, 3},
    {10000, 3},
    {1000000, 9},
    {1000001, 10},
    {1 * S, 18},
    {50 * S, 23},
    {100 * S, 24},
    {100 * S + 1, 25},
    {INT64_MAX, 25},
};

static void
test_bounds(void)
{
	static const int64_t steps[] = {10, 25, 50};
	int64_t decade = US / 10;

	for (unsigned i = 0; i < HISTOGRAM_BOUNDS; i++) {
		CHECK(histogram_bound[i] == steps[i % 3] * decade, "%u", i);
		if (i % 3 == 2)
			decade *= 10;
	}
	CHECK(histogram_bound[HISTOGRAM_BOUNDS - 1] == 100 * S, "the last is 100 s");
}

static void
test_places(void)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct histogram h = {0};

		histogram_add(&h, places[i].ns, 3);
		CHECK(h.bucket[places[i].bucket] == 3, "%" PRId64, places[i].ns);
		CHECK(histogram_count(&h) == 3, "%" PRId64, places[i].ns);
	}
}

static void
test_sum_and_merge(void)
{
	struct histogram a = {0}, b = {0};

	histogram_add(&a, 3 * US, 2);
	histogram_add(&a, -7, 1);
	histogram_add(&b, 4 * US, 1);
	histogram_add(&b, 200 * S, 5);
	histogram_merge(&b, &a);
	CHECK(a.sum == 6000 && histogram_count(&a) == 3, "a is as it was");
	CHECK(b.sum == 6000 + 4000 + 1000 * (uint64_t)S, "sum %" PRIu64, b.sum);
	CHECK(histogram_count(&b) == 9, "count %" PRIu64, histogram_count(&b));
	CHECK(b.bucket[0] == 1 && b.bucket[2] == 3 && b.bucket[25] == 5, "buckets");
	histogram_subtract(&b, &a);
	CHECK(b.sum == 4000 + 1000 * (uint64_t)S && histogram_count(&b) == 6, "without a");
	CHECK(b.bucket[0] == 0 && b.bucket[2] == 1 && b.bucket[25] == 5, "buckets without a");
}

static void
test_quantile(void)
{
	struct histogram h = {0};

	CHECK(histogram_quantile(&h, 0.5) == 0, "empty");
	/* 10 between 5 and 10 us count as spread evenly over the bucket. */
	histogram_add(&h, 7 * US, 10);
	CHECK(histogram_quantile(&h, 0) == 5000, "%" PRId64, histogram_quantile(&h, 0));
	CHECK(histogram_quantile(&h, 0.5) == 7500, "%" PRId64, histogram_quantile(&h, 0.5));
	CHECK(histogram_quantile(&h, 1) == 10000, "%" PRId64, histogram_quantile(&h, 1));
	CHECK(histogram_quantile(&h, -3) == 5000, "below 0");
	CHECK(histogram_quantile(&h, 42) == 10000, "above 1");
	/*
	 * Another 10 beyond all bounds: the median is the border between the
	 * two.
	 */
	histogram_add(&h, 300 * S, 10);
	CHECK(histogram_quantile(&h, 0.5) == 10000, "%" PRId64, histogram_quantile(&h, 0.5));
	CHECK(histogram_quantile(&h, 0.25) == 7500, "%" PRId64, histogram_quantile(&h, 0.25));
	CHECK(histogram_quantile(&h, 0.99) == 100 * S, "beyond the bounds");
}

static void
test_first_bucket(void)
{
	struct histogram h = {0};

	histogram_add(&h, 1, 4);
	CHECK(histogram_quantile(&h, 0.5) == 500, "%" PRId64, histogram_quantile(&h, 0.5));
}

int
main(void)
{
	test_bounds();
	test_places();
	test_sum_and_merge();
	test_quantile();
	test_first_bucket();
	return t_end();
}
