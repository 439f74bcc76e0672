#include "sorter.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "json/key.h"
#include "keyed.h"
#include "outbox.h"
#include "pfanout.h"
#include "stage/retry.h"
#include "sync/chan.h"
#include "sync/ctx.h"
#include "sync/park.h"

CHAN_OF(record, struct record)
CHAN_OF(batch, struct batch)

#define BATCH 256

struct sorter {
	struct pfanout *pf;
	struct metrics_shard *shard;
	struct outbox out;
	struct chan *in, *again;
	bool in_ended, again_ended; /* closed and drained */
};

/* A thread of the processor. */
struct thread {
	struct processor *workers;
	void *state;           /* of the worker */
	struct sorter *sorter; /* NULL: it is a worker */
};

/* False: the record has none. */
static bool
find_key(const struct sorter *s, const struct record *r, uint64_t *hash)
{
	struct json_key key;

	if (json_key_find(&key, s->pf->key, r->data, r->len) == -1)
		return false;
	*hash = json_key_hash(&key);
	json_key_forget(&key);
	return true;
}

/* No worker has the record. */
static void
send_by(struct sorter *s, struct record *r)
{
	metrics_add(s->shard, METRIC_TAKEN, 1);
	outbox_put(&s->out, r);
}

static void
sort_record(struct sorter *s, struct record *r)
{
	struct failure f = {.reason = REASON_NO_KEY, .message = "no value at the --key path"};
	struct stage *st = &s->pf->stage;
	uint64_t key;

	if (r->kind != RECORD_DATA || !stage_check(st, r)) {
		send_by(s, r);
	} else if (!find_key(s, r, &key)) {
		stage_bury(st, r, &f);
		send_by(s, r);
	} else if (keyed_put(s->pf->keyed, key, r) == -1) {
		stage_abort(st, 2, "out of memory");
		stage_bury_cancelled(st, r);
		send_by(s, r);
	}
}

/* Its key has been found before. */
static void
sort_due(struct sorter *s, struct batch *b)
{
	uint64_t key;

	if (find_key(s, queue_at(&b->records, 0), &key)) {
		keyed_put_due(s->pf->keyed, key, b);
		return;
	}
	stage_give_up(&s->pf->stage, 2, "out of memory");
	batch_free(b);
}

static bool
sort_due_records(struct sorter *s)
{
	struct batch b;
	size_t n = 0;

	if (s->again_ended)
		return false;
	if (batch_tryrecvn(s->again, &b, 1, &n) == CHAN_CLOSED) {
		s->again_ended = true;
		keyed_end_again(s->pf->keyed);
	}
	if (n > 0)
		sort_due(s, &b);
	return n > 0;
}

static bool
sort_new_records(struct sorter *s)
{
	struct record r[BATCH];
	size_t n = 0;

	if (s->in_ended)
		return false;
	if (record_tryrecvn(s->in, r, BATCH, &n) == CHAN_CLOSED) {
		s->in_ended = true;
		keyed_end_input(s->pf->keyed);
	}
	for (size_t i = 0; i < n; i++)
		sort_record(s, &r[i]);
	outbox_flush(&s->out);
	return n > 0;
}

/* Sorts what is there.  False: nothing was. */
static bool
sort_some(struct sorter *s)
{
	bool due = sort_due_records(s);

	return sort_new_records(s) || due;
}

/* Whether nothing will come any more. */
static bool
is_over(const struct sorter *s)
{
	return (s->in_ended && s->again_ended) || ctx_state(s->pf->stage.root) != CTX_LIVE;
}

/* Sorts what comes next. */
static void
wait_and_sort(struct sorter *s)
{
	struct ctx *root = s->pf->stage.root;
	struct waiter on_in = {0}, on_again = {0}, on_end = {0};
	struct parker parker;

	park_init(&parker);
	ctx_watch(root, &on_end, &parker);
	chan_watch_recv(s->in, &on_in, &parker);
	chan_watch_recv(s->again, &on_again, &parker);
	if (!sort_some(s) && !is_over(s))
		park_wait(&parker, ctx_deadline(root));
	chan_unwatch_recv(s->again, &on_again);
	chan_unwatch_recv(s->in, &on_in);
	ctx_unwatch(root, &on_end);
}

static void
run_sorter(struct sorter *s, struct chan *in, struct chan *out)
{
	outbox_init(&s->out, out, &s->pf->stage);
	s->in = in;
	s->again = retry_chan(s->pf->retry);
	while (!is_over(s))
		if (!sort_some(s))
			wait_and_sort(s);
}

static struct sorter *
new_sorter(struct pfanout *pf)
{
	struct sorter *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->pf = pf;
	s->shard = metrics_shard(pf->stage.metrics, SHARD_WORKERS + pf->jobs);
	return s;
}

static int
open_thread(struct processor *p, unsigned index, void **state)
{
	struct sorting *sorting = p->arg;
	struct processor *workers = &sorting->workers;
	struct thread *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -1;
	t->workers = workers;
	if (index < workers->workers) {
		if (workers->open(workers, index, &t->state) == -1)
			goto err;
	} else if ((t->sorter = new_sorter(sorting->pf)) == NULL)
		goto err;
	*state = t;
	return 0;
err:
	free(t);
	return -1;
}

static void
run_thread(void *state, struct ctx *ctx, struct chan *in, struct chan *out)
{
	struct thread *t = state;

	if (t->sorter != NULL)
		run_sorter(t->sorter, in, out);
	else
		t->workers->run(t->state, ctx, in, out);
}

static void
close_thread(void *state)
{
	struct thread *t = state;

	if (t->sorter == NULL)
		t->workers->close(t->state);
	free(t->sorter);
	free(t);
}

struct processor
sorter_processor(struct sorting *s)
{
	return (struct processor){.name = s->workers.name,
	    .workers = s->workers.workers + 1,
	    .arg = s,
	    .open = open_thread,
	    .run = run_thread,
	    .close = close_thread};
}
