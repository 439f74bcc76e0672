#ifndef HEAP_H
#define HEAP_H

/* A binary heap of pointers: the first one in an order is on top. */

#include <stdbool.h>
#include <stddef.h>

struct heap {
	size_t n;
	void **item; /* n of them; the caller's array, large enough */
	bool (*before)(const void *, const void *);
};

void heap_push(struct heap *, void *item);

/* The first one in the order; there must be one. */
static inline void *
heap_top(const struct heap *h)
{
	return h->item[0];
}

/* The top one has moved in the order: puts it where it belongs. */
void heap_sift_top(struct heap *);

/* Takes the top one away. */
void heap_pop(struct heap *);

#endif
