#ifndef PCHAN_IO_H
#define PCHAN_IO_H

/* Writing to a descriptor until everything is written. */

#include <stddef.h>

/*
 * Writes all len bytes: finishes short writes, retries EINTR, and waits where
 * an inherited O_NONBLOCK makes write(2) fail with EAGAIN.  Blocks.  Returns 0,
 * or
 * -1 with errno; a part may have been written then.  Any thread.
 */
int io_write_all(int fd, const void *data, size_t len);

#endif
