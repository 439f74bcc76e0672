#ifndef FAMILIES_H
#define FAMILIES_H

/*
 * The families of metrics of all stages: of each family the samples of all
 * series (series.h).
 *
 * In every scrape, received = processed + filtered + failed + held, of each
 * series.  The records that a stage could not write are in the failed ones,
 * with the reason "unwritten", and so are those that a killed stage held.
 */

#include <stdbool.h>

#include "exposition.h"
#include "metrics/look.h"

struct shipped;

/*
 * Writes the families, with the spans that were shipped, and those about the
 * look itself.  With `tame`, names are made harmless to a terminal.  -1 with
 * errno (ENOMEM): not all is written.
 */
int families_write(struct exposition *, const struct look *, const struct shipped *, bool tame);

#endif
