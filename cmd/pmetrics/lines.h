#ifndef LINES_H
#define LINES_H

/*
 * A view as plain lines, for a file, a pipe or a terminal that is no screen:
 * for each pipeline the verdict, and a line for each part.
 */

#include <stdio.h>

#include "model.h"

/* Prints the view.  The local time zone is used. */
void lines_print(FILE *, const struct view *);

#endif
