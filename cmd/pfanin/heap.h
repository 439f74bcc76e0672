#ifndef HEAP_H
#define HEAP_H

/*
 * A binary heap of pointers: the first one in an order is on top.  The order is
 * a function, which the compiler puts in where it is known.
 */

#include <stdbool.h>
#include <stddef.h>

struct heap {
	size_t n;
	void **item; /* n of them; the caller's array, large enough */
};

typedef bool heap_before(const void *, const void *);

static inline void
heap_push(struct heap *h, void *item, heap_before *before)
{
	size_t at = h->n++;

	/* Parents that come later move down. */
	while (at > 0 && before(item, h->item[(at - 1) / 2])) {
		h->item[at] = h->item[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	h->item[at] = item;
}

/* The first one in the order; there must be one. */
static inline void *
heap_top(const struct heap *h)
{
	return h->item[0];
}

/* The top one has moved in the order: puts it where it belongs. */
static inline void
heap_sift_top(struct heap *h, heap_before *before)
{
	void *item = h->item[0];
	size_t at = 0, child;

	/* Children that come before the item move up. */
	for (; (child = 2 * at + 1) < h->n; at = child) {
		if (child + 1 < h->n && before(h->item[child + 1], h->item[child]))
			child++;
		if (!before(h->item[child], item))
			break;
		h->item[at] = h->item[child];
	}
	h->item[at] = item;
}

/* Takes the top one away. */
static inline void
heap_pop(struct heap *h, heap_before *before)
{
	h->item[0] = h->item[--h->n];
	if (h->n > 0)
		heap_sift_top(h, before);
}

#endif
