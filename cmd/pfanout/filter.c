/*
 * Filter mode: a stream filter per worker.  Whole lines in, whole lines out,
 * and nobody knows which came of which.  A record is done when the filter has
 * been given it, or, in a stream with marks, when the filter has been flushed.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "filter_worker.h"
#include "pfanout.h"
#include "proc/interpreter.h"
#include "record/reader.h"
#include "stage/budget.h"
#include "stage/pipeline.h"
#include "stage/traced.h"
#include "stage/tracing.h"

/* Records that a worker takes at a time. */
#define BATCH 1024
#define BATCH_MIN 64

/*
 * Takes the first record out, n of which have been written, or what has been
 * written of a run.
 */
static bool
take_written(struct filter_worker *f, size_t *n, struct record *r)
{
	if (*n == 0)
		return inflight_take_whole(&f->taken, r);
	*r = inflight_pop(&f->taken);
	--*n;
	return true;
}

/*
 * What has been written, n whole records or runs and perhaps a part of one, is
 * the filter's, and off our books; where there are marks it ends with its
 * flush.
 */
static void
settle_written(struct filter_worker *f, size_t n)
{
	struct stage *st = f->w.stage;
	struct traced_ended ended;
	size_t bytes = 0;
	uint64_t records = 0;

	ended.n = 0;
	for (struct record r; take_written(f, &n, &r);) {
		records += record_count(&r);
		bytes += r.reserved;
		traced_end(st, &r, SPAN_OK, &ended);
		record_free(&r);
	}
	traced_write(st, &ended);
	if (records == 0)
		return;
	f->given += records;
	metrics_add(f->w.shard, METRIC_GIVEN, records);
	f->open += records;
	if (!stage_is_marked(st))
		filter_count_open(f);
	metrics_set(f->w.shard, METRIC_LAST_RESULT_US, (uint64_t)clock_calendar());
	budget_release(st->budget,
	    &(struct budget_release){
		.records = records, .bytes = bytes, .begun = records, .begun_bytes = bytes});
}

/* The record, or run, is for the filter. */
static void
keep(struct filter_worker *f, struct record *r)
{
	if (inflight_push(&f->taken, r) == 0)
		return;
	stage_abort(f->w.stage, 2, "worker %u: out of memory", f->w.slot);
	worker_cancel_record(&f->w, r);
}

static void
accept_one(struct filter_worker *f, struct record *r)
{
	if (r->kind == RECORD_MARK)
		demand_raise(&f->w.pf->demand, r->seq);
	if (r->kind == RECORD_DATA && stage_check(f->w.stage, r))
		keep(f, r);
	else
		outbox_put(&f->w.out, r);
}

/* Keeps what is for the filter. */
static void
accept_record(struct filter_worker *f, struct record *r)
{
	struct record part;
	bool more, checked;

	if ((r->kind == RECORD_DATA || r->kind == RECORD_RUN) && stage_is_cancelled(f->w.stage)) {
		worker_cancel_record(&f->w, r);
		return;
	}
	do {
		more = stage_take_checked(f->w.stage, r, &part, &checked);
		if (checked)
			keep(f, &part);
		else
			accept_one(f, &part);
	} while (more);
}

/* How many records to take: where there are few, the others get their share. */
static size_t
share(const struct filter_worker *f)
{
	size_t n = budget_waiting(f->w.stage->budget) / f->w.pf->jobs;

	return n < BATCH_MIN ? BATCH_MIN : n < BATCH ? n : BATCH;
}

/*
 * Takes what there is, until the child has something to read, or is to be
 * flushed.
 */
static void
take_records(struct filter_worker *f)
{
	struct record batch[BATCH];
	size_t n;

	while (!filter_has_unwritten(f) && !filter_must_flush(f) &&
	    (n = intake_take(&f->w.intake, batch, share(f), UINT64_MAX)) > 0) {
		for (size_t i = 0; i < n; i++)
			accept_record(f, &batch[i]);
		(void)inflight_give(&f->taken, SIZE_MAX, SIZE_MAX, clock_now());
		outbox_flush(&f->w.out);
	}
}

static int
start_child(struct filter_worker *f)
{
	struct pfanout *pf = f->w.pf;
	struct reader_limits limits = {.max = pf->opt.max_record};

	if (child_spawn(
		&f->w.child, pf->start_path, pf->start_argv, tracing_environment(f->w.stage)) == -1)
		return -1;
	metrics_add(f->w.shard, METRIC_STARTS, 1);
	f->started = clock_now();
	f->out_ended = false;
	if (f->lines != NULL)
		reader_set_fd(f->lines, f->w.child.out);
	else if ((f->lines = reader_new(f->w.child.out, &limits)) == NULL)
		return -1;
	return 0;
}

/*
 * Has a child for the records that are to be written.  False: there is none;
 * the stage has been stopped, or is now.
 */
static bool
has_child(struct filter_worker *f)
{
	const char *path = f->w.pf->path;
	char why[INTERPRETER_WHY_SIZE];

	if (f->left)
		filter_abort(f, "left before the end of its input");
	else if (f->w.child.pid == 0 && !stage_is_cancelled(f->w.stage) && start_child(f) == -1)
		stage_abort(f->w.stage, 2, "worker %u: cannot start %s: %s", f->w.slot, path,
		    interpreter_error(path, errno, why));
	return f->w.child.in != -1;
}

/* Writes what the filter takes at once.  False: there may be more later. */
static bool
write_taken(struct filter_worker *f)
{
	size_t whole;
	bool reads = worker_write(&f->w, &f->taken, &whole);

	if (whole > 0 || f->taken.partial > 0)
		settle_written(f, whole);
	if (reads)
		return !filter_has_unwritten(f);
	/* It should exit now, and say how it fared. */
	filter_close_in(f);
	f->closed = clock_now();
	return false;
}

/*
 * Takes and writes until nothing is there, the pipe is full, or the child has
 * to end at a mark.
 */
static void
feed_child(struct filter_worker *f)
{
	bool more;

	do {
		take_records(f);
		if (filter_has_unwritten(f))
			more = has_child(f) && write_taken(f);
		else
			more = f->flushing && filter_flush(f);
	} while (more);
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

static bool
can_take(const struct filter_worker *f)
{
	return !filter_has_unwritten(f) && !f->flushing && !f->w.intake.in_ended;
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
		filter_look_for_marks(f);
		feed_child(f);
		if (can_take(f)) {
			intake_watch(&f->w.intake, UINT64_MAX);
			feed_child(f);
		}
		if (has_ended(f))
			break;
		live = worker_poll(&f->w, filter_has_unwritten(f) ? POLLOUT : IGNORE_IN,
		    !f->out_ended, clock_earlier(give_up_at(f), filter_flush_at(f)), &events);
		if (f->closed != CLOCK_NEVER)
			f->closed += f->w.overslept;
		if (live)
			handle_events(f, events);
	}
	if (live)
		filter_tell_end(f);
	else {
		filter_cancel(f);
		worker_drain(&f->w);
	}
	demand_unwatch(&f->w.pf->demand, &f->on_demand);
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
	struct filter_worker *f = calloc(1, sizeof(*f));
	int saved;

	if (f == NULL)
		return -1;
	worker_init(&f->w, pf, index);
	f->closed = CLOCK_NEVER;
	f->leftover = -1;
	if (start_child(f) == -1) {
		saved = errno;
		close_filter_worker(f);
		errno = saved;
		return -1;
	}
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
