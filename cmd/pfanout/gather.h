#ifndef GATHER_H
#define GATHER_H

/*
 * Records on their way into a pipe that takes what it has room for: as iovecs for writev(2), and
 * how far it has come.
 */

#include <stddef.h>
#include <sys/uio.h>

struct queue;

/*
 * The records [from, to) of the queue, of whose first `skip` bytes are written already, in at most
 * max iovecs; neighbours in memory are one.  Returns how many iovecs.
 */
int gather(const struct queue *, size_t from, size_t to, size_t skip, struct iovec *, int max);

/*
 * n more bytes were written of what gather() gave for `from` and *partial.  Returns how many records are whole now;
 * *partial becomes the bytes written of the one behind them.
 */
size_t gather_done(const struct queue *, size_t from, size_t *partial, size_t n);

#endif
