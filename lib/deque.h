#ifndef PCHAN_DEQUE_H
#define PCHAN_DEQUE_H

/* A double-ended queue of records, in memory that grows.  One thread's. */

#include <stddef.h>

#include "record.h"

struct deque {
	size_t n;     /* records inside */
	size_t first; /* cell of the front one */
	size_t cells; /* a power of two, or 0 */
	struct record *cell;
};

/* Makes it empty: {0} will do, too.  deque_free() forgets the records, and does not free them. */
void deque_free(struct deque *);

/* -1 with errno ENOMEM: the record is still the caller's. */
int deque_push_back(struct deque *, const struct record *);
int deque_push_front(struct deque *, const struct record *);

/* There must be one. */
struct record deque_pop_front(struct deque *);
struct record deque_pop_back(struct deque *);

/* The i-th from the front, valid until the next push. */
struct record *deque_at(const struct deque *, size_t i);

#endif
