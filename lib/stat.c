#include "stat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct stats {
	size_t n;
	struct stat_shard *shard;
};

struct stats *
stat_new(size_t shards)
{
	struct stats *s;
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
	if ((s->shard = aligned_alloc(_Alignof(struct stat_shard), size)) == NULL) {
		free(s);
		return NULL;
	}
	memset(s->shard, 0, size);
	s->n = shards;
	return s;
}

void
stat_free(struct stats *s)
{
	if (s == NULL)
		return;
	free(s->shard);
	free(s);
}

struct stat_shard *
stat_shard(struct stats *s, size_t i)
{
	return &s->shard[i];
}

uint64_t
stat_get(const struct stats *s, enum stat_counter c)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s->n; i++)
		sum += atomic_load_explicit(&s->shard[i].counter[c], memory_order_relaxed);
	return sum;
}

uint64_t
stat_gauge(const struct stats *s, enum stat_counter begun, enum stat_counter ended)
{
	/* In this order, so that one which begins and ends meanwhile doesn't count as ended only. */
	uint64_t out = stat_get(s, ended);
	uint64_t in = stat_get(s, begun);

	return in > out ? in - out : 0;
}

uint64_t
stat_failed(const struct stats *s)
{
	uint64_t sum = 0;

	for (unsigned reason = 0; reason < REASON_COUNT; reason++)
		sum += stat_get(s, STAT_FAILED + reason);
	return sum;
}

void
stat_latency(const struct stats *s, struct histogram *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (size_t i = 0; i < s->n; i++)
		histogram_merge(sum, &s->shard[i].latency);
}

void
stat_queue(const struct stats *s, struct histogram *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (size_t i = 0; i < s->n; i++)
		histogram_merge(sum, &s->shard[i].queue);
}
