#ifndef CURSOR_H
#define CURSOR_H

/*
 * How far a dead-letter file was replayed: FILE.cursor, a line of JSON for each
 * file of the series, which names the last letter replayed in that file.  A
 * command that moves the cursor locks it before it reads the letters.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store.h"

struct cursor {
	char *path;
	int fd; /* -1: there is no such file, and none will be made */
	struct mark *mark;
	size_t n; /* 0: nothing was replayed */
	/* Letters with as many replays were left out; UINT64_MAX: none were. */
	uint64_t max_replays;
};

/*
 * Opens FILE's cursor and reads it.  If it will be moved, creates and locks it
 * until cursor_close(); does not wait for the lock.  A FILE that is not a
 * regular file, or "-", has no cursor.  Ends the process on any fault, if
 * another process has locked the cursor, and if the cursor is not a regular
 * file, has another name, or belongs to a user who is neither this one nor root
 * nor FILE's owner: it could make purge remove letters that nobody replayed.
 */
void cursor_open(struct cursor *, const char *file, bool moves);

/* Closes and unlocks it. */
void cursor_close(struct cursor *);

/*
 * Makes the store count the letters up to the marks as replayed, for the FILE
 * with this index.  Warns if the letters of all marks are gone: then nothing
 * counts as replayed.
 */
void cursor_seek(const struct cursor *, struct store *, size_t file);

/* Replaces its marks by these, which are malloc'd, and its own from now on. */
void cursor_set(struct cursor *, struct mark *, size_t n);

/*
 * Writes the cursor, and waits until it is on the disk.  Only for a cursor
 * opened to be moved.  Ends the process on any fault.
 */
void cursor_save(const struct cursor *);

#endif
