#ifndef PCHAN_SAMEFILE_H
#define PCHAN_SAMEFILE_H

/*
 * Files that must be different ones: a tool whose output is also its input
 * never ends, and one whose output is also its dead-letter file overwrites
 * letters.
 */

#include <stdbool.h>
#include <stddef.h>

/* A file that a tool has been told to use. */
struct samefile {
	const char *role; /* for the message: "standard input", "--shared" */
	const char *path; /* NULL: the descriptor; need not exist */
	int fd;
	bool written; /* else only read */
	bool series;  /* its rotated files and its cursor are used, too */
};

/*
 * Returns -1, and says in `error` which two of the n files are the same one, if
 * one of them is written; else 0.  Only regular files are compared, by device
 * and inode, and files that do not exist yet, by their names.  Blocks for the
 * disk only.  Any thread.
 */
int samefile_check(const struct samefile *, size_t n, char *error, size_t size);

#endif
