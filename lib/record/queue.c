#include "record/queue.h"

#include <stdlib.h>

#define CELLS_MIN 1 /* most batches that wait have one record */

void
queue_free(struct queue *q)
{
	for (size_t i = 0; i < q->n; i++)
		record_free(queue_at(q, i));
	free(q->cell);
	*q = (struct queue){0};
}

static int
grow_queue(struct queue *q)
{
	struct queue wide = {.n = q->n, .cells = q->cells == 0 ? CELLS_MIN : 2 * q->cells};

	if ((wide.cell = calloc(wide.cells, sizeof(*wide.cell))) == NULL)
		return -1;
	for (size_t i = 0; i < q->n; i++)
		wide.cell[i] = *queue_at(q, i);
	free(q->cell);
	*q = wide;
	return 0;
}

int
queue_push(struct queue *q, const struct record *r)
{
	if (q->n == q->cells && grow_queue(q) == -1)
		return -1;
	*queue_at(q, q->n++) = *r;
	return 0;
}
