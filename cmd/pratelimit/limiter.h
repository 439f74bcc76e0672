#ifndef LIMITER_H
#define LIMITER_H

/*
 * The processor that lets records through at a rate, and each flow of records
 * at a rate of its own:
 *
 *	in -> sorted into flows -> waiting until due -> out
 *
 * Everything that is due when the thread wakes leaves together.  The thread
 * sleeps for at least LIMITER_NAP, as long as enough records wait to fill that
 * time.  So a high rate costs few wake-ups, and at a low rate each record
 * leaves at its own moment.
 */

#include "base/clock.h"
#include "pratelimit.h"

struct processor;

#define LIMITER_NAP (500 * CLOCK_US)

/* The processor.  Its arg is the run, which must outlive the pipeline. */
struct processor limiter_processor(struct pratelimit *);

#endif
