#ifndef PRINTED_H
#define PRINTED_H

/*
 * What a child of exec mode has printed on its stdout, in memory, up to a
 * limit.  {.most = limit} is nothing so far.  One thread's.
 */

#include <stdbool.h>
#include <stddef.h>

struct record;
struct slab;

struct printed {
	size_t most; /* bytes that may be printed */
	size_t len;
	struct slab *slab; /* NULL: nothing */
};

/* Forgets what was printed. */
void printed_free(struct printed *);

/*
 * Reads what there is, until reading would block.  False: it is over, or with
 * *error not 0, it can't be read; EFBIG: it is more than may be printed.
 */
bool printed_read(struct printed *, int fd, int *error);

/* The length of the first line longer than max; 0: there is none. */
size_t printed_long_line(const struct printed *, size_t max);

/* The last line that is not empty, without its LF; NULL: there is none. */
const char *printed_last_line(const struct printed *, size_t *len);

/*
 * Moves it into the bytes and lines of a record, which has an LF added if the
 * last line lacks it, and no slab if nothing was printed.
 */
void printed_move(struct printed *, struct record *);

#endif
