#include "stat.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "t.h"

#define THREADS 4
#define ROUNDS 20000

static const char *const reasons[] = {"invalid", "too_long", "rejected", "exit", "signal", "crash",
    "timeout", "bad_answer", "no_answer", "late", "no_key", "bad_argument", "over_rate",
    "unroutable", "cancelled"};

_Static_assert(sizeof(reasons) / sizeof(reasons[0]) == REASON_COUNT, "every reason is here");

static void
test_reasons(void)
{
	for (unsigned i = 0; i < REASON_COUNT; i++)
		CHECK(strcmp(reason_name(i), reasons[i]) == 0, "%u is %s", i, reason_name(i));
	CHECK(strcmp(reason_name(REASON_COUNT), "unknown") == 0, "%s", reason_name(REASON_COUNT));
}

static void
test_new(void)
{
	struct stats *s;

	errno = 0;
	CHECK(stat_new(0) == NULL && errno == EINVAL, "%d", errno);
	errno = 0;
	CHECK(stat_new(SIZE_MAX / 2) == NULL && errno == ENOMEM, "%d", errno);
	stat_free(NULL);

	s = stat_new(3);
	for (int c = 0; c < STAT_COUNT; c++)
		CHECK(stat_get(s, c) == 0, "%d", c);
	/* Two threads never write to one cache line. */
	for (size_t i = 0; i < 3; i++)
		CHECK((uintptr_t)stat_shard(s, i) % 64 == 0, "shard %zu", i);
	CHECK(stat_shard(s, 1) == stat_shard(s, 0) + 1, "one block");
	stat_free(s);
}

static void
test_sums(void)
{
	struct stats *s = stat_new(2);
	struct stat_shard *a = stat_shard(s, 0), *b = stat_shard(s, 1);

	stat_add(a, STAT_RECEIVED, 5);
	stat_add(b, STAT_RECEIVED, 7);
	stat_add(a, STAT_RECEIVED, 1);
	stat_add(b, STAT_FAILED + REASON_INVALID, 1);
	stat_add(a, STAT_FAILED + REASON_TIMEOUT, 2);
	stat_add(b, STAT_FAILED + REASON_CANCELLED, 4);
	stat_set(a, STAT_LAST_RECORD_US, 99);
	stat_set(a, STAT_LAST_RECORD_US, 100);
	CHECK(stat_get(s, STAT_RECEIVED) == 13, "%" PRIu64, stat_get(s, STAT_RECEIVED));
	CHECK(stat_get(s, STAT_PROCESSED) == 0, "%" PRIu64, stat_get(s, STAT_PROCESSED));
	CHECK(stat_get(s, STAT_LAST_RECORD_US) == 100, "set, not added");
	CHECK(stat_get(s, STAT_FAILED + REASON_TIMEOUT) == 2, "one reason");
	CHECK(stat_failed(s) == 7, "%" PRIu64, stat_failed(s));
	stat_free(s);
}

static void
test_gauge(void)
{
	struct stats *s = stat_new(2);

	stat_add(stat_shard(s, 0), STAT_QUEUED, 9);
	stat_add(stat_shard(s, 1), STAT_TAKEN, 4);
	CHECK(stat_gauge(s, STAT_QUEUED, STAT_TAKEN) == 5, "9 - 4");
	stat_add(stat_shard(s, 1), STAT_TAKEN, 6);
	CHECK(stat_gauge(s, STAT_QUEUED, STAT_TAKEN) == 0, "9 - 10");
	stat_free(s);
}

static void
test_histograms(void)
{
	struct stats *s = stat_new(2);
	struct histogram h;

	histogram_add(&stat_shard(s, 0)->latency, 10, 1);
	histogram_add(&stat_shard(s, 1)->latency, 20, 1);
	histogram_add(&stat_shard(s, 1)->queue, 3000, 2);
	memset(&h, 0xff, sizeof(h));
	stat_latency(s, &h);
	CHECK(histogram_count(&h) == 2 && h.sum == 30 && h.bucket[0] == 2, "latency");
	stat_queue(s, &h);
	CHECK(histogram_count(&h) == 2 && h.sum == 6000 && h.bucket[2] == 2, "queue");
	stat_free(s);
}

static void *
count(void *arg)
{
	struct stat_shard *shard = arg;

	for (int i = 0; i < ROUNDS; i++) {
		stat_add(shard, STAT_GIVEN, 1);
		histogram_add(&shard->latency, i, 1);
		stat_add(shard, STAT_ENDED, 1);
	}
	return NULL;
}

/* Whoever looks while others count sees possible numbers; in the end none is missing. */
static void
test_threads(void)
{
	struct stats *s = stat_new(THREADS);
	pthread_t thread[THREADS];
	struct histogram h;

	for (size_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, count, stat_shard(s, i)) == 0, "%zu", i);
	for (int i = 0; i < 100; i++) {
		uint64_t before = stat_get(s, STAT_ENDED);

		CHECK(stat_gauge(s, STAT_GIVEN, STAT_ENDED) <= THREADS * ROUNDS, "negative");
		stat_latency(s, &h);
		CHECK(histogram_count(&h) <= THREADS * ROUNDS, "%" PRIu64, histogram_count(&h));
		CHECK(stat_get(s, STAT_ENDED) >= before, "%" PRIu64 " before", before);
	}
	for (size_t i = 0; i < THREADS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0, "%zu", i);
	stat_latency(s, &h);
	CHECK(histogram_count(&h) == THREADS * ROUNDS, "%" PRIu64, histogram_count(&h));
	CHECK(stat_get(s, STAT_GIVEN) == THREADS * ROUNDS, "%" PRIu64, stat_get(s, STAT_GIVEN));
	CHECK(stat_gauge(s, STAT_GIVEN, STAT_ENDED) == 0, "all have ended");
	stat_free(s);
}

int
main(void)
{
	test_reasons();
	test_new();
	test_sums();
	test_gauge();
	test_histograms();
	test_threads();
	return t_end();
}
