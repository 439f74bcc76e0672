#ifndef PCHAN_POOL_H
#define PCHAN_POOL_H

/*
 * A pool of threads that run one function each with its own argument, and the wait group
 * that knows when the last one has returned.
 */

#include <stddef.h>

struct pool;

/*
 * Starts n threads, thread i with fn(args[i]).  When the last one returns it calls
 * done(done_arg), if there is one.  On error nothing has run: NULL with errno.
 */
struct pool *pool_start(
    size_t n, void (*fn)(void *), void *const *args, void (*done)(void *), void *done_arg);

/* Waits for all of them and frees the pool. */
void pool_join(struct pool *);

#endif
