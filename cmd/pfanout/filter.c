/*
 * Filter mode: a stream filter per worker.  Whole lines in, whole lines out,
 * and nobody knows which came of which.  A record is done when the filter has
 * been given it.
 */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "inflight.h"
#include "pfanout.h"
#include "record/reader.h"
#include "stage/budget.h"
#include "stage/pipeline.h"
#include "worker.h"

#define BATCH 256

struct filter_worker {
	struct worker w;
	struct inflight taken; /* records that wait to be written */
	struct reader *lines;
	uint64_t given; /* records that are in its pipe */
	bool flushed;   /* we closed its stdin: there is no more */
	bool left;      /* it has exited, well, although we had not */
	bool out_ended;
	int64_t closed; /* when it closed its stdin; CLOCK_NEVER */
};

static bool
has_unwritten(const struct filter_worker *f)
{
	return f->taken.queue.n > 0;
}

/* The first n records are the filter's, and off our books. */
static void
settle_written(struct filter_worker *f, size_t n)
{
	struct stage *st = f->w.stage;
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++) {
		struct record r = inflight_pop(&f->taken);

		bytes += r.reserved;
		record_free(&r);
	}
	f->given += n;
	metrics_add(f->w.shard, METRIC_GIVEN, n);
	metrics_add(f->w.shard, METRIC_ENDED, n);
	metrics_add(f->w.shard, METRIC_PROCESSED, n);
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

	while (!has_unwritten(f) && (n = intake_take(&f->w.intake, batch, BATCH, UINT64_MAX)) > 0) {
		for (size_t i = 0; i < n; i++)
			accept_record(f, &batch[i]);
		(void)inflight_give(&f->taken, SIZE_MAX, SIZE_MAX, clock_now());
		outbox_flush(&f->w.out);
	}
}

/*
 * A filter that ends before its input, or badly, may have swallowed anything.
 */
static void
abort_stage(struct filter_worker *f, const char *how)
{
	char name[WORKER_NAME_SIZE];

	worker_name(&f->w, name);
	stage_abort(f->w.stage, 2,
	    "%s %s: what became of the %ju records it had been given can't be told", name, how,
	    (uintmax_t)f->given);
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

/* Sends the lines of the filter on, once the budget has room for them. */
static void
emit_lines(struct filter_worker *f, bool ended)
{
	struct stage *st = f->w.stage;
	struct record r;

	budget_wait_take(st->budget, st->root);
	while (reader_block(f->lines, &r) || (ended && reader_rest(f->lines, &r))) {
		if (r.full_len != 0)
			abort_stage(f, "printed a line longer than --max-record");
		r.kind = RECORD_EXTRA;
		r.lines = record_lines(&r);
		r.answered = true;
		budget_answer(st->budget, r.len);
		outbox_put(&f->w.out, &r);
	}
	outbox_flush(&f->w.out);
}

static void
read_lines(struct filter_worker *f)
{
	ssize_t n = reader_fill(f->lines);

	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0)
		f->out_ended = true;
	emit_lines(f, n <= 0);
}

/* The child was reaped: everything that it printed. */
static void
read_rest(struct filter_worker *f)
{
	for (ssize_t n = 1; n > 0 && !f->out_ended;) {
		n = reader_fill(f->lines);
		emit_lines(f, n <= 0);
	}
	child_close(&f->w.child);
	metrics_add(f->w.shard, METRIC_EXITS, 1);
}

/* The filter has exited by itself. */
static void
child_exited(struct filter_worker *f)
{
	char status[WORKER_STATUS_SIZE], how[64];
	int wait_status;

	child_reap(&f->w.child);
	wait_status = f->w.child.status;
	read_rest(f);
	worker_status(wait_status, status);
	if (WIFSIGNALED(wait_status))
		snprintf(how, sizeof(how), "died of %s", status);
	else if (WEXITSTATUS(wait_status) > 1)
		snprintf(how, sizeof(how), "ended with %s", status);
	else if (has_unwritten(f))
		snprintf(how, sizeof(how), "left before the end of its input");
	else {
		/* No harm if the input has ended, which we may not know yet. */
		f->left = !f->flushed;
		return;
	}
	abort_stage(f, how);
}

/*
 * Work is cancelled: the filter keeps what it was given, of what it has printed
 * whole lines go on, and the rest of the records leaves.
 */
static void
cancel_worker(struct filter_worker *f)
{
	if (f->w.child.pid > 0) {
		child_stop(&f->w.child);
		while (!f->out_ended && reader_fill(f->lines) > 0)
			emit_lines(f, false);
		child_close(&f->w.child);
		metrics_add(f->w.shard, METRIC_EXITS, 1);
	}
	while (has_unwritten(f)) {
		struct record r = inflight_pop(&f->taken);

		stage_bury_cancelled(f->w.stage, &r);
		outbox_put(&f->w.out, &r);
	}
	outbox_flush(&f->w.out);
}

/* Takes and writes until the channel is empty or the pipe is full. */
static void
feed_child(struct filter_worker *f)
{
	bool fed;

	if (!has_unwritten(f) && !f->w.intake.in_ended)
		intake_watch(&f->w.intake, UINT64_MAX);
	do {
		take_records(f);
		fed = has_unwritten(f);
		if (fed && f->left)
			abort_stage(f, "left before the end of its input");
		if (f->w.child.in == -1)
			return;
		if (!write_taken(f)) {
			/* It should exit now, and say how it fared. */
			child_close_in(&f->w.child);
			f->closed = clock_now();
			return;
		}
	} while (fed && !has_unwritten(f));
	if (!has_unwritten(f) && f->w.intake.in_ended) {
		f->flushed = true;
		child_close_in(&f->w.child);
	}
}

static bool
has_ended(const struct filter_worker *f)
{
	return f->w.intake.in_ended && f->w.child.pid == 0 && !has_unwritten(f);
}

static void
handle_events(struct filter_worker *f, unsigned events)
{
	if ((events & EVENT_OUT) != 0)
		read_lines(f);
	if ((events & EVENT_EXIT) != 0)
		child_exited(f);
	else if (f->closed != CLOCK_NEVER && clock_now() - f->closed >= EXIT_PATIENCE)
		abort_stage(f, "closed its stdin before the end of its input");
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
		if (has_ended(f))
			break;
		live = worker_poll(&f->w, has_unwritten(f) ? POLLOUT : IGNORE_IN, !f->out_ended,
		    clock_after(f->closed, EXIT_PATIENCE), &events);
		if (live)
			handle_events(f, events);
	}
	if (!live) {
		cancel_worker(f);
		worker_drain(&f->w);
	}
	worker_end(&f->w);
}

static void
close_filter_worker(void *state)
{
	struct filter_worker *f = state;

	child_stop(&f->w.child);
	child_close(&f->w.child);
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
	if (child_spawn(&f->w.child, pf->path, pf->argv) == -1 ||
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
