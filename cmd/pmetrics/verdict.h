#ifndef VERDICT_H
#define VERDICT_H

/*
 * Who holds a pipeline back: a pure function of a model.  The rule, and why
 * simpler ones fail, is in pmetrics(1) under "The verdict".
 */

#include "model.h"

/*
 * Judges the model by its parts, edges and fractions.  0; or -1 with errno
 * ENOMEM.
 */
int verdict_find(const struct model *, struct verdict *);

#endif
