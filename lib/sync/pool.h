#ifndef PCHAN_POOL_H
#define PCHAN_POOL_H

/*
 * A pool of threads that run one function, each thread with its own argument.
 * The pool knows when the last thread has returned from the function.
 */

#include <stddef.h>

struct pool;

/*
 * Starts n threads, thread i with fn(args[i]).  The last thread whose fn
 * returns calls done(done_arg), unless done is NULL.  Does not wait for the
 * threads; the caller owns the pool and ends it with pool_join().  Returns NULL
 * with errno (EAGAIN, ENOMEM) if not all threads could be started; then fn has
 * not been called at all, and done neither.
 */
struct pool *pool_start(
    size_t n, void (*fn)(void *), void *const *args, void (*done)(void *), void *done_arg);

/* Blocks until all threads have ended, and frees the pool.  NULL is fine. */
void pool_join(struct pool *);

#endif
