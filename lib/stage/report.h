#ifndef PCHAN_REPORT_H
#define PCHAN_REPORT_H

/*
 * A stage's numbers in words: what -v, -P and SIGUSR1 print.  All of it is
 * formatted into the caller's buffer, cut off where it does not fit, without a
 * newline at the end; nothing is printed here.  Any thread.
 */

#include <stddef.h>
#include <stdint.h>

#include "metrics/metrics.h"
#include "metrics/state.h"

struct stage;

#define REPORT_SIZE 1024 /* enough for each of them */

/* A moment (monotonic ns), and what the times of the stage were then. */
struct report_moment {
	int64_t at; /* working time: metrics/worktime.h */
	uint64_t time[TIME_COUNT];
};

/* Now. */
void report_now(const struct stage *, struct report_moment *);

/* What the stage mainly did between the two moments. */
struct state report_state(
    const struct stage *, const struct report_moment *from, const struct report_moment *to);

/*
 * "received 1000, processed 997, ..., waited: input 2 %, output 91 %, ...": the
 * last line of -v.
 */
void report_totals(const struct stage *, char *line, size_t size);

/* The same numbers, and what the stage mainly did: for SIGUSR1. */
void report_interim(const struct stage *, struct state, char *line, size_t size);

/* What the monitor has measured, for the progress line. */
struct report_pace {
	uint64_t in_size; /* bytes of the input file; 0: not known */
	double rate;      /* records a second */
	struct state state;
};

/*
 * The progress line: records, rate, where the records are, failed, what the
 * stage mainly does; and percent with the time left, if the size is known.
 */
void report_progress(const struct stage *, const struct report_pace *, char *line, size_t size);

/*
 * "3 of 1000 records failed (2 timeout, 1 invalid); ...", or for a stage that
 * collects dead letters "12 dead letters are in ...".  Returns 0, and leaves
 * the buffer alone, if there are none.
 */
int report_failures(const struct stage *, char *line, size_t size);

/*
 * "not written, and lost: 3 records, ...": all that was read and could not be
 * written; in a stream with marks "not finished, and come again: ...".  Returns
 * 0, and leaves the buffer alone, if nothing was lost.
 */
int report_losses(const struct stage *, char *line, size_t size);

/*
 * After a stop by this signal: "stopped by SIGINT: standard input was read up
 * to line 1234", so that a run can go on behind it; of several inputs the first
 * REPORT_INPUTS are named.  When no thread reads any more.  Returns 0 if there
 * is none to be named: pipes that were read to their end are not, nor files
 * that are followed, whose lines do not stay where they are.
 */
#define REPORT_INPUTS 4
int report_stop(const struct stage *, int sig, char *line, size_t size);

/*
 * What was left in the input pipe when the stage stopped reading.  Returns 0,
 * and leaves the buffer alone, if that was nothing.
 */
int report_unread(const struct stage *, char *line, size_t size);

/*
 * What the user may have got wrong, and the remedy, as far as the input and the
 * workers show it: a constant text, or NULL.
 */
const char *report_hint(const struct stage *);

#endif
