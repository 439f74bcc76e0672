#include "stage/retry.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "record/batch.h"
#include "stage/budget.h"
#include "stage/stage.h"
#include "sync/chan.h"
#include "sync/ctx.h"
#include "t.h"
#include "t_setup.h"

CHAN_OF(batch, struct batch)

#define HOUR (3600 * CLOCK_S)
#define PUTTERS 4
#define PER_PUTTER 1000

/* Memory is short when this says so: the library's calls come here. */
static _Atomic bool no_memory;

void *
reallocarray(void *p, size_t n, size_t size)
{
	if (no_memory) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, n * size);
}

struct fixture {
	struct options opt;
	struct stage stage;
	struct retry *retry;
};

static void
begin(struct fixture *f)
{
	*f = (struct fixture){.opt = {.max_record = 1000}};
	t_setup(&f->stage, &f->opt, 1 << 20, 0);
	f->retry = retry_start(&f->stage, metrics_shard(f->stage.metrics, 0));
	CHECK(f->retry != NULL);
}

static void
end(struct fixture *f)
{
	retry_join(f->retry);
	stage_free(&f->stage);
}

static int
put_record(struct fixture *f, const struct record *r, int64_t due)
{
	struct batch b = {0};

	if (batch_add(&b, r) == -1)
		return -1;
	if (retry_put(f->retry, &b, due) == 0)
		return 0;
	(void)queue_pop(&b.records); /* it is still the caller's */
	batch_free(&b);
	return -1;
}

/* Reserves the record, as a source does, and gives it to the retry thread. */
static void
put(struct fixture *f, uint64_t seq, int64_t due)
{
	struct record r;

	CHECK(record_copy(&r, "text", 4) == 0);
	r.seq = seq;
	CHECK(budget_reserve(f->stage.budget, f->stage.root, 1, 4) == 0);
	CHECK(put_record(f, &r, due) == 0);
}

/* The next one that comes out; its seq. */
static uint64_t
get(struct fixture *f)
{
	struct record r;
	struct batch b;
	size_t n;

	if (CHECK(batch_recvn(retry_chan(f->retry), f->stage.root, &b, 1, &n) == CHAN_OK))
		return UINT64_MAX;
	CHECK(b.records.n == 1);
	r = *queue_at(&b.records, 0);
	CHECK(memcmp(r.data, "text\n", 5) == 0);
	batch_free(&b);
	budget_release(f->stage.budget, &(struct budget_release){.records = 1, .bytes = 4});
	return r.seq;
}

static void
check_closed(struct fixture *f)
{
	struct batch b;
	size_t n;

	CHECK(batch_recvn(retry_chan(f->retry), f->stage.root, &b, 1, &n) == CHAN_CLOSED);
}

/* Whatever order they are put in, they come out when they are due. */
static void
test_due(void)
{
	static const unsigned order[] = {3, 9, 1, 0, 7, 5, 2, 8, 6, 4};
	struct fixture f;
	int64_t now;

	begin(&f);
	now = clock_now();
	put(&f, 100, now + HOUR);
	for (size_t i = 0; i < 10; i++)
		put(&f, order[i], now + 10 * CLOCK_MS + order[i] * CLOCK_MS);
	for (unsigned i = 0; i < 10; i++) {
		CHECK(get(&f) == i);
		CHECK(clock_now() >= now + 10 * CLOCK_MS + i * CLOCK_MS, "%u came before its time",
		    i);
	}
	put(&f, 11, 0); /* overtakes the one that waits for an hour */
	CHECK(get(&f) == 11);
	CHECK(budget_held(f.stage.budget) == 1);
	CHECK(metrics_get(f.stage.metrics, METRIC_RETRY_OUT) == 11);
	ctx_cancel(f.stage.work);
	CHECK(get(&f) == 100, "cancelled work waits no more");
	put(&f, 12, clock_now() + HOUR);
	CHECK(get(&f) == 12, "nor does what comes later");
	budget_end_input(f.stage.budget);
	check_closed(&f);
	end(&f);
}

