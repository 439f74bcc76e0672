#include "base/bucket.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>

#include "t.h"
#include "t_random.h"

#define S INT64_C(1000000000)
#define YEAR (365 * 24 * 3600 * S)
#define LEN(a) (sizeof(a) / sizeof((a)[0]))

__extension__ typedef __int128 wide;

/* A bucket, and what callers have seen of it. */
struct sim {
	struct rate rate;
	int64_t full;
	uint64_t paid;
};

/* A caller comes and waits until its amount is due. */
static int64_t
take(struct sim *s, int64_t came, uint64_t amount)
{
	int64_t due = bucket_due(&s->rate, s->full, came, amount);

	s->full = bucket_take(&s->rate, s->full, came, amount, &s->paid);
	return due;
}

static const struct rate awkward[] = {
    {1, S, 1},
    {7, S, 1},
    {999983, S, 1},
    {3000000, S, 1},
    {1, 24 * 3600 * S, 1},
    {1000003, 24 * 3600 * S, 1},
    {7, 3, 1}, /* 2.3 in a ns */
    {10737418240, S, 1},
    {1, 1, 1},
    {999983, 60 * S, 5},
    {3, 1000, 1000000},
};

/*
 * The n-th amount is due exactly when it has been earned, never before: over a
 * year, in large steps.
 */
static void
test_a_year(void)
{
	for (size_t i = 0; i < LEN(awkward); i++) {
		struct sim s = {.rate = awkward[i]};
		__extension__ __int128 taken = 0;
		int64_t due = 0;
		uint64_t step = (uint64_t)((long double)YEAR / 10000 * (long double)s.rate.amount /
		    (long double)s.rate.per);
		long double exact;

		if (step == 0)
			step = 1;
		while (due < YEAR) {
			due = take(&s, 0, step);
			exact = (long double)taken * (long double)s.rate.per /
			    (long double)s.rate.amount;
			CHECK((long double)due >= exact - 0.01L && (long double)due <= exact + 2,
			    "%zu: %" PRId64 " instead of %Lf", i, due, exact);
			taken += step;
		}
	}
}

/* The same, one record at a time. */
static void
test_steps(void)
{
	for (size_t i = 0; i < LEN(awkward); i++) {
		struct sim s = {.rate = awkward[i]};
		bool good = true;

		s.rate.burst = 1;
		for (uint64_t n = 0; n < 1000000 && s.full < 50 * YEAR; n++) {
			__extension__ __int128 due = (__int128)take(&s, 0, 1) * s.rate.amount;
			__extension__ __int128 exact = (__int128)n * s.rate.per;

			good = good && due >= exact && due <= exact + 2 * (__int128)s.rate.amount;
		}
		CHECK(good, "%zu", i);
	}
}

static void
test_burst(void)
{
	struct sim s = {.rate = {100, S, 5}};
	int64_t now = 1000 * S;

	for (int n = 0; n < 5; n++)
		CHECK(take(&s, now, 1) == now, "%d", n);
	for (int n = 1; n < 100; n++)
		CHECK(take(&s, now, 1) == now + n * S / 100, "%d", n);
	/*
	 * A caller that came while others waited does not wait longer than they
	 * did.
	 */
	CHECK(take(&s, now + S / 2, 1) == now + S);
	/* Idle for a long time: no more than a burst. */
	now += 3600 * S;
	for (int n = 0; n < 5; n++)
		CHECK(take(&s, now, 1) == now, "%d", n);
	CHECK(take(&s, now, 1) == now + S / 100);
	/* Idle for a moment: what was earned meanwhile. */
	now += 3 * S / 100;
	CHECK(take(&s, now, 1) == now);
	CHECK(take(&s, now, 1) == now);
	CHECK(take(&s, now, 1) == now + S / 100);
}

