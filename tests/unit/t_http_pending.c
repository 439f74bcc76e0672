#include <stdlib.h>

#include "http/pending.h"
#include "t.h"

static void
put(struct pending *p, uint64_t n, size_t len)
{
	CHECK(pending_put(p, &(struct taker_record){"", len, n}));
}

/* The next bundle has these records; the caller frees it. */
static struct bundle *
expect(struct pending *p, size_t most, size_t bytes, uint64_t first, size_t n)
{
	struct bundle *b = pending_next(p, most, bytes);
	size_t sum = 0;

	CHECK(b != NULL);
	if (b == NULL)
		exit(1);
	CHECK(b->n == n, "%zu instead of %zu", b->n, n);
	for (size_t i = 0; i < b->n; i++) {
		CHECK(b->record[i].n == first + i);
		sum += b->record[i].len + 1;
	}
	CHECK(b->bytes == sum);
	return b;
}

static void
check_limits(void)
{
	struct pending p;

	pending_init(&p);
	CHECK(pending_is_empty(&p) && pending_next(&p, 10, 10) == NULL);
	for (uint64_t n = 0; n < 10; n++)
		put(&p, n, 9);
	put(&p, 10, 1000);
	put(&p, 11, 9);
	free(expect(&p, 1, 100, 0, 1));
	free(expect(&p, 4, 100, 1, 4));
	free(expect(&p, 100, 39, 5, 3));
	free(expect(&p, 100, 40, 8, 2));
	free(expect(&p, 100, 40, 10, 1)); /* alone, as it is too long */
	free(expect(&p, 100, 40, 11, 1));
	CHECK(pending_is_empty(&p));
	pending_free(&p);
}

/* The ring turns, and grows while it has turned. */
static void
check_ring(void)
{
	struct pending p;
	uint64_t in = 0, out = 0;

	pending_init(&p);
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 100; i++)
			put(&p, in++, 1);
		free(expect(&p, 70, 1000, out, 70));
		out += 70;
	}
	free(expect(&p, 1500, 1 << 20, out, 1500));
	CHECK(pending_is_empty(&p));
	put(&p, in, 1);
	pending_free(&p);
}

static void
check_halves(void)
{
	struct pending p;
	struct bundle *b;

	pending_init(&p);
	for (uint64_t n = 0; n < 7; n++)
		put(&p, n, 1);
	b = expect(&p, 5, 100, 0, 5);
	CHECK(pending_halve(&p, b));
	b = expect(&p, 5, 100, 0, 2);
	CHECK(pending_halve(&p, b));
	free(expect(&p, 5, 100, 0, 1));
	b = expect(&p, 5, 100, 1, 1);
	pending_return(&p, b);
	CHECK(!pending_is_empty(&p));
	free(expect(&p, 5, 100, 1, 1));
	free(expect(&p, 5, 100, 2, 3)); /* the other half, before the rest */
	b = expect(&p, 5, 100, 5, 2);
	pending_return(&p, b);
	pending_free(&p);
}

int
main(void)
{
	check_limits();
	check_ring();
	check_halves();
	return t_end();
}
