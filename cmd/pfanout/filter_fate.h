#ifndef FILTER_FATE_H
#define FILTER_FATE_H

/*
 * What the exit of a filter means for what it was given and has printed.  Pure:
 * facts in, verdict out; filter.c acts.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A filter that has exited by itself. */
struct filter_facts {
	int status;      /* as waitpid(2) gives it */
	bool listed;     /* its exit status is 0 or in --ok-status */
	bool greps;      /* filter_is_grep(), of its name */
	bool complained; /* it has printed something on stderr */
	bool stopped;    /* stage_stop_ended() it */
	/*
	 * It has not waited for the end of its input, in a stream with marks: a
	 * record in its buffer would be acknowledged.
	 */
	bool hasty;
	uint64_t unread; /* records that it has left in its stdin */
	size_t waiting;  /* records that it could not be given */
};

enum filter_fate {
	FILTER_DONE,    /* success: it may have read all that it was given */
	FILTER_LEFT,    /* success, before it had read all: records are lost */
	FILTER_FAILED,  /* its exit status is that of a failure */
	FILTER_DIED,    /* of a signal */
	FILTER_STOPPED, /* of the signal that stops the stage */
	FILTER_UNKNOWN, /* nobody knows how it ended: it may have failed */
};

enum filter_fate filter_fate_of(const struct filter_facts *);

/*
 * Whether its last line is whole although it has no LF.  The part of a line
 * that a failing filter leaves is not.
 */
static inline bool
filter_fate_is_well(enum filter_fate fate)
{
	return fate == FILTER_DONE || fate == FILTER_LEFT;
}

/*
 * Whether a command of this name exits with status 1 to say that no line
 * matched: its last component ends in "grep", or is rg, ag or ack.
 */
bool filter_is_grep(const char *command);

#endif
