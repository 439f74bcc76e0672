#ifndef CREW_H
#define CREW_H

/*
 * All stages that there are, and those that have ended lately, each with its
 * track.
 */

#include <stddef.h>
#include <stdint.h>

#include "graph.h"
#include "metrics/look.h"
#include "track.h"

/* All zero: nobody was seen yet. */
struct crew {
	struct look look; /* the last one */
	size_t n;
	struct graph_stage *stage; /* live ones first, as the look has them */
	struct track **track;      /* of the same stages */
	bool changed;              /* some are new, or have ended now */
};

/*
 * Takes a look, as look_take() is told by `how`, and samples; the window is in
 * ns.  What was seen before is gone.  -1 with errno; where that is not the
 * look's, the crew is forgotten.
 */
int crew_look(struct crew *, int64_t window, unsigned how);
void crew_free(struct crew *);

#endif
