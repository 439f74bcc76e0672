#ifndef PCHAN_HISTOGRAM_H
#define PCHAN_HISTOGRAM_H

/*
 * A histogram of durations as Prometheus counts them: buckets (not cumulative
 * here) and a sum in ns, plain 64-bit values at fixed places, so that a
 * histogram can live in a mapped file.  Readers derive the count, which
 * therefore always agrees with the buckets.
 *
 * A histogram has one writer, and any number of threads that read it at any
 * time.  Nothing blocks.
 */

#include <stdatomic.h>
#include <stdint.h>

/*
 * The upper bounds are 1, 2.5 and 5 times the powers of ten from 1 us to 100 s;
 * one more bucket counts what is longer.
 */
#define HISTOGRAM_BOUNDS 25
#define HISTOGRAM_BUCKETS (HISTOGRAM_BOUNDS + 1)

struct histogram {
	_Atomic uint64_t bucket[HISTOGRAM_BUCKETS];
	_Atomic uint64_t sum; /* ns */
};

/* The upper bounds in ns, inclusive, ascending. */
extern const int64_t histogram_bound[HISTOGRAM_BOUNDS];

/* The bucket that a duration is in, from 0; a negative one counts as 0. */
unsigned histogram_bucket(int64_t ns);

/* Counts a duration n times; a negative one counts as 0.  The writer only. */
void histogram_add(struct histogram *, int64_t ns, uint64_t n);

/*
 * Adds `from`, which may change meanwhile, to `to`, whose writer is the caller.
 */
void histogram_merge(struct histogram *to, const struct histogram *from);

/* Takes away what was merged before; `to` as with histogram_merge(). */
void histogram_subtract(struct histogram *to, const struct histogram *from);

/* The sum of the buckets. */
uint64_t histogram_count(const struct histogram *);

/*
 * An estimate of the q-quantile (0..1) in ns, interpolated within its bucket as
 * PromQL's histogram_quantile() does: 0 if the histogram is empty, the highest
 * bound if the quantile is beyond it.
 */
int64_t histogram_quantile(const struct histogram *, double q);

#endif
