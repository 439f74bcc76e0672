#ifndef PCHAN_ENDING_H
#define PCHAN_ENDING_H

/*
 * How records end: once a batch has been written they are counted, freed, and
 * given back to the budget.  What ends a record, the sink or an output of
 * pfanout --to, uses this, each with a shard of its own.
 *
 * Any thread, for records that it has; nothing blocks.
 */

#include <stddef.h>
#include <stdint.h>

struct metrics_shard;
struct record;
struct stage;

/* Where a record of a batch is, once the batch has been written. */
enum place {
	IN_OUTPUT,  /* or nowhere, if it has no lines */
	IN_OUTPUTS, /* several, which have counted its lines */
	IN_FILE,    /* the dead-letter file */
	LOST,       /* not all of its lines could be written */
	UNFINISHED, /* cancelled, but comes again: its stream has marks */
};

/*
 * Only the first `written` bytes of what the n records have IN_OUTPUT are
 * there.  Marks those of which not all lines are as LOST, and counts the lines
 * that one of them has.
 */
void ending_mark_lost(
    struct metrics_shard *, const struct record *, enum place *, size_t n, uint64_t written);

/*
 * The end of n records: counts them by place, frees and releases them.  Their
 * writing began then (monotonic ns), for their spans; 0: that is known.
 */
void ending_count(struct stage *, struct metrics_shard *, struct record *, const enum place *,
    size_t n, int64_t began);

#endif
