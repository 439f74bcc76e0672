#include "metrics/metrics.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct metrics *
metrics_new(size_t shards)
{
	struct metrics *m;
	size_t size;

	if (shards == 0) {
		errno = EINVAL;
		return NULL;
	}
	if (__builtin_mul_overflow(shards, sizeof(*m->shard), &size)) {
		errno = ENOMEM;
		return NULL;
	}
	if ((m = malloc(sizeof(*m))) == NULL)
		return NULL;
	if ((m->shard = aligned_alloc(_Alignof(struct metrics_shard), size)) == NULL) {
		free(m);
		return NULL;
	}
	memset(m->shard, 0, size);
	m->n = shards;
	return m;
}

void
metrics_free(struct metrics *m)
{
	if (m == NULL)
		return;
	free(m->shard);
	free(m);
}

struct metrics_shard *
metrics_shard(struct metrics *m, size_t i)
{
	return &m->shard[i];
}

static bool
is_moment(enum metric c)
{
	return c == METRIC_LAST_RECORD_US || c == METRIC_LAST_RESULT_US;
}

static uint64_t
merge(enum metric c, uint64_t a, uint64_t b)
{
	if (!is_moment(c))
		return a + b;
	return a > b ? a : b;
}

uint64_t
metrics_get(const struct metrics *m, enum metric c)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < m->n; i++)
		sum = merge(
		    c, sum, atomic_load_explicit(&m->shard[i].counter[c], memory_order_acquire));
	return sum;
}

uint64_t
metrics_time(const struct metrics *m, enum metric_time t, int64_t now)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < m->n; i++)
		sum += (uint64_t)stopwatch_read(&m->shard[i].time[t], now);
	return sum;
}

uint64_t
metrics_gauge(const struct metrics *m, enum metric begun, enum metric ended)
{
	/*
	 * In this order: what begins and ends meanwhile must not count as ended
	 * only.
	 */
	uint64_t out = metrics_get(m, ended);
	uint64_t in = metrics_get(m, begun);

	return in > out ? in - out : 0;
}

uint64_t
metrics_failed(const struct metrics *m)
{
	uint64_t sum = 0;

	for (unsigned reason = 0; reason < REASON_COUNT; reason++)
		sum += metrics_get(m, METRIC_FAILED + reason);
	return sum;
}

uint64_t
metrics_held(const struct metrics *m)
{
	/* In this order, as above. */
	uint64_t ended = metrics_get(m, METRIC_PROCESSED) + metrics_get(m, METRIC_FILTERED) +
	    metrics_failed(m) + metrics_get(m, METRIC_UNWRITTEN);
	uint64_t received = metrics_get(m, METRIC_RECEIVED);

	return received > ended ? received - ended : 0;
}

void
metrics_latency(const struct metrics *m, struct histogram *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (size_t i = 0; i < m->n; i++)
		histogram_merge(sum, &m->shard[i].latency);
}

void
metrics_queue(const struct metrics *m, struct histogram *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (size_t i = 0; i < m->n; i++)
		histogram_merge(sum, &m->shard[i].queue);
}

void
metrics_sum(const struct metrics *m, int64_t now, struct metrics_shard *sum)
{
	for (int c = METRIC_COUNT - 1; c >= 0; c--)
		metrics_set(sum, c,
		    merge(c, atomic_load_explicit(&sum->counter[c], memory_order_relaxed),
			metrics_get(m, c)));
	for (int t = 0; t < TIME_COUNT; t++)
		stopwatch_add(&sum->time[t], (int64_t)metrics_time(m, t, now));
	for (size_t i = 0; i < m->n; i++) {
		histogram_merge(&sum->latency, &m->shard[i].latency);
		histogram_merge(&sum->queue, &m->shard[i].queue);
		for (int c = 0; c < ENGINE_COUNTERS; c++)
			metrics_add_engine(sum, c,
			    atomic_load_explicit(&m->shard[i].engine[c], memory_order_relaxed));
	}
}
