#include "stage/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct metrics {
	size_t n;
	struct metrics_shard *shard;
};

struct metrics *
metrics_new(size_t shards)
{
	struct metrics *s;
	size_t size;

	if (shards == 0) {
		errno = EINVAL;
		return NULL;
	}
	if (__builtin_mul_overflow(shards, sizeof(*s->shard), &size)) {
		errno = ENOMEM;
		return NULL;
	}
	if ((s = malloc(sizeof(*s))) == NULL)
		return NULL;
	if ((s->shard = aligned_alloc(_Alignof(struct metrics_shard), size)) == NULL) {
		free(s);
		return NULL;
	}
	memset(s->shard, 0, size);
	s->n = shards;
	return s;
}

void
metrics_free(struct metrics *s)
{
	if (s == NULL)
		return;
	free(s->shard);
	free(s);
}

struct metrics_shard *
metrics_shard(struct metrics *s, size_t i)
{
	return &s->shard[i];
}

uint64_t
metrics_get(const struct metrics *s, enum metric c)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s->n; i++)
		sum += atomic_load_explicit(&s->shard[i].counter[c], memory_order_relaxed);
	return sum;
}

uint64_t
metrics_gauge(const struct metrics *s, enum metric begun, enum metric ended)
{
	/* In this order, so that one which begins and ends meanwhile doesn't count as ended only. */
	uint64_t out = metrics_get(s, ended);
	uint64_t in = metrics_get(s, begun);

	return in > out ? in - out : 0;
}

uint64_t
metrics_failed(const struct metrics *s)
{
	uint64_t sum = 0;

	for (unsigned reason = 0; reason < REASON_COUNT; reason++)
		sum += metrics_get(s, METRIC_FAILED + reason);
	return sum;
}

void
metrics_latency(const struct metrics *s, struct histogram *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (size_t i = 0; i < s->n; i++)
		histogram_merge(sum, &s->shard[i].latency);
}

void
metrics_queue(const struct metrics *s, struct histogram *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (size_t i = 0; i < s->n; i++)
		histogram_merge(sum, &s->shard[i].queue);
}
