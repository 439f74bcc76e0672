#ifndef PCHAN_WRITER_H
#define PCHAN_WRITER_H

/*
 * Bytes into a file descriptor: whatever waits goes out in one writev(2), neighbours in
 * memory as one iovec.  Short writes are finished, EINTR is retried, EAGAIN (an inherited
 * O_NONBLOCK) is waited out.  One thread's.
 */

#include <stddef.h>
#include <stdint.h>

struct writer;
struct ctx;

/* The fd stays the caller's.  NULL with errno ENOMEM. */
struct writer *writer_new(int fd);
void writer_free(struct writer *);

/*
 * Queues bytes, which must stay in place until the next writer_flush() has returned; flushes when the
 * queue is full.  -1 as writer_flush().
 */
int writer_put(struct writer *, struct ctx *, const char *data, size_t len);

/*
 * Writes all that is queued; blocks, until ctx is done where the fd is nonblocking.
 * -1 with errno (ECANCELED: ctx is done).  What a failed write left of a torn
 * line at the end of a regular file is cut off again.
 */
int writer_flush(struct writer *, struct ctx *);

/* Bytes written so far. */
uint64_t writer_bytes(const struct writer *);

/* Time spent in write calls and waiting for them, in ns. */
uint64_t writer_blocked(const struct writer *);

#endif
