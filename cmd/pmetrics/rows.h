#ifndef ROWS_H
#define ROWS_H

/*
 * The lines of the table of a pipeline: its parts as a tree, from the sources
 * to the sinks, or in another order.  A part that feeds two has two branches.
 * A part that two feed is below the later one; the other one is for the caller
 * to name.  Files that feed one part, and nothing else does, share a line.
 */

#include <stdbool.h>
#include <stddef.h>

#include "model.h"

/* The branches of a line that are shown; deeper ones stand below each other. */
#define ROWS_LEVELS 32

enum rows_order {
	ROWS_GRAPH,
	ROWS_OUT,  /* most records first */
	ROWS_HELD, /* most records held first */
	ROWS_DEAD, /* most failed records first */
	ROWS_MEAN, /* slowest first */
	ROWS_NAME,
	ROWS_ORDERS
};

/* Another part that feeds the part of a line. */
#define ROW_ALONE ((size_t)-1)

struct row {
	size_t part;
	size_t above; /* the part whose branch it is; ROW_ALONE: none */
	size_t below; /* files that share the line feed this; or ROW_ALONE */
	/*
	 * The branches, `levels` of them: ' ' and '|' pass by, '+' and '`' (the
	 * last one) end here.
	 */
	unsigned levels;
	char branch[ROWS_LEVELS];
};

struct rows {
	size_t n;
	struct row *row;
};

/*
 * Makes the lines of the parts whose names have the filter in them ("": all),
 * without those for which hidden[i] is set (NULL: none).  What was in *rows is
 * replaced; all zero is empty.  -1 with errno ENOMEM.
 */
int rows_make(
    struct rows *, const struct model *, enum rows_order, const char *filter, const bool *hidden);
void rows_free(struct rows *);

/* Whether the files of the line's part and this one share the line. */
bool rows_shared(const struct row *, const struct model *, size_t part);

/* The line of a part; 0 if it has none. */
size_t rows_find(const struct rows *, const struct model *, size_t part);

/* "graph", "out", "held", "dead", "avg", "name". */
const char *rows_order_name(enum rows_order);

/* The records that failed; 0 for what is no stage. */
uint64_t rows_failed(const struct part *);

#endif
