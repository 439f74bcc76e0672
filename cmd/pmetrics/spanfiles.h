#ifndef SPANFILES_H
#define SPANFILES_H

/*
 * Files of spans that the user names (--trace-file), from the first line to the
 * last; "-" is standard input.  For one thread; blocks as files and pipes do.
 * Faults of files are told.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shiplines.h"

struct bundle;

struct spanfiles {
	char *const *name; /* ends with NULL */
	bool is_open;
	struct shiplines lines;
	uint64_t broken; /* lines that had no spans */
	bool failed;     /* a file could not be read */
};

/* The names stay the caller's. */
void spanfiles_begin(struct spanfiles *, char *const *names);
void spanfiles_end(struct spanfiles *);

/* Fills the empty bundle with what is next; if it stays empty, nothing is. */
void spanfiles_fill(struct spanfiles *, struct bundle *);

/* How many spans were not filled; *more as spool_left() does. */
uint64_t spanfiles_left(struct spanfiles *, bool *more);

#endif
