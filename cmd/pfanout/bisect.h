#ifndef BISECT_H
#define BISECT_H

/*
 * Which of several records kills the child?  A child that died with more than
 * one of them in flight may have answered some into a buffer that died with
 * it, so each of them is a suspect.  The first half is tried on a fresh child,
 * which gets EOF after it: if that child dies as well, the suspects in front of
 * it were halved; if it answers, those with an answer are cleared.  This goes
 * on until one record dies alone.
 *
 * Where the children were killed after a time limit, the oldest suspect is
 * tried alone first: if the command answers at once, this is the one, and each
 * trial that fails costs the time of the limit.
 *
 * Suspects are always the first records that a worker holds.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bisect {
	size_t suspects; /* 0: there is no search */
	/* the first so many are the present child's; 0: none is on trial */
	size_t trial;
	bool oldest; /* the next trial is for the oldest suspect alone */
};

/*
 * A child died with these first records in flight.  oldest: try that one alone
 * first.
 */
void bisect_accuse(struct bisect *, size_t in_flight, bool oldest);

/* Whether suspects are left, so that no other record may be taken. */
bool bisect_is_on(const struct bisect *);

/* A fresh child was started: it gets the first half, or the oldest one. */
void bisect_begin_trial(struct bisect *);

/* Whether the present child is for a trial. */
bool bisect_on_trial(const struct bisect *);

/* How many more records a child on trial gets, of `given` that it has got. */
size_t bisect_room(const struct bisect *, uint64_t given);

/* The child on trial has ended, after so many answers: these are cleared. */
void bisect_end_trial(struct bisect *, uint64_t answered);

/* The search is over: the record was found, or all of them have left. */
void bisect_end(struct bisect *);

#endif
