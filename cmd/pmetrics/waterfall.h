#ifndef WATERFALL_H
#define WATERFALL_H

/*
 * A trace as a drawing: a line for each step, with a bar where on the time axis
 * it was.
 *
 *	trace 4bf92f3577b34da6a3ce929d0e0e4736   line 18   2.31 s   ok
 *	 STAGE  WHAT              0       0.5     1.0     1.5    s
 *	 enrich queue 1.0 ms      .
 *	        attempt 1  2.00 s  ##################### timeout
 *
 * A pure function.
 */

#include <stdbool.h>
#include <stdio.h>

#define WATERFALL_WIDTH 40 /* at least */

struct trace;

struct waterfall {
	int width;  /* columns */
	bool utf8;  /* else all is ASCII */
	bool color; /* with ANSI escape sequences */
	/* Its place among others, "slowest of 412 traces in 58 s"; or "". */
	const char *place;
};

/* Draws a trace with its spans.  -1 with errno ENOMEM. */
int waterfall_print(FILE *, const struct trace *, const struct waterfall *);

#endif
