#ifndef PCHAN_METRICS_H
#define PCHAN_METRICS_H

/*
 * A stage's numbers.  Every thread that counts has a shard of its own, so
 * counting is a plain load, add and store; a reader adds the shards up.  All
 * numbers are 64-bit counters that only grow, at fixed places in one block,
 * which can live in anonymous memory or in a mapped file.  Gauges (backlog, in
 * flight) are derived from two counters.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"
#include "base/reason.h"

enum metric {
	METRIC_RECEIVED,  /* records read, without blank and bypassed ones */
	METRIC_PROCESSED, /* records that succeeded */
	METRIC_FILTERED,  /* records dropped on purpose */
	METRIC_BYPASSED,  /* dead letters that passed by */
	METRIC_BLANK,     /* lines of white space */
	METRIC_UNWRITTEN, /* records held when nothing could be written */
	METRIC_PASSED_ON, /* those of the bypassed that were written or kept */
	METRIC_PRINTED,   /* lines that filters printed */
	METRIC_DELIVERED, /* those of them that were written */
	METRIC_WRITTEN,   /* lines written to stdout */
	METRIC_RETRIES,   /* attempts after the first */
	METRIC_BYTES_IN,
	METRIC_BYTES_OUT,
	METRIC_TAKEN,              /* out of the channel, with bypassed ones */
	METRIC_QUEUED,             /* and into it: backlog = queued - taken */
	METRIC_GIVEN,              /* attempts begun */
	METRIC_ENDED,              /* and ended: in flight = given - ended */
	METRIC_RETRY_IN,           /* records that began to wait for a retry */
	METRIC_RETRY_OUT,          /* and that stopped waiting */
	METRIC_STARTS,             /* children started */
	METRIC_EXITS,              /* and ended */
	METRIC_BLOCKED_INPUT_NS,   /* the reader waited for input */
	METRIC_BLOCKED_OUTPUT_NS,  /* the writer waited for its reader */
	METRIC_BLOCKED_WORKERS_NS, /* the reader waited for the workers */
	METRIC_LAST_RECORD_US,     /* no count: when records were last read */
	METRIC_FAILED,             /* REASON_COUNT of them from here on */
	METRIC_COUNT = METRIC_FAILED + REASON_COUNT
};

struct metrics_shard {
	_Alignas(64) _Atomic uint64_t counter[METRIC_COUNT];
	struct histogram latency; /* service time of an attempt */
	struct histogram queue;   /* wait from the read to a worker */
};

struct metrics;

/*
 * n shards in anonymous memory, all zero.  NULL with errno (EINVAL for none,
 * ENOMEM).
 */
struct metrics *metrics_new(size_t shards);
void metrics_free(struct metrics *);

/* Shard i, from 0; it lives as long as the metrics do. */
struct metrics_shard *metrics_shard(struct metrics *, size_t i);

/* Adds n.  By the shard's thread only. */
static inline void
metrics_add(struct metrics_shard *s, enum metric c, uint64_t n)
{
	atomic_store_explicit(&s->counter[c],
	    atomic_load_explicit(&s->counter[c], memory_order_relaxed) + n, memory_order_relaxed);
}

/* For METRIC_LAST_RECORD_US.  By the shard's thread only. */
static inline void
metrics_set(struct metrics_shard *s, enum metric c, uint64_t value)
{
	atomic_store_explicit(&s->counter[c], value, memory_order_relaxed);
}

/*
 * The sum over all shards; of METRIC_LAST_RECORD_US the latest.  Any thread, at
 * any time, as all that follow.
 */
uint64_t metrics_get(const struct metrics *, enum metric);

/*
 * How many have begun and not ended, such as (METRIC_QUEUED, METRIC_TAKEN).
 * Never negative, even while other threads count.
 */
uint64_t metrics_gauge(const struct metrics *, enum metric begun, enum metric ended);

/* The sum of the failed counters. */
uint64_t metrics_failed(const struct metrics *);

/*
 * The records whose end is not counted yet: received and neither processed nor
 * filtered nor failed nor unwritten.
 */
uint64_t metrics_held(const struct metrics *);

/* The sum of the shards' histograms; what was in it is lost. */
void metrics_latency(const struct metrics *, struct histogram *);
void metrics_queue(const struct metrics *, struct histogram *);

#endif
