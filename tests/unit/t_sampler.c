#include "trace/sampler.h"

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "t.h"
#include "trace/context.h"
#include "trace/tracestate.h"

#define LEN(table) (sizeof(table) / sizeof((table)[0]))
#define ALL_BITS (UINT64_C(1) << TRACESTATE_BITS)
#define DRAWS 1000000

static const struct {
	const char *name;
	int root; /* -1: must be refused */
	bool parent_based;
} names[] = {
    {"always_on", SAMPLER_ALL, false},
    {"always_off", SAMPLER_NONE, false},
    {"traceidratio", SAMPLER_RATIO, false},
    {"parentbased_always_on", SAMPLER_ALL, true},
    {"parentbased_always_off", SAMPLER_NONE, true},
    {"parentbased_traceidratio", SAMPLER_RATIO, true},
    {"", -1, false},
    {"always", -1, false},
    {"always_on ", -1, false},
    {"ALWAYS_ON", -1, false},
    {"parentbased_", -1, false},
    {"parentbased_parentbased_always_on", -1, false},
    {"jaeger_remote", -1, false},
};

static const struct {
	const char *text;
	uint64_t threshold; /* UINT64_MAX: must be refused */
} ratios[] = {
    {"", 0},
    {"1", 0},
    {"1.0", 0},
    {"0", ALL_BITS},
    {"0.0", ALL_BITS},
    {"-0", ALL_BITS},
    {"0.5", ALL_BITS / 2},
    {".5", ALL_BITS / 2},
    {"5e-1", ALL_BITS / 2},
    {"0.25", ALL_BITS / 4 * 3},
    /* round(0.1 * 2^56) and round(0.01 * 2^56) */
    {"0.1", ALL_BITS - UINT64_C(7205759403792794)},
    {"0.01", ALL_BITS - UINT64_C(720575940379279)},
    /* the least: 2^-57 is rounded up, and less is none */
    {"1e-17", ALL_BITS - 1},
    {"6.938893903907228377647697925567626953125e-18", ALL_BITS - 1},
    {"6.9e-18", ALL_BITS},
    {"1e-300", ALL_BITS},
    /* the highest that is below 1 as a double, 1 - 2^-53 */
    {"0.99999999999999988897769753748", 8},
    /* an odd multiple of 2^-53 above a half, where adding 0.5 would round */
    {"0.50000000000000011102230246252", ALL_BITS / 2 - 8},
    /* an odd multiple of 2^-56 in [2^-4, 2^-3) */
    {"0.06250000000000001387778780781445675529539585113525390625", ALL_BITS - ALL_BITS / 16 - 1},
    {"-1", UINT64_MAX},
    {"-1e-9", UINT64_MAX},
    {"1.1", UINT64_MAX},
    {"1.0000001", UINT64_MAX},
    {"2", UINT64_MAX},
    {"nan", UINT64_MAX},
    {"inf", UINT64_MAX},
    {"1e999", UINT64_MAX},
    {"x", UINT64_MAX},
    {"0.5x", UINT64_MAX},
    {"0,5", UINT64_MAX},
    {"50%", UINT64_MAX},
    {" 0.5", UINT64_MAX},
    {"0.5 ", UINT64_MAX},
    {" ", UINT64_MAX},
    {"0x1p-1", UINT64_MAX},
    {"1e", UINT64_MAX},
    {".", UINT64_MAX},
    {"-", UINT64_MAX},
    {"1/2", UINT64_MAX},
};

static void
test_names(void)
{
	for (size_t i = 0; i < LEN(names); i++) {
		struct sampler s = {.root = SAMPLER_NONE, .threshold = 12345};
		const char *why = NULL;
		int ret = sampler_read(&s, names[i].name, "", &why);

		CHECK((ret == 0) == (names[i].root >= 0), "%s: %d", names[i].name, ret);
		if (ret == 0) {
			CHECK((int)s.root == names[i].root, "%s", names[i].name);
			CHECK(s.parent_based == names[i].parent_based, "%s", names[i].name);
			CHECK(s.threshold == 0, "%s", names[i].name);
			continue;
		}
		CHECK(why != NULL && strstr(why, "always_on") != NULL, "%s", names[i].name);
		CHECK(s.root == SAMPLER_NONE && s.threshold == 12345, "%s", names[i].name);
	}
}

static void
test_ratios(void)
{
	for (size_t i = 0; i < LEN(ratios); i++) {
		struct sampler s = {.root = SAMPLER_NONE, .threshold = 12345};
		const char *why = NULL;
		int ret = sampler_read(&s, "traceidratio", ratios[i].text, &why);

		if (ratios[i].threshold == UINT64_MAX) {
			CHECK(ret == -1, "%s", ratios[i].text);
			CHECK(why != NULL && strstr(why, "from 0 to 1") != NULL, "%s",
			    ratios[i].text);
			CHECK(s.root == SAMPLER_NONE && s.threshold == 12345, "%s", ratios[i].text);
		} else {
			CHECK(ret == 0, "%s", ratios[i].text);
			CHECK(s.threshold == ratios[i].threshold, "%s: %#jx", ratios[i].text,
			    (uintmax_t)s.threshold);
			CHECK(sampler_has_threshold(&s) == (s.threshold > 0), "%s", ratios[i].text);
		}
		/* The others have no use for a ratio. */
		CHECK(
		    sampler_read(&s, "always_on", ratios[i].text, &why) == 0, "%s", ratios[i].text);
		CHECK(!sampler_has_threshold(&s), "%s", ratios[i].text);
	}
}

