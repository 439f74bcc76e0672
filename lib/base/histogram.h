#ifndef PCHAN_HISTOGRAM_H
#define PCHAN_HISTOGRAM_H

/*
 * A histogram of durations as Prometheus counts them, with one writer: buckets
 * (not cumulative here) and a sum in ns, plain 64-bit values at fixed places, so that
 * it can live in a mapped file.  The reader derives the count, so that it
 * always agrees with the buckets.
 */

#include <stdatomic.h>
#include <stdint.h>

/* Upper bounds 1, 2.5 and 5 times 1 us to 100 s, and one bucket for what is longer. */
#define HISTOGRAM_BOUNDS 25
#define HISTOGRAM_BUCKETS (HISTOGRAM_BOUNDS + 1)

struct histogram {
	_Atomic uint64_t bucket[HISTOGRAM_BUCKETS];
	_Atomic uint64_t sum; /* ns */
};

/* The upper bounds in ns, inclusive, ascending. */
extern const int64_t histogram_bound[HISTOGRAM_BOUNDS];

/* Counts a duration n times.  Only by the histogram's one writer.  A negative one counts as 0. */
void histogram_add(struct histogram *, int64_t ns, uint64_t n);

/* Adds `from`, which may be written meanwhile, to `to`, of which the caller is the one writer. */
void histogram_merge(struct histogram *to, const struct histogram *from);

/* The sum of the buckets. */
uint64_t histogram_count(const struct histogram *);

/*
 * An estimate of the q-quantile (0..1) in ns, interpolated within its bucket as PromQL's
 * histogram_quantile() does: 0 if empty, the highest bound if it is beyond that.
 */
int64_t histogram_quantile(const struct histogram *, double q);

#endif
