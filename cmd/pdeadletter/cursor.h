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
	struct mark mark;
	uint64_t max_replays; /* letters that came back so often were left out; UINT64_MAX: none */
};

/*
 * Opens FILE's cursor and reads it; if it will be moved, makes it and locks it.  A FILE that is no regular file has none.
 * A fault, or that somebody else has it locked, ends the process.
 */
void cursor_open(struct cursor *, const char *file, bool moves);
void cursor_close(struct cursor *);

/* Has the letters up to the one it names behind it; if that is not there any more, none, which is told. */
void cursor_seek(struct cursor *, struct store *);

/* Writes it, or if it is not set that nothing was replayed, and waits until that is on the disk. */
void cursor_save(struct cursor *);

#endif
