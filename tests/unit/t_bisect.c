#include "pfanout/bisect.h"

#include "t.h"

/*
 * A worker holds n records, and its child keeps all its answers in a buffer and
 * dies of record `poison`.  Plays the search to its end: returns how many
 * children died, and *alone is the record that was found.  oldest: try the
 * oldest one first, each time.
 */
static unsigned
search(size_t n, size_t poison, bool oldest, size_t *alone)
{
	struct bisect b = {0};
	size_t first = 0; /* records before this one have their answers */
	unsigned deaths = 1;

	bisect_accuse(&b, n, oldest);
	while (bisect_is_on(&b)) {
		size_t given = 0;

		bisect_begin_trial(&b);
		CHECK(bisect_on_trial(&b));
		while (bisect_room(&b, given) > 0)
			given++;
		CHECK(given > 0 && given <= b.suspects, "%zu of %zu", given, b.suspects);
		if (poison < first || poison >= first + given) {
			/* It is flushed and answers all. */
			bisect_end_trial(&b, given);
			first += given;
			continue;
		}
		deaths++;
		bisect_end_trial(&b, 0);
		if (given == 1) {
			*alone = first;
			bisect_end(&b);
		} else
			bisect_accuse(&b, given, oldest);
	}
	return deaths;
}

static void
test_finds(void)
{
	for (size_t n = 2; n <= 70; n++)
		for (size_t poison = 0; poison < 2 * n; poison++) {
			bool oldest = poison >= n;
			size_t alone = SIZE_MAX, i = poison % n;
			unsigned deaths = search(n, i, oldest, &alone);

			CHECK(alone == i, "%zu of %zu: %zu", i, n, alone);
			CHECK(deaths <= 9, "%zu of %zu: %u deaths", i, n, deaths);
			CHECK(!oldest || i > 0 || deaths == 2, "the oldest of %zu: %u", n, deaths);
		}
}

/* Nobody dies again: each is cleared by its answer, and the search ends. */
static void
test_clears(void)
{
	size_t alone = SIZE_MAX;

	CHECK(search(64, 1000, false, &alone) == 1 && alone == SIZE_MAX);
}

/* A child on trial that answers a part before it is killed clears that part. */
static void
test_part(void)
{
	struct bisect b = {0};

	bisect_accuse(&b, 8, false);
	bisect_begin_trial(&b);
	CHECK(b.trial == 4 && bisect_room(&b, 3) == 1 && bisect_room(&b, 4) == 0);
	bisect_end_trial(&b, 3);
	CHECK(b.suspects == 5 && !bisect_on_trial(&b));
	/*
	 * All that was on trial has its answer; then the child is slow to exit.
	 */
	bisect_begin_trial(&b);
	bisect_end_trial(&b, 3);
	bisect_begin_trial(&b);
	bisect_end_trial(&b, 1);
	bisect_begin_trial(&b);
	bisect_end_trial(&b, 1);
	CHECK(!bisect_is_on(&b), "%zu", b.suspects);
}

/* Without a search a child is not on trial, and its answers clear nobody. */
static void
test_off(void)
{
	struct bisect b = {0};

	CHECK(!bisect_is_on(&b));
	bisect_begin_trial(&b);
	CHECK(!bisect_on_trial(&b));
	bisect_end_trial(&b, 5);
	CHECK(b.suspects == 0 && b.trial == 0);
	bisect_accuse(&b, 3, false);
	bisect_end_trial(&b, 2);
	CHECK(b.suspects == 3, "no trial has begun: %zu", b.suspects);
}

int
main(void)
{
	test_finds();
	test_clears();
	test_part();
	test_off();
	return t_end();
}