static void
test_more_than_the_burst(void)
{
	struct sim s = {.rate = {1000, S, 100}};

	CHECK(take(&s, S, 5000) == S);
	CHECK(take(&s, S, 1) == S + 5 * S - 99 * S / 1000);
	CHECK(take(&s, S, 5000) == S + 5 * S + S / 1000);
	CHECK(take(&s, S, 100) == S + 10 * S + S / 1000);
}

/*
 * A caller that wakes late has lost nothing; one that was stopped for a long
 * time keeps no more than a burst.
 */
static void
test_late(void)
{
	struct sim s = {.rate = {10, S, 3}};

	for (int n = 0; n < 3; n++)
		take(&s, 0, 1);
	CHECK(take(&s, 0, 1) == S / 10);
	s.full = bucket_take_late(&s.rate, s.full, 100 * S, 1);
	CHECK(take(&s, 0, 1) <= 100 * S);
	CHECK(take(&s, 0, 1) <= 100 * S);
	CHECK(take(&s, 0, 1) == 100 * S + S / 10);
	/* Others have taken more meanwhile: nothing is given back. */
	CHECK(bucket_take_late(&s.rate, 200 * S, 100 * S, 1) == 200 * S);
}

static void
test_rescale(void)
{
	struct rate slow = {1, 3600 * S, 1}, fast = {100, S, 1}, other = {7, 3 * S, 4};

	/* An hour of debt is one record. */
	CHECK(bucket_rescale(&slow, &fast, 3600 * S + 5, 5) == S / 100 + 5);
	CHECK(bucket_rescale(&fast, &slow, S / 100 + 5, 5) == 3600 * S + 5);
	CHECK(bucket_rescale(&slow, &fast, 1800 * S, 0) == S / 200);
	/* So is credit. */
	CHECK(bucket_rescale(&other, &fast, 10 * S - 3 * S / 7, 10 * S) / 1000 ==
	    (10 * S - S / 100) / 1000);
	/* But no more than the burst. */
	CHECK(bucket_rescale(&fast, &slow, 0, 1000 * S) == 1000 * S - 3600 * S);
	CHECK(bucket_rescale(&fast, &slow, -YEAR, YEAR) == YEAR - 3600 * S);
	CHECK(bucket_rescale(&fast, &fast, 7 * S, S) == 7 * S);
	/* Nothing overflows. */
	CHECK(bucket_rescale(&(struct rate){UINT64_MAX, 1, 1}, &(struct rate){1, UINT64_MAX, 1},
		  BUCKET_LONGEST, 0) == BUCKET_LONGEST);
	CHECK(bucket_rescale(&(struct rate){1, UINT64_MAX, UINT64_MAX},
		  &(struct rate){1, UINT64_MAX, 1}, -BUCKET_LONGEST, 0) <= 0);
}

static void
test_extremes(void)
{
	struct sim s = {.rate = {1, UINT64_MAX, UINT64_MAX}};

	CHECK(bucket_time(&s.rate, UINT64_MAX) == BUCKET_LONGEST);
	CHECK(bucket_time(&s.rate, 0) == 0);
	for (int n = 0; n < 10; n++)
		CHECK(take(&s, n, UINT64_MAX) >= n);
	CHECK(s.full > 0);
	s = (struct sim){.rate = {UINT64_MAX, 1, 1}};
	for (int n = 0; n < 1000; n++)
		CHECK(take(&s, 5, 1) <= 6);
}

static uint64_t
below(uint64_t n)
{
	return (next_random() >> 11) % n;
}

/* A number of any size up to 2^bits. */
static uint64_t
any_size(unsigned bits)
{
	return 1 + below(UINT64_C(1) << below(bits + 1));
}

/* How often the last amount was due at once, later, and said to the ns. */
static uint64_t at_once, later, on_time;

/*
 * A caller takes n amounts one by one, or the sum of them: the bucket is the
 * same, and so is the time when the last one is due, but for the rounding of a
 * ns: it is never before the amount has been earned.
 */
