#include "heap.h"

void
heap_push(struct heap *h, void *item)
{
	size_t at = h->n++;

	/* Parents that come later move down. */
	while (at > 0 && h->before(item, h->item[(at - 1) / 2])) {
		h->item[at] = h->item[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	h->item[at] = item;
}

void
heap_sift_top(struct heap *h)
{
	void *item = h->item[0];
	size_t at = 0, child;

	/* Children that come before the item move up. */
	for (; (child = 2 * at + 1) < h->n; at = child) {
		if (child + 1 < h->n && h->before(h->item[child + 1], h->item[child]))
			child++;
		if (!h->before(h->item[child], item))
			break;
		h->item[at] = h->item[child];
	}
	h->item[at] = item;
}

void
heap_pop(struct heap *h)
{
	h->item[0] = h->item[--h->n];
	if (h->n > 0)
		heap_sift_top(h);
}
