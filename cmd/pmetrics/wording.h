#ifndef WORDING_H
#define WORDING_H

/*
 * A verdict in words, for people: a sentence or two, such as "enrich is the
 * bottleneck: 8 of 8 workers busy, 19.4 ms a record, 412/s at most."
 */

#include "model.h"

/*
 * Writes what verdict_find() found in the model.  The text fits into two lines
 * of 78 columns: less important sentences are left out where it would not.
 */
void wording_verdict(const struct model *, const struct verdict *, char text[MODEL_TEXT_SIZE]);

#endif