/* The channel is closed when nothing can come back, and not before. */
static void
test_end(void)
{
	struct batch b;
	struct fixture f;
	size_t n;

	begin(&f);
	put(&f, 1, 0);
	budget_end_input(f.stage.budget);
	CHECK(batch_recvn(retry_chan(f.retry), f.stage.root, &b, 1, &n) == CHAN_OK);
	CHECK(retry_put(f.retry, &b, 0) == 0, "it has failed again");
	CHECK(get(&f) == 1);
	check_closed(&f);
	end(&f);

	begin(&f);
	budget_end_input(f.stage.budget);
	check_closed(&f);
	end(&f);
	retry_join(NULL);
}

/*
 * More than the channel holds, and nobody takes them: the end of the root
 * context frees all of it.
 */
static void
test_root_cancelled(void)
{
	struct fixture f;

	begin(&f);
	for (uint64_t i = 0; i < 500; i++)
		put(&f, i, i % 2 ? 0 : clock_now() + HOUR);
	ctx_cancel(f.stage.root);
	retry_join(f.retry);
	stage_free(&f.stage);

	begin(&f);
	ctx_cancel(f.stage.root);
	put(&f, 1, 0);
	end(&f);
}

struct putter {
	struct fixture *fixture;
	uint64_t first;
	unsigned wrong;
	pthread_t thread;
};

static void *
putter_main(void *arg)
{
	struct putter *p = arg;

	for (uint64_t i = 0; i < PER_PUTTER; i++) {
		struct record r;

		p->wrong += record_copy(&r, "text", 4) != 0;
		r.seq = p->first + i;
		p->wrong += put_record(p->fixture, &r,
				clock_now() + (int64_t)(i * 7919 % 100) * CLOCK_US) != 0;
	}
	return NULL;
}

static void
test_many(void)
{
	static unsigned char seen[PUTTERS * PER_PUTTER];
	struct putter p[PUTTERS];
	struct fixture f;
	size_t wrong = 0;

	begin(&f);
	CHECK(budget_reserve(f.stage.budget, f.stage.root, sizeof(seen), 4 * sizeof(seen)) == 0);
	budget_end_input(f.stage.budget);
	for (size_t i = 0; i < PUTTERS; i++) {
		p[i] = (struct putter){.fixture = &f, .first = i * PER_PUTTER};
		CHECK(pthread_create(&p[i].thread, NULL, putter_main, &p[i]) == 0);
	}
	for (size_t i = 0; i < sizeof(seen); i++)
		wrong += seen[get(&f)]++ != 0;
	CHECK(wrong == 0);
	for (size_t i = 0; i < PUTTERS; i++)
		CHECK(pthread_join(p[i].thread, NULL) == 0 && p[i].wrong == 0);
	check_closed(&f);
	end(&f);
}

/* What could not be put is still the caller's, bytes and all. */
static void
test_no_memory(void)
{
	struct slab *slab = slab_new(SLAB_SIZE, 2);
	struct record r;
	struct fixture f;
	int error;

	begin(&f);
	memcpy(slab->data, "text\n", 5);
	r = (struct record){.data = slab->data, .len = 4, .slab = slab};
	no_memory = true;
	error = put_record(&f, &r, 0);
	no_memory = false;
	CHECK(error == -1);
	CHECK(slab->refs == 2, "the caller's reference was given up: %zu left", (size_t)slab->refs);
	if (slab->refs == 2)
		record_free(&r);
	slab_release(slab, 1);
	budget_end_input(f.stage.budget);
	end(&f);
}

