#ifndef DETAILS_H
#define DETAILS_H

/*
 * All that is known of one part: what it is, how it does, its inputs and
 * outputs, why records failed, and how long attempts took.
 */

#include <stdint.h>

#include "grid.h"
#include "model.h"

/*
 * Draws into so many lines from y on, without the first `scroll` lines of the
 * text.  `now` is CLOCK_MONOTONIC.  Returns how many lines more there are than
 * room.
 */
int details_draw(
    struct grid *, int y, int height, int scroll, const struct model *, size_t part, int64_t now);

#endif
