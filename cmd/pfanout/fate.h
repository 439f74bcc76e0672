#ifndef FATE_H
#define FATE_H

/*
 * What the end of a child of map mode means for the records that it was given.
 * Pure: facts in, verdict out; map_end.c acts.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"

/* A child that has exited by itself. */
struct fate_facts {
	int status;        /* as waitpid(2) gives it */
	bool flushing;     /* we had closed its stdin */
	size_t in_flight;  /* read by it, in part at least; not answered */
	uint64_t answered; /* records that it has answered */
	bool at_most_once; /* --window 1: nothing is given out twice */
	bool stopped;      /* the stop of the stage has ended it */
	bool blameless;    /* an engine's helper: no record killed it */
};

enum fate {
	FATE_DONE,       /* nothing to do: it owed nothing */
	FATE_RECYCLED,   /* exit 0 by itself, after answers: no blame */
	FATE_LOST_COUNT, /* flushed, exit 0, but too few answers */
	FATE_BLAME,      /* the oldest record is charged with an attempt */
	FATE_BISECT,     /* one of those in flight is to blame: search */
	FATE_IDLE_DEATH, /* it died with nothing in flight */
	FATE_CANCELLED,  /* those in flight leave as cancelled: no blame */
	FATE_AGAIN,      /* those in flight are given again: no blame */
};

enum fate fate_of(const struct fate_facts *);

/*
 * A child that we killed: the reason, how many records were in flight, and
 * whether we had closed its stdin.  An answer says which record it is for;
 * otherwise any record in flight may be the one, as the child may have kept
 * answers in a buffer.  REASON_COUNT: the run was ended, nobody is to blame.
 * FATE_BLAME charges the oldest, and only for a timeout one that is blameless.
 */
enum fate fate_of_killed(enum reason, size_t in_flight, bool flushing, bool blameless);

#endif
