#ifndef PCHAN_LINES_H
#define PCHAN_LINES_H

/*
 * What a line of the input is, as far as its first bytes and its length say: a
 * record like others, which may be part of a run (record.h), or one that has to
 * be looked at alone; and how long it may be.
 */

#include <stdbool.h>

#include "record/envelope.h"
#include "record/reader.h"

struct record;
struct source;

/* What a reader needs to know of it.  The source must outlive the reader. */
struct reader_limits lines_limits(const struct source *);

/*
 * Whether a line that is over the limit, and begins like an envelope, has to be
 * taken for data after all.
 */
bool lines_is_long_data(const struct source *, const struct record *, enum envelope_kind);

#endif
