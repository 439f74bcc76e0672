#ifndef PCHAN_STAT_H
#define PCHAN_STAT_H

/*
 * A stage's numbers.  Every thread that counts has a shard of its own, so the hot
 * path is a plain load, add and store; who wants a number adds the shards up.  All
 * are 64-bit counters that only grow, at fixed places in one block, which can live in
 * anonymous memory or in a mapped file.  Gauges (backlog, in flight) are derived from them.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "histogram.h"
#include "reason.h"

enum stat_counter {
	STAT_RECEIVED,  /* records read, without blank lines and passing letters */
	STAT_PROCESSED, /* records that succeeded */
	STAT_FILTERED,  /* records dropped on purpose */
	STAT_BYPASSED,  /* dead letters that passed by */
	STAT_BLANK,     /* lines of white space */
	STAT_WRITTEN,   /* lines written to stdout */
	STAT_RETRIES,   /* attempts after the first */
	STAT_BYTES_IN,
	STAT_BYTES_OUT,
	STAT_TAKEN,              /* records taken out of the channel, letters too */
	STAT_QUEUED,             /* records put into it, letters too: backlog = queued - taken */
	STAT_GIVEN,              /* attempts begun */
	STAT_ENDED,              /* attempts ended: in flight = given - ended */
	STAT_RETRY_IN,           /* records that began to wait for a retry */
	STAT_RETRY_OUT,          /* and that ended it */
	STAT_STARTS,             /* worker processes started */
	STAT_EXITS,              /* and ended */
	STAT_BLOCKED_INPUT_NS,   /* the reader waited for input */
	STAT_BLOCKED_OUTPUT_NS,  /* the writer waited for its reader */
	STAT_BLOCKED_WORKERS_NS, /* the reader waited for the workers */
	STAT_LAST_RECORD_US, /* calendar us of the last record read (its one writer: the reader) */
	STAT_FAILED,         /* REASON_COUNT of them from here on */
	STAT_COUNT = STAT_FAILED + REASON_COUNT
};

struct stat_shard {
	_Alignas(64) _Atomic uint64_t counter[STAT_COUNT];
	struct histogram latency; /* service time of an attempt */
	struct histogram queue;   /* wait in the channel */
};

/* All the shards.  (struct stat is taken: see stat(2).) */
struct stats;

/* A block of n shards in anonymous memory, all zero.  NULL with errno (EINVAL for none, ENOMEM). */
struct stats *stat_new(size_t shards);
void stat_free(struct stats *);

/* Shard i, from 0; lives as long as the block does. */
struct stat_shard *stat_shard(struct stats *, size_t i);

/* Adds n.  Only by the shard's thread. */
static inline void
stat_add(struct stat_shard *s, enum stat_counter c, uint64_t n)
{
	atomic_store_explicit(&s->counter[c],
	    atomic_load_explicit(&s->counter[c], memory_order_relaxed) + n, memory_order_relaxed);
}

/* For STAT_LAST_RECORD_US, which is no count. */
static inline void
stat_set(struct stat_shard *s, enum stat_counter c, uint64_t value)
{
	atomic_store_explicit(&s->counter[c], value, memory_order_relaxed);
}

/* The sum over all shards, by any thread at any time. */
uint64_t stat_get(const struct stats *, enum stat_counter);

/*
 * How many have begun and not ended, such as (STAT_QUEUED, STAT_TAKEN).  Never negative, also
 * where the shards are read in between two counts.
 */
uint64_t stat_gauge(const struct stats *, enum stat_counter begun, enum stat_counter ended);

/* Sum of the failed counters. */
uint64_t stat_failed(const struct stats *);

/* Makes it the sum of the shards' histograms. */
void stat_latency(const struct stats *, struct histogram *);
void stat_queue(const struct stats *, struct histogram *);

#endif
