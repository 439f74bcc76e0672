#include "stage/sink.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "record/reorder.h"
#include "record/writer.h"
#include "stage/acks.h"
#include "stage/drain.h"
#include "stage/marks.h"
#include "stage/pipeline.h"
#include "stage/stage.h"
#include "sync/chan.h"
#include "sync/ctx.h"
#include "sync/park.h"

CHAN_OF(record, struct record)

/* Its lock is held by the sink's thread but while this waits for records. */
struct sink_thread {
	pthread_mutex_t lock;
	struct chan *in; /* NULL: the thread does not run */
	struct chan_taker taker;
	struct drain drain;
};

/*
 * Waits for records until the deadline, or where there are others until a mark
 * may go: then there may be none.
 */
static enum chan_status
receive_or_mark(struct drain *d, struct chan *in, struct ctx *ctx, int64_t deadline, size_t *n)
{
	struct waiter records = {0}, cancel = {0};
	enum chan_status status;
	bool due = false, late = false;

	ctx_watch(ctx, &cancel, &d->parker);
	for (;;) {
		chan_watch_recv(in, &records, &d->parker);
		status = record_tryrecvn(in, d->batch, DRAIN_BATCH, n);
		if (status == CHAN_EMPTY && !late && !(due = marks_are_due(d->marks)) &&
		    ctx_state(ctx) == CTX_LIVE)
			late = !park_wait(&d->parker, deadline);
		chan_unwatch_recv(in, &records);
		if (status != CHAN_EMPTY || due || late || ctx_state(ctx) != CTX_LIVE)
			break;
	}
	ctx_unwatch(ctx, &cancel);
	if (status != CHAN_EMPTY)
		return status;
	*n = 0;
	return due ? CHAN_OK : late ? CHAN_TIMED_OUT : CHAN_CANCELLED;
}

/* Waits for records, and meanwhile leaves the sink to others. */
static enum chan_status
await(struct sink_thread *t, struct chan *in, struct ctx *ctx)
{
	enum chan_status status;

	pthread_mutex_unlock(&t->lock);
	status = chan_await(in, ctx);
	pthread_mutex_lock(&t->lock);
	return status;
}

/* As record_recvn(). */
static enum chan_status
receive_any(struct sink_thread *t, struct chan *in, struct ctx *ctx, size_t *n)
{
	enum chan_status status;

	do
		status = record_tryrecvn(in, t->drain.batch, DRAIN_BATCH, n);
	while (status == CHAN_EMPTY && (status = await(t, in, ctx)) == CHAN_OK);
	return status;
}

static enum chan_status
receive_until(struct sink_thread *t, struct chan *in, struct ctx *ctx, int64_t deadline, size_t *n)
{
	struct ctx *soon;
	enum chan_status status;

	if (t->drain.sink->others != NULL)
		return receive_or_mark(&t->drain, in, ctx, deadline, n);
	if (deadline == CLOCK_NEVER || (soon = ctx_new(ctx, deadline)) == NULL)
		return receive_any(t, in, ctx, n);
	status = receive_any(t, in, soon, n);
	ctx_free(soon);
	return status;
}

/*
 * Receives records, if no mark may go now.  What is owed an acknowledgement
 * gets it when none comes, or after a while.
 */
static enum chan_status
receive(struct sink_thread *t, struct chan *in, struct ctx *ctx, size_t *n)
{
	struct drain *d = &t->drain;
	int64_t pause = 0;
	enum chan_status status;

	while (acks_are_owed(d->acks)) {
		status = pause == 0 ? record_tryrecvn(in, d->batch, DRAIN_BATCH, n)
				    : receive_until(t, in, ctx, clock_after(clock_now(), pause), n);
		if (status == CHAN_OK && clock_now() < acks_due(d->acks))
			return status;
		if (drain_acknowledge(d, status == CHAN_TIMED_OUT && acks_may_wait(pause)) == -1) {
			if (status == CHAN_OK)
				record_freen(d->batch, *n);
			return CHAN_CANCELLED;
		}
		if (status != CHAN_EMPTY && status != CHAN_TIMED_OUT)
			return status;
		pause = acks_pause(pause);
	}
	return receive_until(t, in, ctx, CLOCK_NEVER, n);
}

/*
 * The last acknowledgements, unless work is cancelled: what they are for comes
 * again then.
 */
static void
finish_acks(struct drain *d)
{
	struct ctx *work = d->sink->stage->work;
	int64_t pause = 0;

	while (acks_are_owed(d->acks) && drain_acknowledge(d, true) == 0 &&
	    acks_are_owed(d->acks) && ctx_state(work) == CTX_LIVE &&
	    !acks_have_no_reader(d->acks)) {
		pause = acks_pause(pause);
		(void)ctx_poll(work, NULL, 0, clock_after(clock_now(), pause));
	}
}

static void
sink_run(void *state, struct ctx *ctx, struct chan *in, struct chan *out)
{
	struct sink_thread *t = state;
	struct drain *d = &t->drain;
	size_t n;

	(void)out;
	pthread_mutex_lock(&t->lock);
	t->in = in;
	/* What is checked here may become a letter, which takes its time. */
	if (d->sink->others == NULL && !d->sink->checks)
		chan_lend(in, &t->taker);
	while (!d->failed && receive(t, in, ctx, &n) == CHAN_OK)
		drain_take(d, n);
	if (!d->failed)
		finish_acks(d);
	t->in = NULL;
	pthread_mutex_unlock(&t->lock);
}

/*
 * Whether the record can be written here and now.  Those that were sent before
 * come first; and where there are marks, the sink's thread keeps their times.
 */
static bool
can_take(const struct sink_thread *t, const struct record *r)
{
	const struct drain *d = &t->drain;

	return t->in != NULL && !d->failed && !d->marked && chan_len(t->in) == 0 &&
	    (d->reorder == NULL || reorder_passes_alone(d->reorder, r)) &&
	    writer_claim(d->writer, r->len + 1);
}

/*
 * The channel's taker, in the thread that sends: to wake ours would take longer
 * than all that the stage does for one record.
 */
static bool
take_alone(void *arg, const void *item)
{
	struct sink_thread *t = arg;
	const struct record *r = item;
	bool takes;

	if ((r->kind != RECORD_DATA && r->kind != RECORD_RUN) ||
	    pthread_mutex_trylock(&t->lock) != 0)
		return false;
	if ((takes = can_take(t, r))) {
		t->drain.batch[0] = *r;
		drain_take(&t->drain, 1);
	}
	pthread_mutex_unlock(&t->lock);
	return takes;
}

static void
sink_close(void *state)
{
	struct sink_thread *t = state;

	drain_close(&t->drain);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static int
sink_open(struct processor *p, unsigned worker, void **state)
{
	struct sink_thread *t = calloc(1, sizeof(*t));

	(void)worker;
	if (t == NULL)
		return -1;
	pthread_mutex_init(&t->lock, NULL);
	t->taker = (struct chan_taker){take_alone, t};
	if (drain_open(&t->drain, p->arg) == -1) {
		sink_close(t);
		return -1;
	}
	*state = t;
	return 0;
}

struct processor
sink_processor(struct sink *sink)
{
	return (struct processor){.name = "sink",
	    .workers = 1,
	    .arg = sink,
	    .open = sink_open,
	    .run = sink_run,
	    .close = sink_close};
}
