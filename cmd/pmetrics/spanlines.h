#ifndef SPANLINES_H
#define SPANLINES_H

/* The lines of one file of spans.  One thread's; reading blocks. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spanview.h"

#define SPANLINES_MAX (64 << 20) /* bytes of a line */

/* Whether a line need not be looked at. */
typedef bool spanlines_skips(const char *line, size_t len, void *arg);

/* What becomes of lines. */
struct spanlines_use {
	spanlines_skips *skips; /* or NULL */
	spanview_fn *fn;
	void *arg;
};

/* Lines that are no OTLP. */
struct spanlines_rejects {
	uint64_t n, line; /* how many; the first one */
	char why[160];
	int error; /* of read(2), an errno; 0: none */
};

/*
 * Calls fn with each span of what is left of the file.  A last line without an
 * end is no reject: somebody may be writing it.  -1 with errno if memory was
 * short or fn returned -1.
 */
int spanlines_read(int fd, const struct spanlines_use *, struct spanlines_rejects *);

#endif
