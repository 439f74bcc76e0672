#ifndef PCHAN_SPARES_H
#define PCHAN_SPARES_H

/*
 * Blocks of memory of one size that wait to be used again: for those that one
 * thread allocates and another frees, many times a second.  malloc(3) makes
 * such threads wait for each other, gives pages back, and takes them again.
 *
 * Any thread; a call holds a lock for some nanoseconds.
 */

#include <pthread.h>
#include <stddef.h>

/* Begins as SPARES(array): so many are kept as the array has room for. */
struct spares {
	size_t most, n;
	void **block;
	pthread_mutex_t lock;
};

#define SPARES(array)                                                                 \
	{                                                                             \
		.most = sizeof(array) / sizeof((array)[0]), .n = 0, .block = (array), \
		.lock = PTHREAD_MUTEX_INITIALIZER                                     \
	}

/*
 * Up to n of the blocks, those that were put last, with what was in them.
 * Returns how many.
 */
size_t spares_take(struct spares *, void **block, size_t n);

/* One of them; NULL: there is none. */
void *spares_get(struct spares *);

/* Keeps n blocks that malloc(3) gave, or frees them. */
void spares_put(struct spares *, void *const *block, size_t n);

#endif
