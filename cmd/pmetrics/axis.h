#ifndef AXIS_H
#define AXIS_H

/*
 * The time axis of a drawing: which times it names, and how.  Pure functions.
 */

#include <stddef.h>
#include <stdint.h>

struct axis {
	const char *unit; /* "ms" */
	int64_t unit_ns;
	int64_t step; /* ns between two labels; at least 1 */
	int decimals; /* that labels need */
};

#define AXIS_GAP 8 /* columns from label to label, at least */

/* For so much time in so many columns, both above 0. */
struct axis axis_of(int64_t whole, int columns);

/* The label of a time, a multiple of the step: "0", "1.5". */
#define AXIS_LABEL_SIZE 32
void axis_label(const struct axis *, int64_t at, char text[AXIS_LABEL_SIZE]);

/* The column of a time, to the nearest one: from 0 to columns. */
int axis_column(int64_t at, int64_t whole, int columns);

#endif
