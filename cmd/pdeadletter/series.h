#ifndef SERIES_H
#define SERIES_H

/*
 * A FILE and the files that it was rotated to, all open, in the order of time:
 * by when the first letter of each failed; or, where the letters do not say, by
 * when the file was written last; and at last by their names, of which FILE.1
 * is newer than FILE.2, and a later date newer than an earlier one.  FILE
 * itself is the newest.
 *
 * Whatever cannot be read ends the process with a message and status 2.  One
 * thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One file, of which the first `size` bytes are read. */
struct series_file {
	char *path;
	int fd;
	uint64_t size; /* UINT64_MAX: it is not a regular file */
	uint64_t inode;
	int64_t begins;  /* calendar us */
	int64_t written; /* calendar ns */
	unsigned number; /* FILE.1: 1; else 0 */
};

struct series {
	struct series_file *file; /* the oldest first */
	size_t n;
};

/*
 * Opens the files of FILE; "-" is standard input.  Locks FILE while it opens
 * the others, unless the caller has `locked` it; blocks until it has the lock.
 * Warns about files that look like rotated ones and are left out.
 */
void series_open(struct series *, const char *path, bool locked);

/* Closes the files. */
void series_close(struct series *);

struct reader;
struct record;

/* A reader of the file's lines, from where its descriptor stands. */
struct reader *series_reader(const struct series_file *);

/*
 * Takes the next line; the caller frees the record.  False: there are no more
 * but those appended since the file was opened.
 */
bool series_line(const struct series_file *, struct reader *, struct record *);

/*
 * Ends the process if there is neither this file nor one it was rotated to.
 * "-" exists.
 */
void series_must_exist(const char *path);

/*
 * Opens a file and, if it is a regular one, locks it (how as for flock(2)), so
 * that no other process appends to it or rotates it; close(2) unlocks it.
 * Blocks until it has the lock.  Returns the descriptor, or -1 with errno if
 * the file cannot be opened.
 */
int series_lock(const char *path, int how);

#endif
