#include "stage/source.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "record/record.h"
#include "stage/budget.h"
#include "stage/feed.h"
#include "stage/inputs.h"
#include "stage/lines.h"
#include "stage/pipeline.h"
#include "stage/stage.h"
#include "sync/chan.h"

CHAN_OF(record, struct record)

/* Records go on as they arrive. */
static void
read_as_they_arrive(struct source *src, struct feed *f)
{
	struct inputs *inputs = src->stage->inputs;
	struct input *in;

	while ((in = feed_next(f, src->stage->root, CLOCK_NEVER)) != NULL) {
		feed_read(f, in);
		feed_pass_on(f, in);
		if (!in->ended)
			inputs_arm(inputs, in);
		else
			inputs_drop(inputs, in);
	}
}

/*
 * The stage has ended before the inputs: what was read of pipes is lost to
 * them, and is counted, and ends unwritten.
 */
static void
end_inputs(struct source *src, struct feed *f)
{
	struct input *in;

	for (in = inputs_first(src->stage->inputs); in != NULL; in = inputs_after(in)) {
		if (in->ended)
			continue;
		feed_stop(f, in);
		if (in->kind == INPUT_PIPE)
			feed_pass_on(f, in);
	}
}

bool
source_mark(struct source *src, struct record *mark)
{
	struct stage *st = src->stage;

	mark->kind = RECORD_MARK;
	mark->seq = src->seq++;
	atomic_fetch_add(&st->marks, 1);
	stage_lead(st, mark);
	if (record_sendn(src->out, st->root, mark, 1, NULL) == CHAN_OK)
		return true;
	record_free(mark);
	return false;
}

bool
source_try(struct source *src, void (*mark)(void *), void *arg)
{
	bool can;

	if (pthread_mutex_trylock(&src->lock) != 0)
		return false;
	/* Nobody else sends meanwhile. */
	can = src->out != NULL && chan_len(src->out) < chan_capacity(src->out);
	if (can)
		mark(arg);
	pthread_mutex_unlock(&src->lock);
	return can;
}

/* The marks know of the channel, before a record is sent. */
static void
begin_marks(struct source *src, struct chan *out)
{
	pthread_mutex_lock(&src->lock);
	if (src->out == NULL) {
		src->out = out;
		if (src->marks != NULL)
			src->marks->first(src->marks->arg);
	}
	pthread_mutex_unlock(&src->lock);
}

static void
end_marks(struct source *src)
{
	pthread_mutex_lock(&src->lock);
	if (src->marks != NULL)
		src->marks->last(src->marks->arg);
	src->out = NULL;
	pthread_mutex_unlock(&src->lock);
}

/* Whether no other thread reads any more. */
static bool
is_last(struct source *src)
{
	bool last;

	pthread_mutex_lock(&src->lock);
	last = --src->reading == 0;
	pthread_mutex_unlock(&src->lock);
	return last;
}

static void
source_run(void *state, struct ctx *ctx, struct chan *in, struct chan *out)
{
	struct feed *f = state;
	struct source *src = feed_source(f);

	(void)ctx;
	(void)in;
	begin_marks(src, out);
	if (src->order != NULL)
		src->order(f, src->order_arg);
	else
		read_as_they_arrive(src, f);
	feed_send(f);
	if (!is_last(src))
		return;
	end_inputs(src, f);
	end_marks(src);
	budget_end_input(src->stage->budget);
}

/* Once, before the threads: the inputs, and which of them are wanted. */
static int
begin_reading(struct source *src)
{
	struct reader_limits limits = lines_limits(src);
	struct metrics_shard *first = metrics_shard(src->stage->metrics, src->shard);
	struct input *in;

	if (inputs_begin(src->stage->inputs, &limits, src->stage->files, src->stage->input) == -1)
		return -1;
	inputs_measure(src->stage->inputs, &first->time[TIME_INPUT], src->reading);
	if (src->order != NULL)
		return 0;
	for (in = inputs_first(src->stage->inputs); in != NULL; in = inputs_after(in))
		inputs_arm(src->stage->inputs, in);
	return 0;
}

static int
source_open(struct processor *p, unsigned worker, void **state)
{
	struct source *src = p->arg;
	struct feed *f = feed_new(src, worker);

	if (f == NULL)
		return -1;
	if (worker == 0 && begin_reading(src) == -1) {
		feed_free(f);
		return -1;
	}
	*state = f;
	return 0;
}

static void
source_close(void *state)
{
	feed_free(state);
}

/* One where an order is kept; else up to SOURCE_READERS. */
static unsigned
count_readers(const struct source *src)
{
	size_t n = inputs_count(src->stage->inputs);

	if (src->order != NULL)
		return 1;
	if (inputs_may_grow(src->stage->inputs))
		return SOURCE_READERS;
	return n < SOURCE_READERS ? (unsigned)n : SOURCE_READERS;
}

struct processor
source_processor(struct source *src)
{
	pthread_mutex_init(&src->lock, NULL);
	src->reading = count_readers(src);
	return (struct processor){.name = "source",
	    .workers = src->reading,
	    .arg = src,
	    .open = source_open,
	    .run = source_run,
	    .close = source_close};
}
