#ifndef PCHAN_APPEND_H
#define PCHAN_APPEND_H

/*
 * Appends lines to a file that may have other writers, to a pipe or to a
 * terminal: a line is there as a whole, or not at all, and what is left of a
 * line that could not be taken back is a line of its own.
 *
 * One thread's, but for append_hurry().  Writing waits for the reader of a
 * pipe; nobody waits for another writer for longer than a second.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum append_kind {
	APPEND_OWN,    /* a regular file that nobody else writes to */
	APPEND_SHARED, /* a regular file: one writer at a time, by flock(2) */
	APPEND_STREAM, /* a pipe, a terminal ...: flock(2), if there is any */
	APPEND_GIVEN   /* a regular file of somebody else's descriptor */
};

struct append {
	enum append_kind kind;
	int fd;
	bool torn;             /* the last line has no end */
	bool blocks;           /* APPEND_STREAM without O_NONBLOCK */
	int wake;              /* an eventfd: `until` has changed; or -1 */
	_Atomic int64_t until; /* waits end; monotonic ns */
};

/* Takes over the descriptor of a file that nobody else writes to. */
void append_own(struct append *, int fd);

/*
 * Opens the file of this name, or creates it, with mode 0600.  A FIFO needs a
 * reader: ENXIO.  -1 with errno.
 */
int append_open(struct append *, const char *path);

/* Appends to what this descriptor, which stays the caller's, is. */
int append_to(struct append *, int fd);

/*
 * Appends a line, which has its LF.  -1 with errno: EAGAIN if another writer
 * kept us waiting, ETIMEDOUT if the reader did.
 */
int append_line(struct append *, const char *line, size_t len);

/*
 * From now on nothing waits for longer than until then.  Any thread.  Not for
 * APPEND_OWN, which does not wait.
 */
void append_hurry(struct append *, int64_t until);

/* Closes the descriptor, unless it is -1. */
void append_close(struct append *);

#endif
