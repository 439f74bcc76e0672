#ifndef CURSOR_H
#define CURSOR_H

/*
 * What is remembered of a dead-letter file's letters: FILE.cursor, which has a
 * line of JSON for each file of the series (memory.h; pchan-formats(5) has the
 * format).  A command that remembers something locks it before it reads the
 * letters.
 *
 * A save writes FILE.cursor.new, which takes the name: a kill at any moment
 * leaves the old cursor or the new one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory.h"
#include "store.h"

struct cursor {
	char *path;
	int fd;                /* -1: there is no file, and none will be made */
	struct memory *memory; /* of each file */
	size_t n;              /* 0: nothing was replayed */
};

/*
 * Opens FILE's cursor and reads it.  If it will be saved, creates and locks it
 * until cursor_close(); does not wait for the lock.  A FILE that is not a
 * regular file, or "-", has no cursor.  Ends the process on any fault, if
 * another process has locked the cursor, and if the cursor is not a regular
 * file, has another name, or belongs to a user who is neither this one nor root
 * nor FILE's owner: it could make purge remove letters that nobody replayed.
 */
void cursor_open(struct cursor *, const char *file, bool saves);

/* Closes and unlocks it. */
void cursor_close(struct cursor *);

/*
 * Makes the store count as replayed what is remembered of the FILE with this
 * index.  Warns if nothing of it is found: then nothing counts as replayed.
 */
void cursor_seek(const struct cursor *, struct store *, size_t file);

/*
 * Writes these memories, and waits until they are on the disk.  Only for a
 * cursor opened to be saved.  Ends the process on any fault.
 */
void cursor_save(struct cursor *, struct memory *const *, size_t n);

#endif
