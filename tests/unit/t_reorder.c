#include "record/reorder.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "record/record.h"
#include "t.h"
#include "t_random.h"

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
	const struct record first = {.seq = 0}, second = {.seq = 1};
	const struct record run = {.seq = 0, .kind = RECORD_RUN, .lines = 2};
	struct reorder *s = reorder_new();
	uint64_t next = 0;

	CHECK(s != NULL);
	CHECK(reorder_head(s) == 0);
	CHECK(reorder_passes_alone(s, &first) && !reorder_passes_alone(s, &second));
	get(s, 64, &next);
	CHECK(put(s, 2) == 0 && reorder_passes_alone(s, &first) && !reorder_passes_alone(s, &run));
	CHECK(put(s, 1) == 0 && !reorder_passes_alone(s, &first), "1 would come with it");
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

static size_t
below(size_t n)
{
	return (size_t)(next_random() >> 11) % n;
}

/* A run of n records, or the one, from this seq on; each line says its seq. */
static struct record
make(uint64_t seq, uint64_t n)
{
	struct record r;
	char text[21 * 40] = "";
	size_t len = 0;

	for (uint64_t i = 0; i < n; i++)
		len +=
		    (size_t)snprintf(text + len, sizeof(text) - len, "%ju\n", (uintmax_t)(seq + i));
	CHECK(record_copy(&r, text, len - 1) == 0);
	r.seq = seq;
	if (n > 1) {
		r.kind = RECORD_RUN;
		r.lines = n;
	}
	return r;
}

/* Takes out what can be taken, and looks at each record of a run. */
static void
get_records(struct reorder *s, size_t max, uint64_t *next)
{
	struct record out[64], one;
	size_t n;
	bool more;

	while ((n = reorder_get(s, out, max)) > 0) {
		CHECK(n <= max);
		for (size_t i = 0; i < n; i++)
			do {
				more = record_take_one(&out[i], &one);
				CHECK(one.seq == *next && strtoull(one.data, NULL, 10) == *next,
				    "%ju, want %ju", (uintmax_t)one.seq, (uintmax_t)*next);
				++*next;
				record_free(&one);
			} while (more);
	}
	CHECK(reorder_head(s) == *next);
}

/* A run has one cell: the head goes on behind its last record. */
static void
test_run(void)
{
	struct reorder *s = reorder_new();
	struct record r;
	uint64_t next = 0;

	r = make(3, 4);
	CHECK(reorder_put(s, &r) == 0);
	r = make(7, 1);
	CHECK(reorder_put(s, &r) == 0);
	get_records(s, 64, &next);
	CHECK(next == 0);
	r = make(0, 2);
	CHECK(reorder_put(s, &r) == 0);
	get_records(s, 64, &next);
	CHECK(next == 2, "%ju", (uintmax_t)next);
	r = make(2, 1);
	CHECK(reorder_put(s, &r) == 0);
	get_records(s, 1, &next);
	CHECK(next == 8, "%ju", (uintmax_t)next);
	/* A run larger than the ring, and what is behind it. */
	r = make(8 + 40 * 40, 2);
	CHECK(reorder_put(s, &r) == 0);
	for (uint64_t i = 40; i-- > 0;) {
		r = make(8 + i * 40, 40);
		CHECK(reorder_put(s, &r) == 0);
	}
	get_records(s, 64, &next);
	CHECK(next == 8 + 40 * 40 + 2, "%ju", (uintmax_t)next);
	/* What is inside is freed. */
	r = make(next + 1, 30);
	CHECK(reorder_put(s, &r) == 0);
	reorder_free(s);
}

/*
 * Runs and single records, shuffled within a distance of `distance` items, as
 * -k meets them; what can go is taken now and then.
 */
static void
test_runs_shuffled(size_t distance)
{
	enum { ITEMS = 3000 };
	struct reorder *s = reorder_new();
	struct record *r = calloc(ITEMS, sizeof(*r)), was;
	uint64_t seq = 0, next = 0;

	for (size_t i = 0; i < ITEMS; i++) {
		uint64_t n = below(2) == 0 ? 1 : 2 + below(38);

		r[i] = make(seq, n);
		seq += n;
	}
	for (size_t i = 0; i + distance < ITEMS; i++) {
		size_t j = i + below(distance);

		was = r[i];
		r[i] = r[j];
		r[j] = was;
	}
	for (size_t i = 0; i < ITEMS; i++) {
		CHECK(reorder_put(s, &r[i]) == 0);
		if (below(3) == 0)
			get_records(s, 1 + below(64), &next);
	}
	get_records(s, 64, &next);
	CHECK(next == seq, "%ju of %ju", (uintmax_t)next, (uintmax_t)seq);
	free(r);
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
	test_run();
	test_runs_shuffled(1);
	test_runs_shuffled(10);
	test_runs_shuffled(600);
	return t_end();
}
