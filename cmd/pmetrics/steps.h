#ifndef STEPS_H
#define STEPS_H

/*
 * The steps of a span: what happened to a record in a stage, one after the
 * other, as the events of its span tell (trace/span.h).  A span of another
 * program, and one of a run, is one step.  Pure functions.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct spanview;

enum step_kind {
	STEP_QUEUE,   /* waits for a worker */
	STEP_RATE,    /* waits for credit */
	STEP_ATTEMPT, /* a worker has it */
	STEP_BACKOFF, /* waits for the next attempt */
	STEP_ORDER,   /* waits for its turn */
	STEP_OUTPUT,  /* is written */
	STEP_LOST,    /* more events, which the span has no room for */
	STEP_RUN,     /* a run of a stage */
	STEP_SPAN,    /* another program's span, called by its name */
};

struct step {
	enum step_kind kind;
	int64_t begun, ended; /* calendar ns */
	uint64_t number;      /* of an attempt; or how many events are lost */
	/*
	 * How it ended: the reason for which an attempt failed (or the record,
	 * while it waited for another one), "ok", "filtered"; NULL: there is
	 * nothing to say.
	 */
	const char *outcome;
	bool failed;
};

/*
 * *steps is malloc'd; the texts are the span's.  A step lies within its span.
 * Returns how many there are, at least one; -1 with errno ENOMEM.
 */
ssize_t steps_of(const struct spanview *, struct step **steps);

/* For people: "wait for rate"; STEP_SPAN has no name of its own. */
const char *steps_name(enum step_kind);

/* In JSON: "rate". */
const char *steps_key(enum step_kind);

#endif