/* What waits must not keep the block it was read with. */
static void
test_detached(void)
{
	struct slab *slab = slab_new(SLAB_SIZE, 2);
	struct fixture f;
	struct record r;

	begin(&f);
	memcpy(slab->data, "text\n", 5);
	r = (struct record){.data = slab->data, .len = 4, .slab = slab};
	CHECK(budget_reserve(f.stage.budget, f.stage.root, 1, 4) == 0);
	CHECK(put_record(&f, &r, 0) == 0);
	CHECK(slab->refs == 1);
	CHECK(get(&f) == 0);
	slab_release(slab, 1);
	budget_end_input(f.stage.budget);
	end(&f);
}

/* Records that are tried together stay together, with their number. */
static void
test_batch(void)
{
	struct batch b = {.number = 7}, got;
	struct fixture f;
	struct record r;
	size_t n;

	begin(&f);
	for (uint64_t i = 0; i < 100; i++) {
		CHECK(record_copy(&r, "text", 4) == 0);
		r.seq = i;
		CHECK(batch_add(&b, &r) == 0);
	}
	CHECK(budget_reserve(f.stage.budget, f.stage.root, 100, 400) == 0);
	CHECK(retry_put(f.retry, &b, clock_now() + HOUR) == 0);
	put(&f, 200, 0);
	CHECK(get(&f) == 200, "it overtakes them");
	ctx_cancel(f.stage.work);
	CHECK(batch_recvn(retry_chan(f.retry), f.stage.root, &got, 1, &n) == CHAN_OK);
	CHECK(got.records.n == 100 && got.number == 7);
	CHECK(metrics_get(f.stage.metrics, METRIC_RETRY_OUT) == 101);
	for (uint64_t i = 0; i < got.records.n; i++)
		CHECK(queue_at(&got.records, i)->seq == i);
	batch_free(&got);
	budget_release(f.stage.budget, &(struct budget_release){.records = 100, .bytes = 400});
	budget_end_input(f.stage.budget);
	check_closed(&f);
	end(&f);
}

static void
test_backoff(void)
{
	static const struct {
		int64_t first, most;
		uint32_t attempts;
		int64_t want; /* without the random part */
	} table[] = {
	    {100, 1000, 1, 100}, {100, 1000, 2, 200}, {100, 1000, 4, 800}, {100, 1000, 5, 1000},
	    {100, 1000, 1000000, 1000}, {0, 0, 3, 0}, {1, 1, 3, 1}, {2000, 1000, 1, 1000},
	    {100 * CLOCK_MS, 30 * CLOCK_S, 1, 100 * CLOCK_MS},
	    {100 * CLOCK_MS, 30 * CLOCK_S, 5, 1600 * CLOCK_MS},
	    {100 * CLOCK_MS, 30 * CLOCK_S, 9, 25600 * CLOCK_MS},
	    {100 * CLOCK_MS, 30 * CLOCK_S, 20, 30 * CLOCK_S}, {HOUR, 24 * HOUR, 2, 2 * HOUR},
	    {CLOCK_S, INT64_MAX, 100, INT64_MAX}, /* no overflow on the way */
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int64_t want = table[i].want, least = INT64_MAX, greatest = -1;

		for (int n = 0; n < 300; n++) {
			int64_t got =
			    retry_backoff(table[i].first, table[i].most, table[i].attempts);

			least = got < least ? got : least;
			greatest = got > greatest ? got : greatest;
		}
		CHECK(least >= want - want / 2 && greatest <= want, "row %zu: %jd to %jd", i,
		    (intmax_t)least, (intmax_t)greatest);
		/* 300 draws that all miss a tenth of the range: 1 in 10^13 */
		CHECK(want < 1000 || least <= want / 2 + want / 20,
		    "row %zu: never less than %jd of %jd", i, (intmax_t)least, (intmax_t)want);
		CHECK(want < 1000 || greatest >= want - want / 20, "row %zu", i);
	}
}

int
main(void)
{
	alarm(60);
	test_due();
	test_end();
	test_root_cancelled();
	test_many();
	test_detached();
	test_batch();
	test_backoff();
	test_no_memory();
	return t_end();
}
