#ifndef TABLE_H
#define TABLE_H

/*
 * The table of a pipeline's parts: a line for each, with as many columns as the
 * width allows, the most important ones first.  Where there are more lines than
 * room, those around the chosen one are shown, and the part that the verdict
 * names always is.
 */

#include "browse.h"
#include "grid.h"

/* Draws into so many lines from y on, of which the first is the heading. */
void table_draw(struct grid *, int y, int height, const struct model *, const struct browse *);

/* What the table says of a part's state: "BUSY 100%", "output 93%". */
#define TABLE_STATE_SIZE 24
void table_state(const struct part *, char text[TABLE_STATE_SIZE]);

#endif
