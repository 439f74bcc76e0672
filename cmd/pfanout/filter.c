/*
 * Filter mode: a stream filter per worker.  Whole lines in, whole lines out,
 * and nobody knows which came of which.  A record is done when the filter has
 * been given it.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "filter_worker.h"
#include "pfanout.h"
#include "record/reader.h"
#include "stage/budget.h"
#include "stage/pipeline.h"
#include "stage/traced.h"
#include "stage/tracing.h"

#define BATCH 256

/* The first n records are the filter's, and off our books. */
static void
settle_written(struct filter_worker *f, size_t n)
{
	struct stage *st = f->w.stage;
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++) {
		struct record r = inflight_pop(&f->taken);

		bytes += r.reserved;
		traced_end(st, &r, SPAN_OK);
		record_free(&r);
	}
	f->given += n;
	metrics_add(f->w.shard, METRIC_GIVEN, n);
	metrics_add(f->w.shard, METRIC_ENDED, n);
	metrics_add(f->w.shard, METRIC_PROCESSED, n);
	metrics_set(f->w.shard, METRIC_LAST_RESULT_US, (uint64_t)clock_calendar());
	budget_release(st->budget,
	    &(struct budget_release){
		.records = n, .bytes = bytes, .begun = n, .begun_bytes = bytes});
}

/* Keeps the record if it is for the filter. */
static void
accept_record(struct filter_worker *f, struct record *r)
{
	if (r->kind == RECORD_DATA && stage_is_cancelled(f->w.stage))
		stage_bury_cancelled(f->w.stage, r);
	else if (r->kind == RECORD_DATA && stage_check(f->w.stage, r)) {
		if (inflight_push(&f->taken, r) == 0)
			return;
		stage_abort(f->w.stage, 2, "worker %u: out of memory", f->w.slot);
		stage_bury_cancelled(f->w.stage, r);
	}
	outbox_put(&f->w.out, r);
}

static void
take_records(struct filter_worker *f)
{
	struct record batch[BATCH];
	size_t n;

	while (!filter_has_unwritten(f) &&
	    (n = intake_take(&f->w.intake, batch, BATCH, UINT64_MAX)) > 0) {
		for (size_t i = 0; i < n; i++)
			accept_record(f, &batch[i]);
		(void)inflight_give(&f->taken, SIZE_MAX, SIZE_MAX, clock_now());
		outbox_flush(&f->w.out);
	}
}

/* Writes what the filter takes at once.  False: it reads no more. */
static bool
write_taken(struct filter_worker *f)
{
	size_t whole;
	bool reads = worker_write(&f->w, &f->taken, &whole);

	if (whole > 0)
		settle_written(f, whole);
	return reads;
}

/* Takes and writes until the channel is empty or the pipe is full. */
static void
feed_child(struct filter_worker *f)
{
	bool fed;

	do {
		take_records(f);
		fed = filter_has_unwritten(f);
		if (fed && f->left)
			filter_abort(f, "left before the end of its input");
		if (f->w.child.in == -1)
			return;
		if (!write_taken(f)) {
			/* It should exit now, and say how it fared. */
			filter_close_in(f);
			f->closed = clock_now();
			return;
		}
	} while (fed && !filter_has_unwritten(f));
	if (!filter_has_unwritten(f) && f->w.intake.in_ended)
		filter_close_in(f);
}

static bool
has_ended(const struct filter_worker *f)
{
	return f->w.intake.in_ended && f->w.child.pid == 0 && !filter_has_unwritten(f);
}

/* When a filter that reads no more is given up: unless it has exited. */
static int64_t
give_up_at(const struct filter_worker *f)
{
	return f->w.child.exited ? CLOCK_NEVER : clock_after(f->closed, EXIT_PATIENCE);
}

static void
handle_events(struct filter_worker *f, unsigned events)
{
	if ((events & EVENT_OUT) != 0)
		(void)filter_read_lines(f);
	if ((events & EVENT_EXIT) != 0)
		filter_handle_exit(f);
	else if (clock_now() >= give_up_at(f))
		filter_abort(f, "closed its stdin before the end of its input");
}

static void
run_filter_worker(void *state, struct ctx *ctx, struct chan *in, struct chan *out)
{
	struct filter_worker *f = state;
	bool live;
	unsigned events;

	(void)ctx;
	live = worker_begin(&f->w, in, out);
	while (live) {
		feed_child(f);
		if (!filter_has_unwritten(f) && !f->w.intake.in_ended) {
			intake_watch(&f->w.intake, UINT64_MAX);
			feed_child(f);
		}
		if (has_ended(f))
			break;
		live = worker_poll(&f->w, filter_has_unwritten(f) ? POLLOUT : IGNORE_IN,
		    !f->out_ended, give_up_at(f), &events);
		if (f->closed != CLOCK_NEVER)
			f->closed += f->w.overslept;
		if (live)
			handle_events(f, events);
	}
	if (!live) {
		filter_cancel(f);
		worker_drain(&f->w);
	}
	worker_end(&f->w);
}

static void
close_filter_worker(void *state)
{
	struct filter_worker *f = state;

	filter_close(f);
	reader_free(f->lines);
	inflight_free(&f->taken);
	free(f);
}

static int
open_filter_worker(struct processor *p, unsigned index, void **state)
{
	struct pfanout *pf = p->arg;
	struct reader_limits limits = {.max = pf->opt.max_record};
	struct filter_worker *f = calloc(1, sizeof(*f));
	int saved;

	if (f == NULL)
		return -1;
	worker_init(&f->w, pf, index);
	f->closed = CLOCK_NEVER;
	f->leftover = -1;
	if (child_spawn(&f->w.child, pf->start_path, pf->start_argv,
		tracing_environment(f->w.stage)) == -1 ||
	    (f->lines = reader_new(f->w.child.out, &limits)) == NULL) {
		saved = errno;
		close_filter_worker(f);
		errno = saved;
		return -1;
	}
	metrics_add(f->w.shard, METRIC_STARTS, 1);
	*state = f;
	return 0;
}

struct processor
filter_processor(struct pfanout *pf)
{
	return (struct processor){.name = "filter",
	    .workers = pf->jobs,
	    .arg = pf,
	    .open = open_filter_worker,
	    .run = run_filter_worker,
	    .close = close_filter_worker};
}
