#ifndef PCHAN_METRICS_H
#define PCHAN_METRICS_H

/*
 * A stage's numbers.  Every thread that counts has a shard of its own, so
 * counting is a plain load, add and store; a reader adds the shards up.  All
 * numbers are 64-bit words at fixed places, in memory or in a mapped file
 * (statfile.h), where another process reads them.  Counters only grow.  Gauges
 * (backlog, in flight) are derived from two counters.
 *
 * The sum of several shards is a shard, too.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"
#include "base/reason.h"
#include "sync/stopwatch.h"

/*
 * What begins stands before what ends: numbers are read from the end, so what
 * begins and ends meanwhile never counts as ended only.
 */
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
	METRIC_QUEUED,         /* into the channel, with bypassed ones */
	METRIC_TAKEN,          /* and out of it: backlog = queued - taken */
	METRIC_GIVEN,          /* attempts begun */
	METRIC_ENDED,          /* and ended: in flight = given - ended */
	METRIC_RETRY_IN,       /* records that began to wait for a retry */
	METRIC_RETRY_OUT,      /* and that stopped waiting */
	METRIC_STARTS,         /* children started */
	METRIC_EXITS,          /* and ended */
	METRIC_RESTARTS,       /* children started in place of one that ended */
	METRIC_DISCARDED,      /* letters in files that a rotation removed */
	METRIC_SPANS,          /* spans of traces that were written */
	METRIC_SPANS_DROPPED,  /* and those that were not, or are gone again */
	METRIC_LAST_RECORD_US, /* no count: when records were last read */
	METRIC_LAST_RESULT_US, /* and when the last one ended; calendar us */
	METRIC_FAILED,         /* REASON_COUNT of them from here on */
	METRIC_COUNT = METRIC_FAILED + REASON_COUNT
};

/* What a stage waits for, or does.  Kinds overlap: they are no partition. */
enum metric_time {
	TIME_INPUT,  /* the readers wait: nothing can be read */
	TIME_OUTPUT, /* the writer waits for its reader */
	TIME_OWN,    /* a reader waits for the ledger, or the channel */
	TIME_RATE,   /* the limiter waits until a record may go */
	TIME_BUSY,   /* a worker has an attempt; added up over the workers */
	TIME_COUNT
};

/* What the helpers of engines count: pchan-engines(7). */
enum metric_engine {
	ENGINE_RECONNECTS, /* connections that were made again */
	ENGINE_REBALANCES, /* partitions were shared out again */
	ENGINE_REQUESTS,   /* of HTTP */
	ENGINE_COUNTERS
};

struct metrics_shard {
	_Alignas(64) _Atomic uint64_t counter[METRIC_COUNT];
	struct stopwatch time[TIME_COUNT];
	struct histogram latency; /* service time of an attempt */
	struct histogram queue;   /* wait from the read to a worker */
	_Atomic uint64_t engine[ENGINE_COUNTERS];
};

/* In files that are older than the last ones there are zeros in their place. */
_Static_assert(sizeof(struct metrics_shard) == 896, "the format has shards of 896 bytes");

/* n shards in one block; the block is the caller's. */
struct metrics {
	size_t n;
	struct metrics_shard *shard;
};

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
	    atomic_load_explicit(&s->counter[c], memory_order_relaxed) + n, memory_order_release);
}

/* The same, but any thread may. */
static inline void
metrics_add_engine(struct metrics_shard *s, enum metric_engine c, uint64_t n)
{
	atomic_fetch_add_explicit(&s->engine[c], n, memory_order_relaxed);
}

/* For times of last events.  By the shard's thread only. */
static inline void
metrics_set(struct metrics_shard *s, enum metric c, uint64_t value)
{
	atomic_store_explicit(&s->counter[c], value, memory_order_relaxed);
}

/* What this shard has counted.  By the shard's thread only. */
static inline uint64_t
metrics_own(const struct metrics_shard *s, enum metric c)
{
	return atomic_load_explicit(&s->counter[c], memory_order_relaxed);
}

/*
 * The sum over all shards; of times of last events the latest.  Any thread, at
 * any time, as all that follow.
 */
uint64_t metrics_get(const struct metrics *, enum metric);

/*
 * The time, in ns, until now (the process's working time: worktime.h); of one
 * that is dead until it was last known: now is 0.
 */
uint64_t metrics_time(const struct metrics *, enum metric_time, int64_t now);

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

/*
 * Adds all shards to `sum`, the caller's.  The waits under way count until now,
 * and are totals in the sum.  In the sum no record has ended that was not
 * received, even while other threads count.
 */
void metrics_sum(const struct metrics *, int64_t now, struct metrics_shard *sum);

#endif
