#ifndef PACE_H
#define PACE_H

/*
 * The pace at which records are acknowledged, and how many may be on their way
 * for it.  Stages that pass millions in a second would wait for most of it
 * while the last one syncs its file, so that is as many as are acknowledged in
 * PACE_WINDOW.  The source stops when they are on their way, and then the pace
 * is theirs: PACE_WINDOW must be several times as long as a sync, or a slow
 * disk makes the window smaller and smaller.  It is as long as the time between
 * two saves, so that a kill repeats no more time of work than that.
 *
 * No threads, no clock.
 */

#include <stdint.h>

#include "base/clock.h"

/*
 * Between two measurements, at least: until the first one the window is the
 * least there can be, and the source waits.
 */
#define PACE_TIME (5 * CLOCK_MS)
#define PACE_WINDOW (200 * CLOCK_MS)

/* All zero at the start. */
struct pace {
	int64_t since; /* the last measurement; monotonic ns */
	uint64_t from; /* acknowledged then */
	uint64_t window;
};

/*
 * So many are acknowledged by now.  Returns how many would be in PACE_WINDOW,
 * at the pace since the last measurement.
 */
uint64_t pace_measure(struct pace *, int64_t now, uint64_t acked);

#endif
