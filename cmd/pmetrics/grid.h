#ifndef GRID_H
#define GRID_H

/*
 * A screen full of characters, as a terminal shows it: a cell for each column
 * of each line.  Whatever is put into a grid is harmless to a terminal: a
 * control character, and what is not UTF-8, becomes a question mark; without
 * `utf8`, so does every character that is not ASCII.
 *
 * What is outside of the grid is left out.  One thread's.
 */

#include <stdbool.h>

/* How a character looks; these add up. */
enum ink {
	INK_PLAIN = 0,
	INK_BOLD = 1,
	INK_DIM = 2,
	INK_REVERSE = 4,
	INK_RED = 8,
	INK_YELLOW = 16,
	INK_GREEN = 32,
	INK_CYAN = 64,
};

struct cell {
	char text[5]; /* one character; "": the right half of a wide one */
	unsigned char ink;
};

struct grid {
	int width, height;
	bool utf8;
	int top, bottom;   /* only lines from here to before there are drawn */
	struct cell *cell; /* line after line */
};

/* Gives the grid a size, and clears it.  -1 with errno ENOMEM. */
int grid_resize(struct grid *, int width, int height);
void grid_free(struct grid *);

/* All cells become blanks, and all of them can be drawn. */
void grid_clear(struct grid *);

/*
 * Puts text at line y, column x, into so many columns; text that is longer is
 * cut, and a mark says so.  Returns how many columns were taken.
 */
int grid_put(struct grid *, int y, int x, int width, unsigned ink, const char *text);

/* The same, but the text ends at the right end of its columns. */
void grid_right(struct grid *, int y, int x, int width, unsigned ink, const char *text);

/*
 * The same, over several lines, broken at blanks; the last one is cut.  Returns
 * how many lines were taken.
 */
int grid_wrap(struct grid *, int y, int x, int width, int lines, unsigned ink, const char *text);

/* The columns that this text takes in this grid. */
int grid_columns(const struct grid *, const char *text);

/* Adds ink to cells that have text. */
void grid_ink(struct grid *, int y, int x, int width, unsigned ink);

#endif
