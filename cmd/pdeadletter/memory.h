#ifndef MEMORY_H
#define MEMORY_H

/*
 * Which letters of one file count as replayed: all up to one of them, the
 * front; and behind the front single ones, known by their numbers, as a replay
 * with conditions leaves gaps.
 *
 * The front is known by its id and time, so it is found even in a file that was
 * copied or edited.  A number says nothing in a file that was edited: that is
 * noticed by the last single letter, which must stand where it stood, and by a
 * sum over all of them.
 *
 * A memory takes a bit for each letter of its file.  Everything here is pure,
 * but without memory the process ends.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/envelope.h"

/* What is remembered of a letter to find it again. */
struct mark {
	uint64_t start, end; /* offsets of its first byte and behind its LF */
	int64_t failed;      /* tells letters of one record, with one id */
	char id[ENVELOPE_ID_SIZE];
};

struct memory {
	uint64_t inode; /* of the file */

	bool has_front;
	struct mark front;

	uint64_t singles;    /* how many there are */
	struct mark last;    /* the last one, if there are any */
	uint64_t check;      /* the sum of memory_check() over all of them */
	unsigned char *bits; /* by the letter's number, from 0 */
	size_t size;         /* bytes of the bits */

	/* Some went into a pipe: nothing says what became of them. */
	bool piped;

	/*
	 * Of a cursor/1: letters up to the front that had so many replays were
	 * left out.  UINT64_MAX: none were.
	 */
	uint64_t max_replays;

	/* Since it was begun or read: */
	bool gap;   /* a letter behind the front does not count */
	bool grown; /* a letter was added */
};

/* One that remembers nothing; of no letters, it needs no memory_free(). */
struct memory memory_new(uint64_t inode);
void memory_free(struct memory *);

/* Makes `to`, which remembers nothing, a copy, but for the inode. */
void memory_copy(struct memory *to, const struct memory *from);

/* Forgets the single letters. */
void memory_forget_singles(struct memory *);

/* Whether it remembers anything. */
bool memory_any(const struct memory *);

/*
 * Whether the letter with this number (from 0) counts as replayed; it ends at
 * this offset.
 */
bool memory_has(const struct memory *, uint64_t number, uint64_t end);
bool memory_has_single(const struct memory *, uint64_t number);

/*
 * Passes a letter, which counts as replayed from now on, if it did not already;
 * and skips one that does not count.  Each letter must be passed or skipped, in
 * their order, from the file's first one on.
 */
void memory_pass(struct memory *, uint64_t number, const struct mark *);
void memory_skip(struct memory *);

/* What a letter adds to the check. */
uint64_t memory_check(const struct mark *);

/*
 * The numbers as text: how many letters do not count, how many do, how many do
 * not, and so on, from the file's first letter on ("3 1 12 40").  malloc'd.
 */
char *memory_runs(const struct memory *);

/*
 * Reads that text.  False: it is none, or has not as many letters as `singles`.
 */
bool memory_read_runs(struct memory *, const char *text);

#endif
