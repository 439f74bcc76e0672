#ifndef PCHAN_HUNGER_H
#define PCHAN_HUNGER_H

/*
 * Is a child waiting for more input?  A child that is blocked in read(2) on the empty pipe that is its
 * stdin has consumed all it was given, whether or not it has answered.  That tells
 * one that keeps its answers in a buffer (give it more, or close its stdin) from one that
 * is slow (don't).  Linux says so in /proc/PID/syscall, which everybody may read of his own
 * children.
 */

#include <stdbool.h>
#include <sys/types.h>

enum hunger {
	HUNGER_NONE, /* it is at work, or has not read all yet */
	HUNGER_SURE, /* it, or the descendant that reads its pipe, waits for input, and no other does anything */
	HUNGER_UNKNOWN, /* it sleeps in a call that does not tell: poll, futex, ... */
};

struct probe {
	pid_t pid;
	int syscall_fd; /* /proc/PID/syscall; -1: can't be had */
};

/* For a child just spawned.  Never fails: what can't be opened makes every answer HUNGER_UNKNOWN. */
void hunger_open(struct probe *, pid_t);
void hunger_close(struct probe *);

/*
 * A quick look at the child's main thread; in is our end of its stdin pipe.  Costs about 2 us.
 * HUNGER_UNKNOWN: hunger_search() may know more.
 */
enum hunger hunger_look(const struct probe *, int in);

/* A thorough look at all its threads and descendants.  Costs some 50 us. */
enum hunger hunger_search(const struct probe *, int in);

#endif
