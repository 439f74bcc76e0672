#ifndef REDIS_APPETITE_H
#define REDIS_APPETITE_H

/*
 * How many entries to ask for at once: as many as are some hundred KiB, judged
 * by the last ones, and no more than twice as many as came then.  So large
 * records do not fill the memory, and small ones come in large batches.
 */

#include <stddef.h>
#include <stdint.h>

#define APPETITE_FIRST 16
#define APPETITE_MOST 1000
#define APPETITE_BYTES ((size_t)512 << 10)

/* The next number, after `asked` brought n entries with so many bytes. */
uint64_t appetite_next(uint64_t asked, size_t n, size_t bytes);

#endif
