#ifndef HISTORY_H
#define HISTORY_H

/*
 * The records that each stage gave in the last minute, as bars; each line has a
 * scale of its own.  Bars are as high as there is room for.
 */

#include "browse.h"
#include "grid.h"

/*
 * Draws into so many lines from y on, of which the first is the heading.
 * Stages stand in the order of the table; where there is no room for all, those
 * around the chosen part are shown.
 */
void history_draw(struct grid *, int y, int height, const struct model *, const struct browse *);

/* The lines that this needs: the heading, and one for each stage; or 0. */
int history_height(const struct model *, const struct browse *);

#endif
