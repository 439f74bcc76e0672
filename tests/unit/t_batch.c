#include "record/batch.h"

#include <stdlib.h>

#include "t.h"

/* Adds records of `bytes` bytes with the seqs from `first` on. */
static void
add(struct batch *b, uint64_t first, size_t n, size_t bytes)
{
	for (uint64_t seq = first; seq < first + n; seq++) {
		struct record r = {.seq = seq, .reserved = bytes};

		CHECK(batch_add(b, &r) == 0);
	}
}

static void
test_room(void)
{
	static const struct {
		size_t records, bytes; /* limits */
		size_t n, size;        /* inside */
		size_t room;
	} table[] = {
	    {1, 1000, 0, 0, 1},
	    {1, 1000, 1, 10, 0},
	    /* Who knows how large the first is. */
	    {500, 1000, 0, 0, 1},
	    {2, 1, 0, 0, 1},
	    /* The guess is worth more with each record. */
	    {500, 100000, 1, 10, 1},
	    {500, 100000, 4, 10, 4},
	    {SIZE_MAX, SIZE_MAX, 8, 1, 8},
	    /* No more than the limits. */
	    {500, 100000, 256, 10, 244},
	    {500, 100000, 499, 10, 1},
	    {500, 100000, 500, 10, 0},
	    {500, 100000, 501, 10, 0},
	    {500, 1000, 50, 10, 46},
	    {500, 1000, 64, 15, 3},
	    {500, 1000, 99, 10, 1},
	    {500, 1000, 100, 10, 0},
	    {500, 1000, 1, 1 << 20, 0},
	    /* Nothing is reserved. */
	    {500, 1000, 3, 0, 3},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct batch b = {0};
		struct batch_limits limits = {table[i].records, table[i].bytes};
		size_t room;

		add(&b, 0, table[i].n, table[i].size);
		room = batch_room(&b, &limits);
		CHECK(room == table[i].room, "row %zu: %zu", i, room);
		batch_free(&b);
	}
}

/* Filled as its room says, a batch comes to its limits in a few turns. */
static void
test_fill(void)
{
	static const struct {
		struct batch_limits limits;
		size_t size;
		size_t n, turns; /* at most so many turns */
	} table[] = {
	    {{500, 1 << 20}, 300, 500, 10},
	    {{10000, 1 << 20}, 1024, 1024, 12},
	    {{100, 1 << 20}, 1 << 22, 1, 1},
	    {{1, 1 << 20}, 1, 1, 1},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct batch b = {0};
		size_t room, turns = 0;

		for (; (room = batch_room(&b, &table[i].limits)) > 0; turns++)
			add(&b, b.records.n, room, table[i].size);
		CHECK(b.records.n == table[i].n, "row %zu: %zu", i, b.records.n);
		CHECK(turns <= table[i].turns, "row %zu: %zu turns", i, turns);
		batch_free(&b);
	}
}

static void
test_fate(void)
{
	static const struct {
		size_t n;
		bool half;
		uint32_t attempts, most;
		bool bisect;
		enum batch_fate fate;
	} table[] = {
	    {1, false, 1, 1, true, BATCH_DEAD},
	    {1, false, 1, 2, true, BATCH_RETRY},
	    {1, false, 2, 2, false, BATCH_DEAD},
	    {2, false, 1, 1, true, BATCH_HALVE},
	    {2, false, 1, 1, false, BATCH_DEAD},
	    {100, false, 1, 3, true, BATCH_RETRY},
	    {100, false, 2, 3, false, BATCH_RETRY},
	    {100, false, 3, 3, true, BATCH_HALVE},
	    {100, false, 3, 3, false, BATCH_DEAD},
	    {50, true, 1, 3, true, BATCH_HALVE}, /* its only attempt */
	    {1, true, 1, 3, true, BATCH_RETRY},  /* alone */
	    {1, true, 3, 3, true, BATCH_DEAD},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct batch b = {.attempts = table[i].attempts, .half = table[i].half};

		add(&b, 0, table[i].n, 1);
		CHECK(
		    batch_fate(&b, table[i].most, table[i].bisect) == table[i].fate, "row %zu", i);
		batch_free(&b);
	}
}

static void
test_halve(void)
{
	for (size_t n = 2; n < 70; n++) {
		struct batch b = {.number = 3, .attempts = 2}, front = {0};

		add(&b, 10, n, 5);
		CHECK(batch_halve(&b, &front) == 0);
		CHECK(front.records.n == n / 2 && front.bytes == n / 2 * 5 && front.number == 0);
		CHECK(b.records.n == n - n / 2 && b.bytes == (n - n / 2) * 5 && b.number == 0);
		CHECK(front.half && b.half && front.attempts == 0 && b.attempts == 0);
		for (size_t i = 0; i < n; i++)
			CHECK((i < n / 2 ? queue_at(&front.records, i)
					 : queue_at(&b.records, i - n / 2))
				    ->seq == 10 + i,
			    "%zu of %zu", i, n);
		batch_free(&front);
		batch_free(&b);
		CHECK(b.records.n == 0 && b.bytes == 0);
	}
}

/*
 * Plays the search in a batch of which the records `bad` fail, whoever is with
 * them: returns how many attempts there are after the first one.
 */
static unsigned
search(size_t n, const bool *bad, unsigned *dead)
{
	struct batch todo[64] = {0}, front;
	size_t depth = 1;
	unsigned attempts = 0;

	add(&todo[0], 0, n, 1);
	while (depth > 0) {
		struct batch b = todo[--depth];
		bool fails = false;

		attempts++;
		for (size_t i = 0; i < b.records.n; i++)
			fails = fails || bad[queue_at(&b.records, i)->seq];
		b.attempts++;
		if (!fails || batch_fate(&b, 1, true) == BATCH_DEAD) {
			*dead += fails;
			batch_free(&b);
			continue;
		}
		front = (struct batch){0};
		CHECK(batch_halve(&b, &front) == 0);
		todo[depth++] = b;
		todo[depth++] = front;
	}
	return attempts - 1;
}

static void
test_search(void)
{
	bool bad[130] = {false};

	for (size_t n = 1; n < 130; n++) {
		unsigned bound = 0, dead;

		for (size_t wide = 1; wide < n; wide *= 2)
			bound += 2;
		for (size_t i = 0; i < n; i++) {
			unsigned more;

			bad[i] = true;
			dead = 0;
			more = search(n, bad, &dead);
			bad[i] = false;
			CHECK(dead == 1 && more <= bound, "%zu of %zu: %u dead, %u attempts more",
			    i, n, dead, more);
		}
		dead = 0;
		CHECK(search(n, bad, &dead) == 0 && dead == 0);
	}
	for (size_t i = 0; i < 130; i++)
		bad[i] = true;
	for (size_t n = 1; n < 130; n++) {
		unsigned dead = 0;

		CHECK(search(n, bad, &dead) == 2 * n - 2 && dead == n, "all of %zu: %u dead", n,
		    dead);
	}
}

int
main(void)
{
	test_room();
	test_fill();
	test_fate();
	test_halve();
	test_search();
	return t_end();
}
