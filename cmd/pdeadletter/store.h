#ifndef STORE_H
#define STORE_H

/*
 * The letters of dead-letter files, read in the order of time: of each FILE the rotated ones first, oldest first,
 * and of several FILEs whichever letter failed first.  It reads what is there when it is opened, no
 * more.  What can't be read ends the process with a message and status 2.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/envelope.h"

struct store;

/* Where a letter stands. */
struct place {
	size_t file;         /* in the list given to store_open() */
	uint64_t inode;      /* of that file, or of one it was rotated to */
	uint64_t start, end; /* offsets of its first byte and of the one behind its LF */
};

/* By which a letter is found again. */
struct mark {
	struct place place;
	int64_t failed; /* a record that fails again has the same id */
	char id[ENVELOPE_ID_SIZE];
};

/* A letter; it lives until the next one is asked for. */
struct item {
	const char *line;
	size_t len;
	struct envelope_view view;
	int64_t failed; /* calendar us; 0: not told */
	struct place place;
	const char *path; /* of the file it is in; as long as the store is open */
	bool replayed;    /* it is not behind the place given to store_seek() */
};

/*
 * The files of the list, which ends with NULL; "-" is standard input.  locked: the caller has their locks.
 */
struct store *store_open(char **files, bool locked);

/* Ends the process if there is neither this file nor one it was rotated to. */
void store_must_exist(const char *path);

/*
 * Opens a file and, if it is a regular one, locks it (how as for flock(2)), so that nobody appends to it or
 * rotates it.  -1 with errno: it can't be opened.
 */
int store_lock(const char *path, int how);

/*
 * Tells, too, if there were lines of which a power cut or a killed writer has left only a part: they are passed over.
 */
void store_close(struct store *);

/*
 * All up to and with this letter were replayed.  False if it does not stand there.  To be called before the first
 * store_next().
 */
bool store_seek(struct store *, const struct mark *);
void store_mark(const struct item *, struct mark *);

/* False: there is none any more. */
bool store_next(struct store *, struct item *);

#endif
