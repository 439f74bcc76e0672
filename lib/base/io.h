#ifndef PCHAN_IO_H
#define PCHAN_IO_H

/* What read(2), write(2) and fstat(2) leave to their callers. */

#include <stdbool.h>
#include <stddef.h>

/*
 * Writes all len bytes: finishes short writes, retries EINTR, and waits where
 * an inherited O_NONBLOCK makes write(2) fail with EAGAIN.  Blocks.  Returns 0,
 * or -1 with errno; a part may have been written then.  Any thread.
 */
int io_write_all(int fd, const void *data, size_t len);

/*
 * Whether it is a pipe, a FIFO or a socket: what is read from it is gone, and
 * its other end can go away.  Any thread.
 */
bool io_is_pipe(int fd);

/*
 * Whether this errno of fsync(2), fdatasync(2) or syncfs(2), 0 for success, is
 * a failure.  Not every file system can sync a file: then it is written, as far
 * as anybody can know.
 */
bool io_sync_failed(int error);

#endif
