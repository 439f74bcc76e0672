#ifndef CURSOR_H
#define CURSOR_H

/*
 * How far a dead-letter file was replayed: FILE.cursor, a line of JSON that
 * names the last letter.  A command that moves the cursor locks it before it
 * reads the letters.
 */

#include <stdbool.h>

#include "store.h"

struct cursor {
	char *path;
	int fd;   /* -1: there is no such file, and none will be made */
	bool set; /* false: nothing was replayed, and mark means nothing */
	struct mark mark;
	/* Letters with as many replays were left out; UINT64_MAX: none were. */
	uint64_t max_replays;
};

/*
 * Opens FILE's cursor and reads it.  If it will be moved, creates and locks it
 * until cursor_close(); does not wait for the lock.  A FILE that is not a
 * regular file, or "-", has no cursor.  Ends the process on any fault, and if
 * another process has locked the cursor.
 */
void cursor_open(struct cursor *, const char *file, bool moves);

/* Closes and unlocks it. */
void cursor_close(struct cursor *);

/*
 * Makes the store count the letters up to the one that the cursor names as
 * replayed.  If that letter is gone, warns, and nothing counts as replayed.
 */
void cursor_seek(struct cursor *, struct store *);

/*
 * Writes the cursor, or that nothing was replayed if it is not set, and waits
 * until that is on the disk.  Only for a cursor opened to be moved.  Ends the
 * process on any fault.
 */
void cursor_save(struct cursor *);

#endif
