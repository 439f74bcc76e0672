#include "record/reorder.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "record/record.h"
#include "t.h"

#define MANY 20000

static int
put(struct reorder *s, uint64_t seq)
{
	struct record r;
	char text[24];

	if (record_copy(&r, text, (size_t)snprintf(text, sizeof(text), "%ju", (uintmax_t)seq)) ==
	    -1)
		return -1;
	r.seq = seq;
	return reorder_put(s, &r);
}

/*
 * Takes out all that can be taken, max at a time, and checks that it goes on at
 * *next.
 */
static void
get(struct reorder *s, size_t max, uint64_t *next)
{
	struct record out[64];
	size_t n;

	while ((n = reorder_get(s, out, max)) > 0) {
		CHECK(n <= max);
		for (size_t i = 0; i < n; i++) {
			CHECK(out[i].seq == *next && strtoull(out[i].data, NULL, 10) == *next,
			    "%ju, want %ju", (uintmax_t)out[i].seq, (uintmax_t)*next);
			++*next;
		}
		record_freen(out, n);
	}
	CHECK(reorder_head(s) == *next);
}

static void
test_small(void)
{
	struct reorder *s = reorder_new();
	uint64_t next = 0;

	CHECK(s != NULL);
	CHECK(reorder_head(s) == 0);
	get(s, 64, &next);
	CHECK(put(s, 2) == 0 && put(s, 1) == 0);
	get(s, 64, &next);
	CHECK(next == 0, "nothing comes before 0");
	CHECK(put(s, 0) == 0);
	get(s, 2, &next);
	CHECK(next == 3);
	reorder_free(s);
	reorder_free(NULL);
}

/*
 * The record farthest away comes first: the ring must grow, with a gap in it.
 */
static void
test_backwards(size_t n, uint64_t base)
{
	struct reorder *s = reorder_new();
	uint64_t next = 0;

	for (uint64_t i = 0; i < base; i++) {
		CHECK(put(s, i) == 0);
		get(s, 1, &next);
	}
	for (uint64_t i = n; i-- > 0;) {
		CHECK(put(s, base + i) == 0);
		if (i > 0 && i % 97 == 0)
			get(s, 64, &next);
	}
	get(s, 64, &next);
	CHECK(next == base + n);
	reorder_free(s);
}

/* Shuffled within a distance, as -k meets them. */
static void
test_shuffled(size_t distance)
{
	struct reorder *s = reorder_new();
	uint64_t *order = calloc(MANY, sizeof(*order)), next = 0;
	unsigned random = 1;

	for (size_t i = 0; i < MANY; i++)
		order[i] = i;
	for (size_t i = 0; i + distance < MANY; i++) {
		size_t j = i + (random = random * 1103515245 + 12345) / 65536 % distance;
		uint64_t was = order[i];

		order[i] = order[j];
		order[j] = was;
	}
	for (size_t i = 0; i < MANY; i++) {
		CHECK(put(s, order[i]) == 0);
		get(s, 1 + i % 64, &next);
	}
	CHECK(next == MANY);
	free(order);
	reorder_free(s);
}

/*
 * Records that wait inside are freed with the ring (the leak check sees to it).
 */
static void
test_free_full(void)
{
	struct reorder *s = reorder_new();

	for (uint64_t i = 1; i < 700; i += 3)
		CHECK(put(s, i) == 0);
	reorder_free(s);
}

int
main(void)
{
	alarm(60);
	test_small();
	for (size_t n = 255; n <= 258; n++)
		for (uint64_t base = 0; base < 600; base += 199)
			test_backwards(n, base);
	test_backwards(5000, 300);
	test_shuffled(2);
	test_shuffled(700);
	test_free_full();
	return t_end();
}
