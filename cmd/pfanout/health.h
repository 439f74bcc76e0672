#ifndef HEALTH_H
#define HEALTH_H

/*
 * How the children of map mode fare, for all workers together, and when there
 * is no sense in going on: the command does not work at all, its children die
 * on everything, or what they print is never an answer.
 *
 * An answer proves that the command works.  A death after which its record is
 * tried again ends nothing, because it has used up one of the record's
 * attempts: so a service that the command needs may be away for as long as the
 * attempts last.  Any thread; nothing blocks.
 */

#include <stdatomic.h>
#include <stdbool.h>

#define HEALTH_NEVER 5  /* deaths in a row before any answer */
#define HEALTH_MOST 100 /* final deaths, or bad answers, in a row after that */

struct health {
	_Atomic bool answered;    /* one of them has, ever */
	_Atomic unsigned deaths;  /* in a row, since the last answer */
	_Atomic unsigned final;   /* of these */
	_Atomic unsigned rubbish; /* bad answers since the last good one */
	_Atomic bool asks_again;  /* one has asked for an attempt, ever */
};

enum health_verdict {
	HEALTH_GOES_ON,
	HEALTH_NEVER_WORKED, /* HEALTH_NEVER deaths, and not one answer */
	HEALTH_HOPELESS,     /* HEALTH_MOST final deaths in a row */
};

void health_answered(struct health *);

/*
 * A child has died, or could not be started.  final: a record was given up for
 * it, or none was charged.  *deaths: how many there were in a row.
 */
enum health_verdict health_died(struct health *, bool final, unsigned *deaths);

/* A bad answer.  True: it is the last one of HEALTH_MOST in a row. */
bool health_bad_answer(struct health *);

/* Whether there was a good answer, ever. */
bool health_has_answered(const struct health *);

/* A worker has asked for another attempt and gets it; and whether one has. */
void health_asked_again(struct health *);
bool health_asks_again(const struct health *);

#endif
