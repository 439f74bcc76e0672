#ifndef TRACK_H
#define TRACK_H

/*
 * What a stage did lately: some samples of its numbers over the window, and its
 * output over the last minute.  All numbers of a window are differences of two
 * samples.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics/look.h"
#include "model.h"

struct track;

/* NULL with errno ENOMEM.  The window is in ns. */
struct track *track_new(const struct look_stage *, int64_t window);
void track_free(struct track *);

bool track_is_of(const struct track *, const unsigned char uuid[STATFILE_UUID]);

/*
 * Takes a sample, and from then on the numbers are those until now.  -1 with
 * errno ENOMEM.
 */
int track_sample(struct track *, const struct look_stage *, int64_t now);

/*
 * The stage has ended; what was known of it last is copied, and its numbers
 * stay.  -1 with errno ENOMEM.
 */
int track_end(struct track *, const struct look_stage *last, enum statfile_exit how, int64_t now);

/* When it ended; 0: it has not. */
int64_t track_ended(const struct track *);

/* The copy that track_end() made.  It lives as long as the track. */
const struct look_stage *track_last(const struct track *);

/*
 * Fills in all of the part but its name; part->stage is the stage passed.
 * *seconds: of data.
 */
void track_fill(
    const struct track *, const struct look_stage *, struct part *part, double *seconds);

/*
 * The fraction of the window in which the stage waited for one of its links;
 * NAN if that is not known.
 */
double track_wait(const struct track *, unsigned link);

#endif
