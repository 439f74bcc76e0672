#ifndef TERMINAL_H
#define TERMINAL_H

/*
 * The terminal as a screen: shows a grid, and reads keys.  Whatever ends the
 * process, the terminal is left as it was: a signal that ends processes, a
 * crash included, restores it first.  (SIGKILL can't.)  Ctrl-Z gives the
 * terminal back and stops the process; when that goes on, the screen is drawn
 * again.  One per process, for the main thread.
 */

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "grid.h"

enum terminal_event {
	TERMINAL_TIME,   /* the time has come */
	TERMINAL_KEY,    /* there are keys to read */
	TERMINAL_REDRAW, /* the size may be another one; draw */
	TERMINAL_GONE,   /* the terminal is no more */
};

/*
 * Whether standard output is a terminal that can show a screen, and there are
 * keys to be read from it.
 */
bool terminal_is_screen(void);

/* Sets up the screen.  -1 with errno: it can't be, and nothing has changed. */
int terminal_open(void);

/* Restores the terminal.  Without terminal_open(), does nothing. */
void terminal_close(void);

/* Whether the locale has UTF-8, after terminal_open(). */
bool terminal_is_utf8(void);

/* The size now, in cells; never less than 1. */
void terminal_size(int *width, int *height);

/* Shows the grid, which has the size of the terminal.  May block on that. */
void terminal_show(const struct grid *);

/* Waits for an event until the deadline. */
enum terminal_event terminal_wait(int64_t deadline);

/* The next key: a character, or an enum press (browse.h); PRESS_NONE: none. */
int terminal_key(void);

#endif
