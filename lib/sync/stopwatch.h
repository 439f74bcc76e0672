#ifndef PCHAN_STOPWATCH_H
#define PCHAN_STOPWATCH_H

/*
 * How long something has been so, in all.  One thread starts and stops the
 * watch, any thread may read it, also while it runs.  All zero is a watch that
 * has never run.  Times are monotonic ns; nothing blocks.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct stopwatch {
	/* The total; while it runs, less the time of the start: so below 0. */
	_Atomic int64_t state;
};

/* Starts a watch that stands, or stops one that runs.  By its thread. */
void stopwatch_start(struct stopwatch *, int64_t now);
void stopwatch_stop(struct stopwatch *, int64_t now);

bool stopwatch_runs(const struct stopwatch *);

/* The total until now. */
int64_t stopwatch_read(const struct stopwatch *, int64_t now);

#endif
