#ifndef CURSOR_H
#define CURSOR_H

/*
 * How far a dead-letter file was replayed: FILE.cursor, a line of JSON that names the last letter.
 * Who moves it holds its lock from before he reads the letters.
 */

#include <stdbool.h>

#include "store.h"

struct cursor {
	char *path;
	int fd;   /* -1: there is no file, and none is to be made */
	bool set; /* else nothing was replayed */
	struct place place;
	char id[ENVELOPE_ID_SIZE];
	uint64_t max_replays; /* letters that came back so often were left out; UINT64_MAX: none */
};

/*
 * Opens FILE's cursor and reads it; if it will be moved, makes it and locks it.  A fault, or that somebody else
 * has it locked, ends the process.
 */
void cursor_open(struct cursor *, const char *file, bool moves);
void cursor_close(struct cursor *);

/* Writes it, and waits until it is on the disk. */
void cursor_save(struct cursor *);

#endif
