#ifndef PCHAN_WRITER_H
#define PCHAN_WRITER_H

/*
 * Writes lines to a file descriptor: all that is queued goes out in one
 * writev(2), neighbours in memory as one iovec.  Short writes are finished,
 * EINTR is retried, and EAGAIN (from an inherited O_NONBLOCK) is waited out.
 * While it writes to a pipe it holds a lock on the pipe (fcntl(2)), so that
 * stages that write into one pipe do not tear each other's lines.
 * One thread's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct writer;
struct ctx;

/* The fd stays the caller's.  NULL with errno ENOMEM. */
struct writer *writer_new(int fd);
void writer_free(struct writer *);

/*
 * Queues whole lines, which must stay in place until the next writer_flush()
 * has returned.  If the queue is full, flushes it first, and fails as
 * writer_flush() does.
 */
int writer_put(struct writer *, struct ctx *, const char *data, size_t len);

/*
 * How long it takes to write what is queued, at most, where nobody has to be
 * waited for: ns.
 */
int64_t writer_copying(const struct writer *);

/*
 * Claims the output for so many bytes: true if they can be written without
 * waiting for anybody.  There is room in a pipe, which takes them as a whole,
 * and no other stage writes to it: its lock is ours until the next
 * writer_flush().
 */
bool writer_claim(struct writer *, size_t len);

/*
 * Writes all that is queued, and empties the queue.  Blocks; on a nonblocking
 * fd, and while another stage has the lock, only until ctx is done.  Returns
 * 0, or -1 with errno (ECANCELED: ctx is done).  If a write to a regular file
 * fails inside a line, the torn line is cut off.
 */
int writer_flush(struct writer *, struct ctx *);

/*
 * Bytes written so far, less a torn line that was cut off.  After a failed
 * write they say how much of what was queued is in the output.
 */
uint64_t writer_bytes(const struct writer *);

/* Whether a failed write has left a torn line: not in a regular file. */
bool writer_is_torn(const struct writer *);

#endif
