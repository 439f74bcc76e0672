#ifndef PCHAN_QUEUE_H
#define PCHAN_QUEUE_H

/*
 * A queue of records in memory that grows.  The records inside can be looked at
 * in place.  One thread's; nothing blocks.  {0} is an empty queue.
 */

#include <stddef.h>

#include "record/record.h"

struct queue {
	size_t n;     /* records inside */
	size_t first; /* cell of the front record */
	size_t cells; /* a power of two, or 0 */
	struct record *cell;
};

/* Frees the records and the memory; the queue is empty afterwards. */
void queue_free(struct queue *);

/*
 * Takes the record over and returns 0; or -1 with errno ENOMEM, and the record
 * is still the caller's.
 */
int queue_push(struct queue *, const struct record *);

/* The i-th record from the front; the pointer is valid until the next push. */
static inline struct record *
queue_at(const struct queue *q, size_t i)
{
	return &q->cell[(q->first + i) & (q->cells - 1)];
}

/* Hands over the front record, of which there must be one. */
static inline struct record
queue_pop(struct queue *q)
{
	struct record r = *queue_at(q, 0);

	q->first = (q->first + 1) & (q->cells - 1);
	q->n--;
	return r;
}

#endif
