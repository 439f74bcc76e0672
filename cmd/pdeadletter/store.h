#ifndef STORE_H
#define STORE_H

/*
 * The letters of dead-letter files, read in the order of time.  Of one FILE the
 * rotated files come first, oldest first (series.h); of several FILEs,
 * whichever letter failed first.  A store reads what the files hold when it is
 * opened, no more.
 *
 * What was replayed is known file by file (memory.h).  So it does not matter
 * which names the files have, or in which order they are.
 *
 * Whatever cannot be read ends the process with a message and status 2.  One
 * thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory.h"
#include "record/envelope.h"

struct store;

/* Where a letter stands. */
struct place {
	size_t file;         /* the index of its FILE in store_open()'s list */
	uint64_t inode;      /* of that FILE, or of one it was rotated to */
	uint64_t start, end; /* offsets of its first byte and behind its LF */
	uint64_t number;     /* of letters in that file, from 0 */
};

/* A letter, valid until the next call of store_next(). */
struct item {
	const char *line; /* without its LF, which follows */
	size_t len;
	struct envelope_view view;
	int64_t failed; /* calendar us; 0: the letter does not say */
	struct place place;
	const char *path; /* of its file; valid while the store is open */
	bool replayed;    /* as store_recall() says */
	bool piped;       /* if so, it or others went into a pipe */
};

struct store_how {
	bool locked; /* the caller holds the locks of the FILEs */
	/* Skip lines that are not letters, where the store would end else. */
	bool skip_foreign;
};

/*
 * Opens the files of the list, which ends with NULL; "-" is standard input.
 * Locks each FILE while it opens its rotated files; blocks until it has the
 * lock.  Warns about files that look like rotated ones and are left out.
 */
struct store *store_open(char **files, const struct store_how *);

/*
 * Closes it.  Warns if lines were skipped: because a power cut or a killed
 * writer had left only a part of them, or because they are not letters.
 * Returns 0; or 2, with a message, if the store ended at a line that is not a
 * letter.
 */
int store_close(struct store *);

/*
 * Takes what is remembered of one FILE's files (recall.h).  False: these are
 * other files.  Call it before the first store_next().
 */
bool store_recall(struct store *, size_t file, const struct memory *, size_t n);

/*
 * The letter that was returned last counts as replayed from now on; or, if not
 * `replayed`, as it did.  To be called for each letter.
 */
void store_pass(struct store *, const struct item *, bool replayed);

/*
 * The memories of one FILE's files that remember anything, the newest file's
 * first.  *list is malloc'd and the caller's; the memories are the store's, and
 * live as long.  Returns their number.
 */
size_t store_memories(const struct store *, size_t file, struct memory ***list);

/* Fills in the mark of a letter. */
void store_mark(const struct item *, struct mark *);

/*
 * Stores the next letter.  False: there are no more, or the next line is not a
 * letter.
 */
bool store_next(struct store *, struct item *);

#endif
