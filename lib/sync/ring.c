#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "sync/ring.h"

int
ring_init(struct ring *r, size_t cells, size_t item_size)
{
	size_t i, size;

	if (item_size > SIZE_MAX / 8 ||
	    cells > SIZE_MAX / 8 / (sizeof(struct ring_cell) + item_size)) {
		errno = EINVAL;
		return -1;
	}
	r->cells = cells;
	r->mask = (cells & (cells - 1)) == 0 ? cells - 1 : 0;
	r->item_size = item_size;
	r->cell_size = (sizeof(struct ring_cell) + item_size + 7) / 8 * 8;
	size = (cells * r->cell_size + RING_LINE - 1) / RING_LINE * RING_LINE;
	if ((r->memory = aligned_alloc(RING_LINE, size)) == NULL)
		return -1;
	for (i = 0; i < cells; i++)
		atomic_init(&ring_cell(r, i)->seq, 2 * i);
	atomic_init(&r->tail, 0);
	atomic_init(&r->head, 0);
	return 0;
}

void
ring_free(struct ring *r)
{
	free(r->memory);
}