static const struct {
	const char *name, *ratio, *parent, *state;
	bool takes;
} parents[] = {
    {"always_on", "", "12345678901234567800000000000000", "", true},
    {"always_off", "", "123456789012345678ffffffffffffff", "", false},
    {"traceidratio", "1", "12345678901234567800000000000000", "", true},
    {"traceidratio", "0", "123456789012345678ffffffffffffff", "", false},
    /* the last 56 bits of the id count, and no others */
    {"traceidratio", "0.5", "12345678901234567880000000000000", "", true},
    {"traceidratio", "0.5", "ffffffffffffffffff7fffffffffffff", "", false},
    {"traceidratio", "1e-17", "000000000000000000ffffffffffffff", "", true},
    {"traceidratio", "1e-17", "fffffffffffffffffffffffffffffffe", "", false},
    /* the tracestate's randomness wins */
    {"traceidratio", "0.5", "12345678901234567800000000000000", "ot=rv:80000000000000", true},
    {"traceidratio", "0.5", "123456789012345678ffffffffffffff", "ot=rv:7fffffffffffff", false},
    {"traceidratio", "0.5", "123456789012345678ffffffffffffff", "a=1,ot=th:8;rv:0f0f0f0f0f0f0f",
	false},
    {"traceidratio", "0.5", "123456789012345678ffffffffffffff", "a=1,b=rv:00000000000000", true},
    {"traceidratio", "0.5", "123456789012345678ffffffffffffff", "ot=rv:0", true},
};

static void
test_parents(void)
{
	for (size_t i = 0; i < LEN(parents); i++) {
		struct sampler s;
		struct context c = {.span_id = {1}};
		const char *why;

		CHECK(sampler_read(&s, parents[i].name, parents[i].ratio, &why) == 0, "%zu", i);
		CHECK(hex_read(parents[i].parent, 32, c.trace_id, 16), "%zu", i);
		CHECK(sampler_takes(&s, &c, parents[i].state) == parents[i].takes, "%s %s: %s",
		    parents[i].name, parents[i].ratio, parents[i].parent);
		/* With parentbased_ only the flag counts. */
		s.parent_based = true;
		CHECK(!sampler_takes(&s, &c, parents[i].state), "%zu", i);
		c.flags = CONTEXT_RANDOM;
		CHECK(!sampler_takes(&s, &c, parents[i].state), "%zu", i);
		c.flags = CONTEXT_SAMPLED;
		CHECK(sampler_takes(&s, &c, parents[i].state), "%zu", i);
		/* Without a parent it is of no account. */
		s.parent_based = false;
		CHECK(sampler_takes(&s, &c, parents[i].state) == parents[i].takes, "%zu", i);
	}
}

static void
check_begun(const struct sampler *s, const struct context *c)
{
	struct sampler own = *s;

	own.parent_based = false;
	CHECK(sampler_takes(&own, c, ""), "it would be taken by its id, too");
	CHECK(c->flags == (CONTEXT_SAMPLED | CONTEXT_RANDOM), "%d", c->flags);
	CHECK(memcmp(c->span_id, "\0\0\0\0\0\0\0", sizeof(c->span_id)) == 0, "a span id");
}

/*
 * Classes of numbers of skipped records, each as probable as the others, as far
 * as that is possible; and how probable they are if a record in 1/p is taken.
 */
#define CLASSES 10

struct classes {
	uint64_t from[CLASSES];
	double p[CLASSES];
};

static void
make_classes(double p, struct classes *c)
{
	double left = 1, before = 1; /* of the probability, from n on */
	uint64_t n = 0;

	for (int i = 0; i < CLASSES; i++) {
		for (; left > 1 - (double)i / CLASSES; n++)
			left *= 1 - p;
		c->from[i] = n;
		if (i > 0)
			c->p[i - 1] = before - left;
		before = left;
	}
	c->p[CLASSES - 1] = left;
}

/* What became of many draws. */
struct drawn {
	uint64_t sampled;
	uint64_t *ids;             /* of those: the last 64 bits */
	uint64_t skipped[CLASSES]; /* how often as many as the class says */
	uint64_t place[CLASSES];   /* in this part of what is above */
};

static void
note(const struct sampler *s, struct drawn *d)
{
	uint64_t least = s->root == SAMPLER_RATIO ? s->threshold : 0, randomness = 0;
	struct context c;

	memset(&c, 0xab, sizeof(c));
	sampler_begin(s, &c);
	check_begun(s, &c);
	for (size_t i = 9; i < CONTEXT_TRACE_ID; i++)
		randomness = randomness << 8 | c.trace_id[i];
	memcpy(&d->ids[d->sampled++], c.trace_id + 8, 8);
	CHECK(randomness >= least && randomness < ALL_BITS, "%#jx", (uintmax_t)randomness);
	d->place[(randomness - least) / ((ALL_BITS - least) / CLASSES + 1)]++;
}

