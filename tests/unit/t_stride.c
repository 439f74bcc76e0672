#include "postgres/stride.h"

#include <stdint.h>

#include "t.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Of n records, each that `every` divides is bad; 0: none is. */
static const struct {
	size_t n, every;
	size_t transactions; /* at most */
} cases[] = {
    {5000, 0, 1},
    {50000, 0, 10},
    {50000, 50000, 10 + 13 + 13},
    {50000, 1, 50000 + 13},
    {50000, 2, 4 * 50000},
    {50000, 1000, 10 + 50 * 30},
    {1, 1, 1},
};

/* Plays them all; how many transactions it took. */
static size_t
play(size_t n, size_t every, size_t *rejected)
{
	struct stride s = {STRIDE_MOST};
	size_t at = 0, transactions = 0;

	*rejected = 0;
	while (at < n) {
		size_t size = n - at < s.most ? n - at : s.most;
		/* The first bad one from `at` on is in it. */
		bool bad = every != 0 && at / every < (at + size) / every;

		transactions++;
		CHECK(size > 0 && size <= STRIDE_MOST, "%zu", size);
		if (!bad) {
			stride_stored(&s, size);
			at += size;
		} else if (stride_failed(&s, size)) {
			++*rejected;
			at++;
		}
	}
	return transactions;
}

static void
test_cases(void)
{
	for (size_t i = 0; i < LEN(cases); i++) {
		size_t rejected, took = play(cases[i].n, cases[i].every, &rejected);

		CHECK(took <= cases[i].transactions, "%zu: %zu", i, took);
		CHECK(rejected == (cases[i].every != 0 ? cases[i].n / cases[i].every : 0),
		    "%zu: %zu", i, rejected);
	}
}

/* A few that were there does not mean that more can't go. */
static void
test_few(void)
{
	struct stride s = {STRIDE_MOST};

	stride_stored(&s, 3);
	CHECK(s.most == STRIDE_MOST, "%zu", s.most);
	CHECK(!stride_failed(&s, 3));
	CHECK(s.most == 1, "%zu", s.most);
	CHECK(stride_failed(&s, 1));
	stride_stored(&s, 1);
	CHECK(s.most == 2, "%zu", s.most);
}

int
main(void)
{
	test_cases();
	test_few();
	return t_end();
}
