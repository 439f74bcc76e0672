#ifndef PCHAN_EXEMPLAR_H
#define PCHAN_EXEMPLAR_H

/*
 * Exemplars: of each bucket of a stage's histograms the trace that was in it
 * last, so that whoever sees a slow bucket finds a record that was slow.  They
 * are in the stat file of the stage, at fixed places.
 *
 * One thread writes them, the one that writes spans.  Any thread, or another
 * process, may read them at any time.  Nothing blocks.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"
#include "trace/context.h"

struct span;

struct metrics_exemplar {
	/* Odd while the rest is being changed; 0: there is none yet. */
	_Atomic uint64_t version;
	/* Their bytes are in the order of W3C Trace Context. */
	_Atomic uint64_t trace_id[CONTEXT_TRACE_ID / sizeof(uint64_t)];
	_Atomic uint64_t span_id;
	_Atomic int64_t ns;     /* the duration */
	_Atomic int64_t end_us; /* when it was over, calendar */
};

_Static_assert(sizeof(struct metrics_exemplar) == 48, "the format has exemplars of 48 bytes");

/* One for each bucket, of attempts and of waits in the queue. */
struct metrics_exemplars {
	struct metrics_exemplar latency[HISTOGRAM_BUCKETS];
	struct metrics_exemplar queue[HISTOGRAM_BUCKETS];
};

/*
 * A span of a record has been written: its attempts, and its wait in the queue,
 * become the exemplars of their buckets where these have no later ones.  The
 * offset is the calendar less the monotonic clock, ns.
 */
void exemplars_note(struct metrics_exemplars *, const struct span *, int64_t offset);

/*
 * Copies what another process may change: those that are there, and that can be
 * exemplars of their buckets; the others are empty (version 0) in the copy.
 */
void exemplars_copy(const struct metrics_exemplars *, struct metrics_exemplars *copy);

/* Of each bucket the later one of two copies goes to the first of them. */
void exemplars_merge(struct metrics_exemplars *to, const struct metrics_exemplars *from);

#endif
