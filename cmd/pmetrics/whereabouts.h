#ifndef WHEREABOUTS_H
#define WHEREABOUTS_H

/*
 * Where the time of a trace went: which stage had it longest.  What a worker
 * does belongs to the stage whose worker it is; a trace without a stage is
 * judged by its services.  A pure function.
 */

#include <stddef.h>

#include "lineage.h"

#define WHEREABOUTS_SIZE 256

/*
 * Writes "87 % in enrich (2 attempts)" or "62 % between the stages" (where no
 * span was).  -1 with errno ENOMEM.
 */
int whereabouts_of(const struct kin *, size_t n, char text[WHEREABOUTS_SIZE]);

#endif
