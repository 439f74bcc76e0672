#ifndef TRACELIST_H
#define TRACELIST_H

/*
 * Traces as lines: a headline, and a line for each trace.  In local time.  A
 * pure function.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct trace;

struct tracelist {
	int width;   /* columns of a line; 0: as many as it has */
	bool utf8;   /* else all is ASCII */
	bool color;  /* with ANSI escape sequences */
	bool failed; /* only those that have failed */
};

/* Returns how many it has printed; -1 with errno ENOMEM. */
ssize_t tracelist_print(FILE *, struct trace **, size_t n, const struct tracelist *);

#endif
