#ifndef VERDICT_H
#define VERDICT_H

/*
 * Who holds a pipeline back.  Pure functions of a model.  The rule, and why
 * simpler ones fail, is in pmetrics(1) under "The verdict".
 */

#include <stddef.h>

#include "model.h"

/* Judges the model by its parts, edges and fractions. */
void verdict_find(const struct model *, struct verdict *);

/*
 * The verdict in words, for people: a sentence or two, such as "enrich is the
 * bottleneck: 8 of 8 workers busy, 19.4 ms a record, 412/s at most."
 */
void verdict_say(const struct model *, const struct verdict *, char *text, size_t size);

#endif
