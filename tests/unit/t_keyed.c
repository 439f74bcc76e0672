/*
 * Tests the lanes that a sorter and many workers share: a sorter puts records
 * of random keys, and workers take them, let some fail, and report the others
 * as over.  Each record must be over once, at the worker of its key, in the
 * order of its key.
 */

#include "pfanout/keyed.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/hash.h"
#include "sync/chan.h"
#include "sync/ctx.h"
#include "sync/park.h"
#include "t.h"
#include "t_random.h"

#define WORKERS 4
#define KEYS 23
#define RECORDS 20000
#define BULK 16

CHAN_OF(batch, struct batch)

struct run {
	struct keyed *keyed;
	bool hold;
	struct chan *failed; /* batches on their way back to the sorter */
	struct ctx *ctx;
	_Atomic unsigned over;
	uint64_t next[KEYS]; /* of the key's worker: which record is next */
	uint64_t puts[KEYS]; /* the sorter's */
};

struct worker {
	struct run *run;
	unsigned index;
	unsigned random;
	unsigned wrong; /* records out of order, or of other workers */
	bool in_ended, again_ended;
};

/* The n-th record of a key has the seq key + n * KEYS. */
static uint64_t
hash_of(uint64_t seq)
{
	uint64_t key = seq % KEYS;

	return hash_bytes(&key, sizeof(key));
}

/* Another attempt, or the end. */
static void
work_on(struct worker *w, struct record *r)
{
	struct run *run = w->run;
	struct batch b = {0};

	w->wrong += hash_jump(hash_of(r->seq), WORKERS) != w->index;
	w->wrong += r->seq / KEYS != run->next[r->seq % KEYS];
	w->random = w->random * 1103515245 + 12345;
	if (run->hold && (w->random >> 16) % 5 == 0) {
		w->wrong += batch_add(&b, r) == -1;
		w->wrong += batch_sendn(run->failed, run->ctx, &b, 1, NULL) != CHAN_OK;
		return;
	}
	run->next[r->seq % KEYS]++;
	keyed_over(keyed_box(run->keyed, w->index), r, 1);
	record_free(r);
	atomic_fetch_add(&run->over, 1);
}

static bool
work(struct worker *w)
{
	struct keyed_box *box = keyed_box(w->run->keyed, w->index);
	struct record r[BULK];
	struct batch b;
	bool due = keyed_take_due(box, &b, &w->again_ended);
	size_t n = keyed_take(box, r, BULK, &w->in_ended);

	if (due) {
		struct record again = queue_pop(&b.records);

		batch_free(&b);
		work_on(w, &again);
	}
	for (size_t i = 0; i < n; i++)
		work_on(w, &r[i]);
	return due || n > 0;
}

static void *
work_to_the_end(void *arg)
{
	struct worker *w = arg;
	struct keyed_box *box = keyed_box(w->run->keyed, w->index);
	struct waiter waiter = {0};
	struct parker parker;

	park_init(&parker);
	while (!w->in_ended || !w->again_ended) {
		if (work(w))
			continue;
		keyed_watch(box, &waiter, &parker);
		if (!work(w) && (!w->in_ended || !w->again_ended))
			park_wait(&parker, CLOCK_NEVER);
		keyed_unwatch(box, &waiter);
	}
	return NULL;
}

static void
put_record(struct run *run)
{
	/* Half of them have one key. */
	uint64_t key = next_random() % 2 == 0 ? 0 : next_random() % KEYS;
	struct record r;

	CHECK(record_copy(&r, "1", 1) == 0);
	r.seq = key + run->puts[key]++ * KEYS;
	CHECK(keyed_put(run->keyed, hash_of(r.seq), &r) == 0);
}

/* Puts those that are due.  False: there were none. */
static bool
put_due(struct run *run)
{
	struct batch b;
	size_t n = 0;

	if (batch_tryrecvn(run->failed, &b, 1, &n) == CHAN_OK)
		keyed_put_due(run->keyed, hash_of(queue_at(&b.records, 0)->seq), &b);
	return n > 0;
}

static void
sort_records(struct run *run)
{
	for (unsigned i = 0; i < RECORDS; i++) {
		put_record(run);
		while (put_due(run))
			continue;
	}
	keyed_end_input(run->keyed);
	while (atomic_load(&run->over) < RECORDS)
		if (!put_due(run))
			sched_yield();
	keyed_end_again(run->keyed);
}

static void
test_threads(bool hold)
{
	struct lanes_rules rules = {.hold = hold};
	struct run run = {.keyed = keyed_new(WORKERS, &rules),
	    .hold = hold,
	    .failed = batch_chan_new(RECORDS),
	    .ctx = ctx_new(NULL, CLOCK_NEVER)};
	struct worker worker[WORKERS];
	pthread_t thread[WORKERS];

	for (unsigned i = 0; i < WORKERS; i++) {
		worker[i] = (struct worker){.run = &run, .index = i, .random = i};
		CHECK(pthread_create(&thread[i], NULL, work_to_the_end, &worker[i]) == 0);
	}
	sort_records(&run);
	for (unsigned i = 0; i < WORKERS; i++) {
		pthread_join(thread[i], NULL);
		CHECK(worker[i].wrong == 0, "worker %u: %u", i, worker[i].wrong);
	}
	CHECK(run.over == RECORDS);
	for (unsigned key = 0; key < KEYS; key++)
		CHECK(run.next[key] == run.puts[key], "key %u", key);
	keyed_free(run.keyed);
	chan_free(run.failed);
	ctx_free(run.ctx);
}

/* What is left in the lanes is freed. */
static void
test_leftover(void)
{
	struct lanes_rules rules = {.hold = true};
	struct run run = {.keyed = keyed_new(WORKERS, &rules)};

	for (int i = 0; i < 200; i++)
		put_record(&run);
	keyed_free(run.keyed);
	keyed_free(NULL);
}

int
main(void)
{
	test_threads(true);
	test_threads(false);
	test_leftover();
	return t_end();
}
