#ifndef SCREEN_H
#define SCREEN_H

/*
 * The whole screen of pmetrics top: a pure function of what there is to see and
 * what the user has chosen.  The local time zone is used.
 *
 *	header, verdict, table (table.h), history (history.h), the law, keys
 *
 * or the details of a part (details.h), or the help, between the verdict and
 * the law.
 */

#include <stdint.h>

#include "browse.h"
#include "grid.h"

#define SCREEN_WIDTH 40 /* at least */
#define SCREEN_HEIGHT 10

struct screen {
	const struct view *view;
	const struct browse *browse;
	const char *only;   /* the pipeline that --pipeline names; or NULL */
	const char *looked; /* where stages were looked for */
	double interval;    /* s, between two views */
	int64_t now;        /* CLOCK_MONOTONIC */
};

/*
 * Fills the grid.  Returns how far the details can be scrolled, in lines.
 */
int screen_draw(struct grid *, const struct screen *);

/* How many lines a page has, for the keys that turn pages. */
int screen_page(const struct grid *);

#endif
