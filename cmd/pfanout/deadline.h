#ifndef DEADLINE_H
#define DEADLINE_H

/*
 * When an attempt of map mode times out (-t).  The time that a child takes to
 * start is not the record's: until the child has read from its input, only
 * --start-timeout limits it.
 *
 * Pure: told what was seen, it says when to look and when the time is over.
 * Times are monotonic ns.
 */

#include <stdbool.h>
#include <stdint.h>

struct deadline {
	int64_t timeout;       /* -t; CLOCK_NEVER: no limit */
	int64_t start_timeout; /* --start-timeout, but not less than -t */

	/* The present child. */
	int64_t ready;   /* since when it reads; CLOCK_NEVER: not yet */
	int64_t done;    /* when it had done with all it was given; 0: never */
	int64_t look_at; /* while it is not ready: when to look whether it is */
};

void deadline_init(struct deadline *, int64_t timeout, int64_t start_timeout);

/* There is a fresh child. */
void deadline_started(struct deadline *);

/* The child, which owed nothing, was given a record. */
void deadline_given(struct deadline *, int64_t now);

/* Whether looks are needed: there is a limit, and the child is not ready. */
bool deadline_awaits_start(const struct deadline *);

/*
 * Tells what a look saw: whether the child has read from its input.  since:
 * when the wait for the oldest answer began.
 */
void deadline_saw(struct deadline *, bool has_read, int64_t since, int64_t now);

/*
 * Since when the wait for the oldest answer counts: not while the child was
 * starting.
 */
int64_t deadline_since(const struct deadline *, int64_t since);

/*
 * The child, which keeps its answers, has done with all it was given: the limit
 * of what it is given from now on begins now.
 */
void deadline_done(struct deadline *, int64_t now);

/* When the oldest attempt times out. */
int64_t deadline_end(const struct deadline *, int64_t since);

/* The child could not have done anything for `ns`. */
void deadline_extend(struct deadline *, int64_t ns);

#endif