static void
take_both_ways(const struct rate *rate, uint64_t most)
{
	int64_t came = (int64_t)any_size(50);
	struct sim one = {.rate = *rate, .paid = below(rate->amount)};
	uint64_t n = 1 + below(20), sum = 0, paid = one.paid;
	int64_t before, last = INT64_MIN, due, after;
	wide earned;

	/* The bucket is empty, full, or somewhere in between. */
	one.full = came + bucket_time(rate, rate->burst) - (int64_t)below(any_size(50));
	if (one.full < 0)
		one.full = 0;
	before = one.full;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t amount = 1 + below(most);

		due = take(&one, came, amount);
		sum += amount;
		last = due > last ? due : last;
	}
	after = bucket_take(rate, before, came, sum, &paid);
	CHECK(after == one.full && paid == one.paid,
	    "%" PRIu64 " per %" PRIu64 " ns, burst %" PRIu64 ", sum %" PRIu64 ": %" PRId64
	    " and %" PRId64,
	    rate->amount, rate->per, rate->burst, sum, after, one.full);
	due = bucket_due(rate, after, came, 0);
	CHECK(due - last <= 1 && last - due <= 1,
	    "%" PRIu64 " per %" PRIu64 " ns, burst %" PRIu64 ", n %" PRIu64 ": %" PRId64
	    ", not %" PRId64,
	    rate->amount, rate->per, rate->burst, n, due - came, last - came);
	/* full, as it would be without rounding, less the time of the burst. */
	earned = (wide)after * rate->amount - paid - (wide)rate->burst * rate->per;
	CHECK((wide)due * rate->amount >= earned, "before it is earned");
	on_time += due == last;
	at_once += last == came;
	later += last > came;
}

static void
test_due_last(void)
{
	for (int round = 0; round < 100000; round++) {
		struct rate rate = {any_size(30), any_size(40), any_size(20)};

		if (bucket_time(&rate, 100 * rate.burst) == BUCKET_LONGEST)
			continue;
		/* Records; bytes, each amount no larger than the burst. */
		take_both_ways(&rate, 1);
		take_both_ways(&rate, rate.burst);
	}
	/* Where no time has to be rounded, all is exact. */
	for (uint64_t step = 1; step < 1000000000; step *= 10) {
		uint64_t was = at_once + later - on_time;

		for (int round = 0; round < 1000; round++) {
			struct rate rate = {1, step, any_size(20)};

			take_both_ways(&rate, 1);
			take_both_ways(&rate, rate.burst);
		}
		CHECK(at_once + later - on_time == was, "%" PRIu64 " ns for each", step);
	}
	CHECK(at_once > 50000 && later > 50000 && on_time > later,
	    "%" PRIu64 " %" PRIu64 " %" PRIu64, at_once, later, on_time);
}

/* A full bucket has its burst at once, and not one more. */
static void
test_due_last_burst(void)
{
	for (uint64_t burst = 1; burst < 1000; burst = burst * 3 + 1) {
		struct rate rate = {1000, S, burst};
		int64_t now = 50 * S, after;
		uint64_t paid = 0;

		after = bucket_take(&rate, 0, now, burst, &paid);
		CHECK(bucket_due(&rate, after, now, 0) == now, "%" PRIu64, burst);
		paid = 0;
		after = bucket_take(&rate, 0, now, burst + 1, &paid);
		CHECK(bucket_due(&rate, after, now, 0) == now + S / 1000, "%" PRIu64, burst);
		paid = 0;
		after = bucket_take(&rate, 0, now, burst + 50, &paid);
		CHECK(bucket_due(&rate, after, now, 0) == now + S / 20, "%" PRIu64, burst);
	}
}

int
main(void)
{
	test_a_year();
	test_steps();
	test_burst();
	test_more_than_the_burst();
	test_late();
	test_rescale();
	test_extremes();
	test_due_last();
	test_due_last_burst();
	return t_end();
}
