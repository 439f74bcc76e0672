#include "metrics/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "t.h"

#define THREADS 4
#define ROUNDS 20000

static const char *const reasons[] = {"invalid", "too_long", "rejected", "exit", "signal", "crash",
    "timeout", "bad_answer", "no_answer", "late", "no_key", "bad_argument", "over_rate",
    "unroutable", "cancelled", "exhausted"};

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
	struct metrics *s;

	errno = 0;
	CHECK(metrics_new(0) == NULL && errno == EINVAL, "%d", errno);
	errno = 0;
	CHECK(metrics_new(SIZE_MAX / 2) == NULL && errno == ENOMEM, "%d", errno);
	metrics_free(NULL);

	s = metrics_new(3);
	for (int c = 0; c < METRIC_COUNT; c++)
		CHECK(metrics_get(s, c) == 0, "%d", c);
	/* Two threads never write to one cache line. */
	for (size_t i = 0; i < 3; i++)
		CHECK((uintptr_t)metrics_shard(s, i) % 64 == 0, "shard %zu", i);
	CHECK(metrics_shard(s, 1) == metrics_shard(s, 0) + 1, "one block");
	metrics_free(s);
}

static void
test_sums(void)
{
	struct metrics *s = metrics_new(2);
	struct metrics_shard *a = metrics_shard(s, 0), *b = metrics_shard(s, 1);

	metrics_add(a, METRIC_RECEIVED, 5);
	metrics_add(b, METRIC_RECEIVED, 7);
	metrics_add(a, METRIC_RECEIVED, 1);
	metrics_add(b, METRIC_FAILED + REASON_INVALID, 1);
	metrics_add(a, METRIC_FAILED + REASON_TIMEOUT, 2);
	metrics_add(b, METRIC_FAILED + REASON_CANCELLED, 4);
	metrics_set(a, METRIC_LAST_RECORD_US, 99);
	metrics_set(a, METRIC_LAST_RECORD_US, 100);
	CHECK(metrics_get(s, METRIC_RECEIVED) == 13, "%" PRIu64, metrics_get(s, METRIC_RECEIVED));
	CHECK(metrics_get(s, METRIC_PROCESSED) == 0, "%" PRIu64, metrics_get(s, METRIC_PROCESSED));
	CHECK(metrics_get(s, METRIC_LAST_RECORD_US) == 100, "set, not added");
	CHECK(metrics_get(s, METRIC_FAILED + REASON_TIMEOUT) == 2, "one reason");
	CHECK(metrics_failed(s) == 7, "%" PRIu64, metrics_failed(s));
	metrics_free(s);
}

static void
test_gauge(void)
{
	struct metrics *s = metrics_new(2);

	metrics_add(metrics_shard(s, 0), METRIC_QUEUED, 9);
	metrics_add(metrics_shard(s, 1), METRIC_TAKEN, 4);
	CHECK(metrics_gauge(s, METRIC_QUEUED, METRIC_TAKEN) == 5, "9 - 4");
	metrics_add(metrics_shard(s, 1), METRIC_TAKEN, 6);
	CHECK(metrics_gauge(s, METRIC_QUEUED, METRIC_TAKEN) == 0, "9 - 10");
	metrics_free(s);
}

static void
test_histograms(void)
{
	struct metrics *s = metrics_new(2);
	struct histogram h;

	histogram_add(&metrics_shard(s, 0)->latency, 10, 1);
	histogram_add(&metrics_shard(s, 1)->latency, 20, 1);
	histogram_add(&metrics_shard(s, 1)->queue, 3000, 2);
	memset(&h, 0xff, sizeof(h));
	metrics_latency(s, &h);
	CHECK(histogram_count(&h) == 2 && h.sum == 30 && h.bucket[0] == 2, "latency");
	metrics_queue(s, &h);
	CHECK(histogram_count(&h) == 2 && h.sum == 6000 && h.bucket[2] == 2, "queue");
	metrics_free(s);
}

static void *
count(void *arg)
{
	struct metrics_shard *shard = arg;

	for (int i = 0; i < ROUNDS; i++) {
		metrics_add(shard, METRIC_GIVEN, 1);
		histogram_add(&shard->latency, i, 1);
		metrics_add(shard, METRIC_ENDED, 1);
	}
	return NULL;
}

/*
 * A reader sees possible numbers while others count; in the end none is
 * missing.
 */
static void
test_threads(void)
{
	struct metrics *s = metrics_new(THREADS);
	pthread_t thread[THREADS];
	struct histogram h;

	for (size_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, count, metrics_shard(s, i)) == 0, "%zu", i);
	for (int i = 0; i < 100; i++) {
		uint64_t before = metrics_get(s, METRIC_ENDED);

		CHECK(metrics_gauge(s, METRIC_GIVEN, METRIC_ENDED) <= THREADS * ROUNDS, "negative");
		metrics_latency(s, &h);
		CHECK(histogram_count(&h) <= THREADS * ROUNDS, "%" PRIu64, histogram_count(&h));
		CHECK(metrics_get(s, METRIC_ENDED) >= before, "%" PRIu64 " before", before);
	}
	for (size_t i = 0; i < THREADS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0, "%zu", i);
	metrics_latency(s, &h);
	CHECK(histogram_count(&h) == THREADS * ROUNDS, "%" PRIu64, histogram_count(&h));
	CHECK(metrics_get(s, METRIC_GIVEN) == THREADS * ROUNDS, "%" PRIu64,
	    metrics_get(s, METRIC_GIVEN));
	CHECK(metrics_gauge(s, METRIC_GIVEN, METRIC_ENDED) == 0, "all have ended");
	metrics_free(s);
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
