#ifndef ENDS_H
#define ENDS_H

/*
 * The processes that acknowledge marks: the ends of the pipeline, of which
 * pfanout --to makes several.  While one of them lives, more may come back.
 *
 * The caller has a lock.  Nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define ENDS_MOST 256

struct ends {
	size_t n;
	struct {
		pid_t pid;
		int fd; /* a pidfd */
	} end[ENDS_MOST];
};

/* Closes what is open; there are none then. */
void ends_clear(struct ends *);

/*
 * The process has acknowledged (0: one of another namespace).  Those that have
 * ended make room; beyond ENDS_MOST it is not remembered.
 */
void ends_note(struct ends *, pid_t);

/* Whether one that is remembered lives. */
bool ends_any(struct ends *);

#endif
