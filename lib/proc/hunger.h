#ifndef PCHAN_HUNGER_H
#define PCHAN_HUNGER_H

/*
 * Is a child hungry?  It is when its input pipe is empty and it is blocked in
 * reading that pipe: then it has read all it was given, whether or not it has
 * answered.  So it keeps the answers it owes in a buffer, and may be given more
 * (its window grows) or be flushed by EOF.  A child that is not hungry is slow,
 * and gets neither.  Linux reports the call in which a thread is blocked in
 * /proc/PID/syscall, which the parent may read.  See pchan(7).
 *
 * Nothing here blocks.  One thread uses a struct probe.
 */

#include <stdbool.h>
#include <sys/types.h>

enum hunger {
	/* It is at work, or has not read all it was given. */
	HUNGER_NONE,

	/*
	 * It is hungry: it, or the descendant that reads its pipe, waits for
	 * input, and nothing else of it is at work.
	 */
	HUNGER_SURE,

	/*
	 * It sleeps in a call that does not tell: poll(2), futex(2), ...; or
	 * one of its threads or processes waits for input, and another one is
	 * blocked in something else.
	 */
	HUNGER_UNKNOWN,
};

struct probe {
	pid_t pid;
	ino_t pipe;     /* the inode of its stdin */
	int syscall_fd; /* /proc/PID/syscall; -1: it could not be opened */
};

/*
 * Opens the probe of a child just spawned; in is our end of its stdin pipe.
 * Never fails: if /proc cannot be read, no look is ever sure.
 */
void hunger_open(struct probe *, pid_t, int in);

/* Closes it; harmless if it is closed. */
void hunger_close(struct probe *);

/*
 * Looks at the child's main thread; in is our end of its stdin pipe.  Costs
 * about 2 us.  After HUNGER_UNKNOWN, hunger_search() may find out more.
 */
enum hunger hunger_look(const struct probe *, int in);

/* Looks at all threads of the child and its descendants.  Costs some 50 us. */
enum hunger hunger_search(const struct probe *, int in);

/*
 * How many bytes of its stdin the child has not read, even when our end is
 * closed (in is -1) and the child still has the pipe as its fd 0.  -1: nobody
 * can tell.
 */
ssize_t hunger_unread(const struct probe *, int in);

/*
 * Whether the child has closed its stdin, or put another file there.  False if
 * nobody can tell.
 */
bool hunger_has_let_go(const struct probe *);

#endif
