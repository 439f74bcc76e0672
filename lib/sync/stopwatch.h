#ifndef PCHAN_STOPWATCH_H
#define PCHAN_STOPWATCH_H

/*
 * How long something has been so, in all.  One thread starts and stops the
 * watch, any thread may read it, also while it runs, and another process may
 * where the watch is in shared memory.  All zero is a watch that has never run.
 * Times are monotonic ns; nothing blocks.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/* A stop may come that much later than its look at the clock. */
#define STOPWATCH_LATE (100 * CLOCK_MS)

struct stopwatch {
	/* The total; while it runs, less the time of the start: so below 0. */
	_Atomic int64_t state;
	/* When it was started, or was last seen to run; it may be to come. */
	_Atomic int64_t since;
};

/*
 * Starts a watch that stands, or stops one that runs.  The start may be later
 * than now: what is over before then counts as nothing.  By its thread.
 */
void stopwatch_start(struct stopwatch *, int64_t start);
void stopwatch_stop(struct stopwatch *, int64_t now);

/*
 * The watch runs on, and stopwatch_since() is now: the next of several things
 * without a pause between them has begun.  By its thread.
 */
void stopwatch_next(struct stopwatch *, int64_t now);

/* Adds to a watch that stands.  By its thread. */
void stopwatch_add(struct stopwatch *, int64_t ns);

/* It has never run.  By its thread. */
void stopwatch_reset(struct stopwatch *);

bool stopwatch_runs(const struct stopwatch *);

/* When it was started, or its thread called stopwatch_next(); 0: it stands. */
int64_t stopwatch_since(const struct stopwatch *);

/*
 * The total until now.  It never goes back where the watch is started and
 * stopped as soon as its thread knows the time; after a stop that came late, by
 * as much.  A reader whose numbers must never go back reads the total as of
 * STOPWATCH_LATE before now.  With now = 0, the total until stopwatch_since():
 * all that is known of a process that is dead.
 */
int64_t stopwatch_read(const struct stopwatch *, int64_t now);

/* Makes the copy, which nobody else uses, show what the watch does. */
void stopwatch_copy(const struct stopwatch *, struct stopwatch *copy);

#endif