static void
draw(const struct sampler *s, uint64_t seed, const struct classes *c, struct drawn *d)
{
	struct sampler_draws draws;
	uint64_t skipped = 0;
	int class;

	sampler_begin_draws(s, seed, &draws);
	*d = (struct drawn){.ids = calloc(DRAWS, sizeof(*d->ids))};
	for (int i = 0; i < DRAWS; i++, skipped++) {
		if (!sampler_draws(&draws))
			continue;
		note(s, d);
		for (class = CLASSES - 1; skipped < c->from[class];)
			class --;
		d->skipped[class]++;
		skipped = UINT64_MAX;
	}
}

static int
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Chi-square: 60 would be one in a billion. */
static void
check_classes(const uint64_t n[CLASSES], const double p[CLASSES], double all, const char *what)
{
	double sum = 0;

	for (int i = 0; i < CLASSES; i++) {
		double off = (double)n[i] - p[i] * all;

		if (p[i] > 0)
			sum += off * off / (p[i] * all);
		else
			CHECK(n[i] == 0, "%s: %ju in class %d", what, (uintmax_t)n[i], i);
	}
	CHECK(sum < 60, "%s: %g", what, sum);
}

/*
 * Of a million draws so many are taken as the ratio says, within five standard
 * deviations, at such distances, and with such randomness, as if each were made
 * when it is asked for.  No id is there twice.
 */
static void
test_draws(void)
{
	static const double same[CLASSES] = {.1, .1, .1, .1, .1, .1, .1, .1, .1, .1};
	static const struct {
		const char *name, *ratio;
		double share;
	} shares[] = {{"always_on", "", 1}, {"always_off", "", 0}, {"traceidratio", "1", 1},
	    {"traceidratio", "0", 0}, {"traceidratio", "1e-17", 0}, {"traceidratio", "0.5", 0.5},
	    {"parentbased_traceidratio", "0.1", 0.1}, {"traceidratio", "0.01", 0.01},
	    {"traceidratio", "0.001", 0.001}, {"traceidratio", "0.3", 0.3},
	    {"traceidratio", "0.999", 0.999}};

	for (size_t i = 0; i < LEN(shares); i++) {
		double p = shares[i].share, off;
		struct classes classes = {0};
		struct sampler s;
		struct drawn d;
		const char *why;

		CHECK(sampler_read(&s, shares[i].name, shares[i].ratio, &why) == 0, "%zu", i);
		if (p > 0)
			make_classes(p, &classes);
		draw(&s, 17 + i, &classes, &d);
		off = (double)d.sampled - p * DRAWS;
		CHECK(off * off <= 25 * p * (1 - p) * DRAWS, "%s: %ju", shares[i].ratio,
		    (uintmax_t)d.sampled);
		if (p > 0) {
			check_classes(d.skipped, classes.p, (double)d.sampled, shares[i].ratio);
			check_classes(d.place, same, (double)d.sampled, shares[i].ratio);
		}
		qsort(d.ids, d.sampled, sizeof(*d.ids), by_value);
		for (size_t j = 1; j < d.sampled; j++)
			CHECK(d.ids[j] != d.ids[j - 1], "twice: %#jx", (uintmax_t)d.ids[j]);
		free(d.ids);
	}
}

/*
 * With small ratios so many are skipped that they can't be counted one by one:
 * on average 1 / ratio, and in half of the cases less than ln 2 of that.  Both
 * are right within five standard deviations.
 */
static void
test_small_ratios(void)
{
	static const struct {
		const char *text;
		double ratio;
	} rows[] = {{"1e-4", 1e-4}, {"1e-6", 1e-6}, {"1e-9", 1e-9}, {"1e-13", 1e-13},
	    {"1.3877787807814456755e-17", 0x1p-56}};
	static const int n = 40000;

	for (size_t i = 0; i < LEN(rows); i++) {
		struct sampler s;
		struct sampler_draws draws;
		const char *why;
		double sum = 0, off;
		int below = 0;

		CHECK(sampler_read(&s, "traceidratio", rows[i].text, &why) == 0, "%zu", i);
		sampler_begin_draws(&s, 17 + i, &draws);
		for (int j = 0; j < n; j++) {
			double skipped = (double)(draws.next - 1) * rows[i].ratio;

			sampler_draw(&draws);
			sum += skipped;
			below += skipped < 0.693147;
		}
		off = sum - n;
		CHECK(off * off <= 25.0 * n, "%s: %g", rows[i].text, sum / n);
		off = below - n / 2;
		CHECK(off * off <= 25.0 * n / 4, "%s: %d", rows[i].text, below);
	}
}

int
main(void)
{
	test_names();
	test_ratios();
	test_parents();
	test_draws();
	test_small_ratios();
	return t_end();
}
