/* The marks on their way to the outputs of --to. */

#include "pfanout/shares.h"

#include <errno.h>

#include "record/mark.h"
#include "t.h"

/* What a mark of this weight is for n outputs. */
static const struct {
	const char *name;
	unsigned n, sink;
	uint64_t weight, each, rest; /* each 0: it can't be divided */
} cases[] = {
    {"one output, and standard output", 1, 1, MARK_WHOLE, MARK_WHOLE / 2, MARK_WHOLE / 2},
    {"what is left over is the sink's", 2, 2, 100, 33, 34},
    {"standard output is one of them", 3, 1, 100, 33, 34},
    {"standard output alone", 1, 0, 100, 100, 100},
    {"just enough", 3, 3, 4, 1, 1},
    {"too little", 3, 3, 3, 0, 0},
};

static void
test_weights(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct shares *s = shares_new(cases[i].n, cases[i].sink);
		struct mark mark = {.n = 7, .weight = cases[i].weight}, share;
		uint64_t sum;

		if (cases[i].each == 0) {
			CHECK(shares_put(s, &mark) == -1 && errno == ERANGE, "%s", cases[i].name);
			shares_free(s);
			continue;
		}
		CHECK(shares_put(s, &mark) == 0);
		CHECK(mark.weight == cases[i].rest, "%s", cases[i].name);
		sum = mark.weight;
		for (unsigned o = 0; o < cases[i].n; o++) {
			bool any = shares_take(s, o, &share);

			CHECK(any == (o != cases[i].sink), "%s: %u", cases[i].name, o);
			if (!any)
				continue;
			CHECK(share.n == 7 && share.weight == cases[i].each, "%s", cases[i].name);
			sum += share.weight;
			CHECK(!shares_take(s, o, &share));
		}
		CHECK(sum == cases[i].weight, "%s", cases[i].name);
		shares_free(s);
	}
}

/* An output that is slow gets all of them, in their order. */
static void
test_order(void)
{
	struct shares *s = shares_new(2, 2);
	struct mark mark;
	uint64_t slow = 0;

	for (uint64_t n = 1; n <= 1000; n++) {
		mark = (struct mark){.n = n, .weight = MARK_WHOLE};
		CHECK(shares_put(s, &mark) == 0);
		CHECK(shares_take(s, 0, &mark) && mark.n == n);
		if (n % 3 == 0)
			CHECK(shares_take(s, 1, &mark) && mark.n == ++slow);
	}
	CHECK(!shares_are_over(s, 0));
	shares_end(s);
	CHECK(shares_are_over(s, 0));
	CHECK(!shares_are_over(s, 1));
	while (shares_take(s, 1, &mark))
		CHECK(mark.n == ++slow);
	CHECK(slow == 1000);
	CHECK(shares_are_over(s, 1));
	shares_free(s);
}

int
main(void)
{
	test_weights();
	test_order();
	return t_end();
}
