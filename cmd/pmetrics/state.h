#ifndef STATE_H
#define STATE_H

/*
 * What a stage mostly does, in a word, for the screen, the page and the JSON.
 * A pure function.
 */

#include "model.h"

enum state {
	STATE_MEASURING, /* nothing is known yet */
	STATE_INPUT,     /* waits for input */
	STATE_OUTPUT,    /* waits for the reader of its output */
	STATE_RATE,      /* waits until its rate allows a record */
	STATE_OWN,       /* waits for records of its own: a slow one, or retries */
	STATE_BUSY,      /* its workers have attempts */
	STATE_WORKS,     /* none of these: it works itself */
	STATE_ENDED,     /* and how: part.how */
};

/*
 * The state of a stage, and the share of the window's time that it was in it;
 * NAN for MEASURING and ENDED.
 */
enum state state_of(const struct part *, double *share);

/* "measuring", "input", "output", "rate", "own", "busy", "works", "ended". */
const char *state_name(enum state);

#endif
