#ifndef PCHAN_STATE_H
#define PCHAN_STATE_H

/*
 * What a stage mainly did over a window of time, in a word or two: it waited
 * for one thing, or it worked.  Pure functions of the fractions of the window
 * that the kinds of time (metrics.h) had.
 */

#include <stdbool.h>
#include <stddef.h>

#include "metrics/statfile.h"

/* Of two that have the same part of the time, the first one is told. */
enum state_kind {
	STATE_HALTED,  /* a Ctrl-Z has stopped it */
	STATE_BUSY,    /* a pool: its workers are busy */
	STATE_RATE,    /* waits until the rate lets a record go */
	STATE_OUTPUT,  /* waits for the reader of its output */
	STATE_WORKERS, /* its reader waits for its workers */
	STATE_WORKS,   /* no pool: it waits for nothing */
	STATE_INPUT,   /* waits for input; or nothing is known */
};

/*
 * Fractions of the window's time, 0 to 1; busy is one of the workers' time,
 * too.  NAN is taken as 0, and what is beyond the limits is clipped.
 */
struct state_facts {
	enum statfile_mode mode;
	double input, output, own, rate, busy, halted;
};

struct state {
	enum state_kind kind;
	unsigned percent;
};

#define STATE_TEXT_SIZE 32

/* Whether a stage of this mode has workers with attempts, so TIME_BUSY. */
bool state_is_pool(enum statfile_mode);

/*
 * The part of `own` that is neither the output's nor the rate's: the stage's
 * workers, or other threads of its own, held up its reader.
 */
double state_workers(const struct state_facts *);

/* What the stage mainly did. */
struct state state_of(const struct state_facts *);

/* A fraction in percent, rounded, from 0 to 100. */
unsigned state_percent(double fraction);

/* "waits for output 91 %", "workers busy 100 %", "works 80 %". */
void state_say(struct state, char text[STATE_TEXT_SIZE]);

#endif
