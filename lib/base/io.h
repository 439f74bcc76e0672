#ifndef PCHAN_IO_H
#define PCHAN_IO_H

/* Writing to a descriptor to the end. */

#include <stddef.h>

/*
 * Writes all of it: finishes short writes, retries EINTR, waits where an
 * inherited O_NONBLOCK makes write(2) fail with EAGAIN.  Blocks.  -1 with
 * errno; then a part of it may have been written.
 */
int io_write_all(int fd, const void *data, size_t len);

#endif
