#ifndef PCHAN_QUEUE_H
#define PCHAN_QUEUE_H

/* A queue of records that can be looked into, in memory that grows.  One thread's. */

#include <stddef.h>

#include "record/record.h"

struct queue {
	size_t n;     /* records inside */
	size_t first; /* cell of the front one */
	size_t cells; /* a power of two, or 0 */
	struct record *cell;
};

/* Frees the records, too.  It is empty then, as {0} is. */
void queue_free(struct queue *);

/* -1 with errno ENOMEM: the record is still the caller's. */
int queue_push(struct queue *, const struct record *);

/* The i-th from the front, valid until the next push. */
static inline struct record *
queue_at(const struct queue *q, size_t i)
{
	return &q->cell[(q->first + i) & (q->cells - 1)];
}

/* There must be one. */
static inline struct record
queue_pop(struct queue *q)
{
	struct record r = *queue_at(q, 0);

	q->first = (q->first + 1) & (q->cells - 1);
	q->n--;
	return r;
}

#endif
