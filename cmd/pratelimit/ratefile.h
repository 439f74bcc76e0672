#ifndef RATEFILE_H
#define RATEFILE_H

/* The file that holds the rate (--rate-file): one line, as -r takes it. */

#include <stdbool.h>
#include <stddef.h>

struct rate;

/*
 * Reads the file's rate into *r, but leaves the burst as it is.  -1: *r is
 * unchanged, and `why` (of that size) says what is wrong, on one line that
 * begins with the path.  Does not block on a FIFO or a device.
 */
int ratefile_read(const char *path, bool bytes, struct rate *r, char *why, size_t size);

#endif
