#include "stage/retry.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "record/batch.h"
#include "stage/budget.h"
#include "stage/stage.h"
#include "sync/chan.h"
#include "sync/ctx.h"
#include "sync/park.h"
#include "sync/pool.h"
#include "sync/wait.h"

CHAN_OF(batch, struct batch)

#define CAPACITY 64 /* of the channel, in batches */

struct delayed {
	int64_t due;
	struct batch batch;
};

struct retry {
	struct stage *stage;
	struct metrics_shard *shard;
	struct chan *chan;
	struct pool *pool;
	pthread_mutex_t lock; /* guards the heap */
	size_t n, room;
	struct delayed *heap;    /* heap[0] is due first */
	struct waitlist changed; /* a batch was put, or the budget is done */
};

static void
sift_up(struct delayed *heap, size_t i)
{
	struct delayed moved = heap[i];

	for (; i > 0 && heap[(i - 1) / 2].due > moved.due; i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = moved;
}

static void
sift_down(struct delayed *heap, size_t n)
{
	struct delayed moved = heap[0];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < n) {
		if (child + 1 < n && heap[child + 1].due < heap[child].due)
			child++;
		if (heap[child].due >= moved.due)
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = moved;
}

/* With the lock held. */
static int
reserve_cell(struct retry *r)
{
	size_t room = r->room == 0 ? 64 : 2 * r->room;
	struct delayed *heap;

	if (r->n < r->room)
		return 0;
	if ((heap = reallocarray(r->heap, room, sizeof(*heap))) == NULL)
		return -1;
	r->heap = heap;
	r->room = room;
	return 0;
}

int
retry_put(struct retry *r, const struct batch *batch, int64_t due)
{
	int error;

	pthread_mutex_lock(&r->lock);
	if ((error = reserve_cell(r)) == 0) {
		for (size_t i = 0; i < batch->records.n; i++)
			record_detach(queue_at(&batch->records, i));
		r->heap[r->n] = (struct delayed){due, *batch};
		sift_up(r->heap, r->n++);
	}
	pthread_mutex_unlock(&r->lock);
	waitlist_wake(&r->changed, 1);
	return error;
}

/* When the next batch is due; CLOCK_NEVER if none waits. */
static int64_t
next_due(struct retry *r)
{
	bool all = stage_is_cancelled(r->stage);
	int64_t due;

	pthread_mutex_lock(&r->lock);
	due = r->n == 0 ? CLOCK_NEVER : all ? 0 : r->heap[0].due;
	pthread_mutex_unlock(&r->lock);
	return due;
}

/* The batch that is due first; there must be one. */
static struct batch
pop_batch(struct retry *r)
{
	struct batch batch;

	pthread_mutex_lock(&r->lock);
	batch = r->heap[0].batch;
	r->heap[0] = r->heap[--r->n];
	if (r->n > 0)
		sift_down(r->heap, r->n);
	pthread_mutex_unlock(&r->lock);
	return batch;
}

/* How the thread sleeps: until a time, or until it has to look again. */
struct sleep {
	struct retry *retry;
	int64_t until;
};

static bool
has_changed(const void *arg)
{
	const struct sleep *s = arg;

	return next_due(s->retry) < s->until || budget_is_done(s->retry->stage->budget);
}

/* Sleeps until a batch may be due.  False: none will be any more. */
static bool
wait_for_due(struct retry *r)
{
	struct stage *st = r->stage;
	struct sleep s = {r, next_due(r)};

	/*
	 * The end of work makes all batches due.  After that only the end of
	 * root counts.
	 */
	wait_for(
	    &r->changed, stage_is_cancelled(st) ? st->root : st->work, s.until, has_changed, &s);
	return !budget_is_done(st->budget) && ctx_state(st->root) == CTX_LIVE;
}

static void
retry_main(void *arg)
{
	struct retry *r = arg;

	while (wait_for_due(r)) {
		while (next_due(r) <= clock_now()) {
			struct batch batch = pop_batch(r);

			metrics_add(r->shard, METRIC_RETRY_OUT, batch.records.n);
			if (batch_sendn(r->chan, r->stage->root, &batch, 1, NULL) != CHAN_OK)
				batch_free(&batch);
		}
	}
	chan_close(r->chan);
}

struct retry *
retry_start(struct stage *st, struct metrics_shard *shard)
{
	struct retry *r = calloc(1, sizeof(*r));
	void *arg = r;

	if (r == NULL)
		return NULL;
	r->stage = st;
	r->shard = shard;
	pthread_mutex_init(&r->lock, NULL);
	waitlist_init(&r->changed);
	budget_watch_done(st->budget, &r->changed);
	if ((r->chan = batch_chan_new(CAPACITY)) != NULL &&
	    (r->pool = pool_start(1, retry_main, &arg, NULL, NULL)) != NULL)
		return r;
	retry_join(r);
	return NULL;
}

void
retry_join(struct retry *r)
{
	struct batch batch;
	size_t n;

	if (r == NULL)
		return;
	pool_join(r->pool);
	while (r->chan != NULL && batch_tryrecvn(r->chan, &batch, 1, &n) == CHAN_OK)
		batch_free(&batch);
	chan_free(r->chan);
	for (size_t i = 0; i < r->n; i++)
		batch_free(&r->heap[i].batch);
	free(r->heap);
	budget_watch_done(r->stage->budget, NULL);
	waitlist_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

struct chan *
retry_chan(struct retry *r)
{
	return r->chan;
}

int64_t
retry_backoff(int64_t first, int64_t most, uint32_t attempts)
{
	int64_t wait = first;

	if (wait > most)
		wait = most;
	while (--attempts > 0 && wait > 0 && wait < most)
		wait = wait > most / 2 ? most : 2 * wait;
	return wait - (int64_t)((double)(wait / 2) * (arc4random() / 4294967296.0));
}
