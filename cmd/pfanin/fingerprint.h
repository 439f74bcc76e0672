#ifndef FINGERPRINT_H
#define FINGERPRINT_H

/*
 * By what the text of a file is known again: a hash (hash.h) of its first 4
 * KiB, or of what there was of them.  One thread's; blocks for a disk.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FINGERPRINT_BYTES 4096

struct fingerprint {
	size_t len; /* bytes from the start; 0: nothing is known */
	uint64_t hash;
};

/* Of the first `most` bytes at most.  -1 with errno. */
int fingerprint_take(struct fingerprint *, int fd, uint64_t most);

/* The text that it is of goes on with these n bytes. */
void fingerprint_add(struct fingerprint *, const char *data, size_t n);

/* Whether the file begins with this text, for all that is known. */
bool fingerprint_holds(const struct fingerprint *, int fd);

#endif
