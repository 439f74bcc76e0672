#ifndef INKED_H
#define INKED_H

/* A line of a grid as text, for what is not a screen. */

#include <stdbool.h>
#include <stdio.h>

struct grid;

/*
 * Prints line y and an LF, without the blanks at its end; with `color`, its ink
 * as ANSI escape sequences (ECMA-48, SGR).
 */
void inked_print(FILE *, const struct grid *, int y, bool color);

#endif
