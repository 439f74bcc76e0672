#ifndef STORE_H
#define STORE_H

/*
 * The letters of dead-letter files, read in the order of time.  Of one FILE the
 * rotated files come first, oldest first; of several FILEs, whichever letter
 * failed first.  A store reads what the files hold when it is opened, no more.
 *
 * Whatever cannot be read ends the process with a message and status 2.  One
 * thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/envelope.h"

struct store;

/* Where a letter stands. */
struct place {
	size_t file;         /* the index of its FILE in store_open()'s list */
	uint64_t inode;      /* of that FILE, or of one it was rotated to */
	uint64_t start, end; /* offsets of its first byte and behind its LF */
};

/* What is remembered of a letter to find it again. */
struct mark {
	struct place place;
	int64_t failed; /* tells letters of one record, which share their id */
	char id[ENVELOPE_ID_SIZE];
};

/* A letter, valid until the next call of store_next(). */
struct item {
	const char *line; /* without its LF, which follows */
	size_t len;
	struct envelope_view view;
	int64_t failed; /* calendar us; 0: the letter does not say */
	struct place place;
	const char *path; /* of its file; valid while the store is open */
	bool replayed;    /* it is not behind the place given to store_seek() */
};

/*
 * Opens the files of the list, which ends with NULL; "-" is standard input.
 * Locks each FILE while it opens its rotated files, unless `locked`: then the
 * caller holds the locks.  Blocks until it has the lock.
 */
struct store *store_open(char **files, bool locked);

/*
 * Ends the process if there is neither this file nor one it was rotated to.
 * "-" exists.
 */
void store_must_exist(const char *path);

/*
 * Opens a file and, if it is a regular one, locks it (how as for flock(2)), so
 * that no other process appends to it or rotates it; close(2) unlocks it.
 * Blocks until it has the lock.  Returns the descriptor, or -1 with errno if
 * the file cannot be opened.
 */
int store_lock(const char *path, int how);

/*
 * Closes it.  Warns if lines were skipped because a power cut or a killed
 * writer had left only a part of them.
 */
void store_close(struct store *);

/*
 * Says that all letters up to and with this one were replayed.  False: there is
 * no such letter, and nothing changes.  Call it before the first store_next().
 */
bool store_seek(struct store *, const struct mark *);

/* Fills in the mark of a letter. */
void store_mark(const struct item *, struct mark *);

/* Stores the next letter.  False: there are no more. */
bool store_next(struct store *, struct item *);

#endif
