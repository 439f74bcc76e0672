/* A tournament finds what a search through all seats finds. */

#include "pfanin/tournament.h"

#include <stdlib.h>

#include "t.h"
#include "t_random.h"

#define MOST 200

static int
compare(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	/* As memcmp(3), not only -1 and 1. */
	return x < y ? -7 : x > y ? 7 : 0;
}

/* The leftmost of the least; NULL: all seats are empty. */
static void *
least(unsigned *const *seat, size_t n)
{
	unsigned *first = NULL;

	for (size_t i = 0; i < n; i++)
		if (seat[i] != NULL && (first == NULL || *seat[i] < *first))
			first = seat[i];
	return first;
}

/* Items come, move and go in any seat; the tournament grows to n seats. */
static void
test_any(size_t n, unsigned below)
{
	unsigned number[MOST], *seat[MOST] = {NULL};
	struct tournament t = {0};

	CHECK(tournament_first(&t) == NULL);
	for (size_t step = 0, has = 0; step < 20 * n; step++) {
		size_t at = (size_t)next_random() % n;

		if (at >= has) {
			has = at + 1;
			CHECK(tournament_grow(&t, has, compare) == 0 && t.seats >= has);
			CHECK(tournament_first(&t) == least(seat, n));
		}
		number[at] = (unsigned)(next_random() % below);
		seat[at] = next_random() % 4 == 0 ? NULL : &number[at];
		tournament_seat(&t, at, seat[at], compare);
		CHECK(tournament_first(&t) == least(seat, n), "%zu seats, step %zu", n, step);
	}
	free(t.at);
}

/* Streams that are merged: the first one moves on, or ends. */
static void
test_merge(size_t n)
{
	unsigned number[MOST], *first, last = 0;
	size_t steps = 0, last_seat = 0;
	struct tournament t = {0};

	CHECK(tournament_grow(&t, n, compare) == 0);
	for (size_t i = 0; i < n; i++) {
		number[i] = (unsigned)(next_random() % 10);
		tournament_seat(&t, i, &number[i], compare);
	}
	while ((first = tournament_first(&t)) != NULL) {
		size_t seat = (size_t)(first - number);

		/* Equal ones come from left to right. */
		CHECK(*first > last || (*first == last && (steps == 0 || seat >= last_seat)));
		last = *first;
		last_seat = seat;
		*first += (unsigned)(next_random() % 4);
		steps++;
		tournament_seat(&t, seat, next_random() % 20 == 0 ? NULL : first, compare);
	}
	CHECK(steps >= n);
	free(t.at);
}

int
main(void)
{
	for (size_t n = 1; n <= MOST; n += n < 20 ? 1 : 45) {
		test_any(n, 1);
		test_any(n, 10);
		test_any(n, 100000);
		test_merge(n);
	}
	return t_end();
}
