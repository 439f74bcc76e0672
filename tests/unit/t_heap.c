/* A heap gives what a sort gives, also when its top moves. */

#include "pfanin/heap.h"

#include <stdlib.h>

#include "t.h"
#include "t_random.h"

#define MOST 200

static bool
is_less(const void *a, const void *b)
{
	return *(const unsigned *)a < *(const unsigned *)b;
}

static bool
is_heap(const struct heap *h)
{
	for (size_t i = 1; i < h->n; i++)
		if (is_less(h->item[i], h->item[(i - 1) / 2]))
			return false;
	return true;
}

/* Of n numbers below `below`: all come out in their order. */
static void
test_sort(size_t n, unsigned below)
{
	unsigned number[MOST], last = 0;
	void *item[MOST];
	struct heap h = {.item = item};

	for (size_t i = 0; i < n; i++) {
		number[i] = (unsigned)(next_random() % below);
		heap_push(&h, &number[i], is_less);
		CHECK(h.n == i + 1 && is_heap(&h));
	}
	for (; h.n > 0; heap_pop(&h, is_less)) {
		CHECK(is_heap(&h) && *(unsigned *)heap_top(&h) >= last);
		last = *(unsigned *)heap_top(&h);
	}
}

/* Streams that are merged: the top one moves on, or ends. */
static void
test_merge(size_t n)
{
	unsigned number[MOST], last = 0, steps = 0;
	void *item[MOST];
	struct heap h = {.item = item};

	for (size_t i = 0; i < n; i++) {
		number[i] = (unsigned)(next_random() % 10);
		heap_push(&h, &number[i], is_less);
	}
	while (h.n > 0) {
		unsigned *top = heap_top(&h);

		CHECK(*top >= last && is_heap(&h));
		last = *top;
		*top += (unsigned)(next_random() % 4);
		steps++;
		if (next_random() % 20 == 0)
			heap_pop(&h, is_less);
		else
			heap_sift_top(&h, is_less);
	}
	CHECK(steps >= n);
}

int
main(void)
{
	for (size_t n = 0; n <= MOST; n += n < 20 ? 1 : 45) {
		test_sort(n, 1);
		test_sort(n, 10);
		test_sort(n, 100000);
		test_merge(n);
	}
	return t_end();
}
