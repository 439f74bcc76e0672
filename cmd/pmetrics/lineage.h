#ifndef LINEAGE_H
#define LINEAGE_H

/*
 * The spans of a trace as a family: parents before their children.  Spans come
 * from anywhere: parents may be missing, be their own children, or have the
 * same id as others.  Pure functions.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "spanview.h"

#define LINEAGE_NONE SIZE_MAX

struct kin {
	const struct spanview *span;
	/* Places in the lineage, or LINEAGE_NONE. */
	size_t parent;
	size_t stage; /* the nearest span of a stage among its ancestors */
	/*
	 * How far to indent the span: stages that follow each other, though
	 * each is the parent of the next, stand side by side; what else a span
	 * has caused stands below it.
	 */
	unsigned indent;
	bool orphan; /* it has a parent, which is missing */
};

/*
 * Puts the spans into order: what has no parent by its begin, and behind each
 * span its descendants, other programs before the next stage, then by their
 * begins.  A span that is there twice is left out once.  *kin is malloc'd.
 * Returns how many there are; -1 with errno ENOMEM.
 */
ssize_t lineage_of(const struct spanview *, size_t n, struct kin **kin);

/*
 * By how much a child begins before its parent at most, ns: what the clocks of
 * their machines differ by, or more.
 */
int64_t lineage_skew(const struct kin *, size_t n);

#endif
