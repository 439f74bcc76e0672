#ifndef WINDOW_H
#define WINDOW_H

/*
 * How many records a child may be given ahead of its answers.
 *
 * A child that keeps its answers in a buffer needs many records before it says
 * anything; a slow child must not hoard them.  So the window starts at one
 * record, and grows only by what the child has shown to get through: it holds a
 * few milliseconds of the child's measured work.  Answers count as work done,
 * and so does hunger: a child that waits for more input has done with all it
 * was given, whatever it still owes.
 *
 * Pure; times are monotonic ns.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct window {
	size_t fixed;   /* --window; 0: it adapts */
	size_t most;    /* it adapts, but not beyond; 0: no limit */
	int64_t span;   /* how much work it may hold, ns */
	uint64_t given; /* records handed over */
	uint64_t answered;
	uint64_t done;     /* answered, or known to be consumed; <= given */
	size_t size;       /* the window now */
	uint64_t evidence; /* records done lately */
	double service;    /* moving average, ns per record; 0: not known */
	double quick;      /* what a quick record takes, ns; 0: not known */
	bool buffers;      /* it has consumed records without answering */
	bool seen;         /* the first sample, the start-up, is over */
	int64_t moved;     /* when done moved, or an idle time ended */
};

/* For a fresh child.  jobs and processors: how many share the machine. */
void window_init(struct window *, size_t fixed, size_t most, unsigned jobs, unsigned processors);

/* How many more records the child may be given now. */
size_t window_room(const struct window *);

void window_given(struct window *, size_t n, int64_t now);
void window_answered(struct window *, size_t n, int64_t now);

/*
 * The child was found hungry: it has consumed all it was given.  owes: it has
 * not answered all of that.
 */
void window_hungry(struct window *, bool owes, int64_t now);

/* Records that the child was given and has not answered. */
size_t window_owed(const struct window *);

/* How long to wait before a first look whether the child is hungry, ns. */
int64_t window_first_look(const struct window *);

#endif
