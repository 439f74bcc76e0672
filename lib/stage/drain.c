#include "stage/drain.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "metrics/link.h"
#include "metrics/worktime.h"
#include "record/mark.h"
#include "record/reorder.h"
#include "record/writer.h"
#include "stage/acks.h"
#include "stage/budget.h"
#include "stage/ending.h"
#include "stage/marks.h"
#include "stage/pipeline.h"
#include "stage/sink.h"
#include "stage/stage.h"
#include "stage/tracing.h"

/*
 * Records that are written before they are counted, unless a run has more: what
 * a stage that is killed may have written and not counted.
 */
#define AT_ONCE 4096

/* Decides where the records go (d->place); those for the file are put there. */
static void
write_dead(struct drain *d, const struct record *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		d->place[i] =
		    d->marked && marks_bring_again(d->marks, &r[i]) ? UNFINISHED : IN_OUTPUT;
	letterbox_put(&d->letters, r, d->place, n);
}

/* Writes what is queued.  Only what exceeds the copying is a wait. */
static int
flush_lines(struct drain *d)
{
	int64_t start = worktime_now() + writer_copying(d->writer), now;
	int error, saved;

	link_start(d->link, start);
	if (d->waits != NULL)
		stopwatch_start(d->waits, start);
	error = writer_flush(d->writer, d->sink->stage->root);
	saved = errno;
	now = worktime_now();
	link_stop(d->link, now);
	if (d->waits != NULL)
		stopwatch_stop(d->waits, now);
	errno = saved;
	return error;
}

/* Writes all that is not in the file. */
static int
write_lines(struct drain *d, const struct record *r, size_t n)
{
	struct ctx *root = d->sink->stage->root;

	for (size_t i = 0; i < n; i++)
		if (d->place[i] == IN_OUTPUT && r[i].slab != NULL &&
		    writer_put(d->writer, root, r[i].data, r[i].len + 1) == -1)
			return -1;
	return flush_lines(d);
}

static void
report_write_error(struct drain *d)
{
	static const char *const cut = "; its last line is cut";
	struct stage *st = d->sink->stage;
	bool torn = writer_is_torn(d->writer);

	if (errno == EPIPE && !st->pipe_ignored)
		stage_hang_up(st);
	/* The stage had given up; then only the torn line is news. */
	else if (errno != ECANCELED || torn)
		stage_give_up(st, 2, "standard output: %s%s", strerror(errno), torn ? cut : "");
}

static int
write_batch(struct drain *d, struct record *r, size_t n)
{
	struct metrics_shard *s = d->sink->shard;
	uint64_t bytes = writer_bytes(d->writer), lines = metrics_own(s, METRIC_WRITTEN);
	int64_t began = tracing_records(d->sink->stage->tracing) ? clock_now() : 0;
	int error;

	stage_begin_writing(d->sink->stage);
	write_dead(d, r, n);
	error = write_lines(d, r, n);
	stage_end_writing(d->sink->stage);
	if (error == -1) {
		report_write_error(d);
		ending_mark_lost(s, r, d->place, n, writer_bytes(d->writer) - bytes);
	}
	ending_count(d->sink->stage, s, r, d->place, n, began);
	bytes = writer_bytes(d->writer) - bytes;
	metrics_add(s, METRIC_BYTES_OUT, bytes);
	link_add(d->link, metrics_own(s, METRIC_WRITTEN) - lines, bytes);
	return error;
}

/* Writes what is no record. */
static int
write_extra(struct drain *d, const char *text, size_t len)
{
	struct stage *st = d->sink->stage;
	uint64_t bytes = writer_bytes(d->writer);
	int error;

	stage_begin_writing(st);
	error = writer_put(d->writer, st->root, text, len);
	if (error == 0)
		error = flush_lines(d);
	stage_end_writing(st);
	if (error == -1)
		report_write_error(d);
	bytes = writer_bytes(d->writer) - bytes;
	metrics_add(d->sink->shard, METRIC_BYTES_OUT, bytes);
	link_add(d->link, error == 0, bytes);
	return error;
}

/* A mark goes on. */
static int
write_mark(struct drain *d, const struct mark *mark)
{
	char line[MARK_SIZE];
	size_t len = mark_print(mark, line);
	int error = write_extra(d, line, len);

	if (error == 0)
		atomic_fetch_add(&d->sink->stage->passed, 1);
	return error;
}

int
drain_acknowledge(struct drain *d, bool wait)
{
	struct stage *st = d->sink->stage;
	int error;

	/* A sync takes its time, like a write. */
	stage_begin_writing(st);
	error = acks_send(d->acks, writer_bytes(d->writer), wait);
	stage_end_writing(st);
	atomic_store(&st->passed, acks_sent(d->acks));
	if (error == -1)
		stage_give_up(st, 2, "standard output: cannot acknowledge what was written: %s",
		    strerror(errno));
	/* Linux tells of a lost write once: the next sync would succeed. */
	d->failed = error == -1;
	return error;
}

/* All that came before the mark is written; is it on the disk? */
static int
pass_mark(struct drain *d, struct mark *mark)
{
	const struct sink_others *others = d->sink->others;
	struct stage *st = d->sink->stage;

	if (letterbox_sync(&d->letters) == -1)
		return 0;
	if (others != NULL && others->divide(others->arg, mark) == -1)
		return -1;
	if (d->acks == NULL)
		return write_mark(d, mark);
	if (acks_put(d->acks, mark, writer_bytes(d->writer)) == 0)
		return 0;
	stage_give_up(st, 2, "out of memory");
	return -1;
}

/*
 * A letter that went to a terminal, or to /dev/null, is gone with the record:
 * that is not acknowledged.
 */
static void
look_for_letters(struct drain *d, const struct record *r, size_t n)
{
	struct stage *st = d->sink->stage;

	for (size_t i = 0; i < n && st->keeps_no_letters; i++)
		if (d->place[i] == IN_OUTPUT &&
		    (r[i].kind == RECORD_DEAD || r[i].kind == RECORD_LETTER)) {
			stage_abort_always(st, 2,
			    "a record failed, and its dead letter has no place: use -d FILE, or "
			    "| pdeadletter -d FILE");
			return;
		}
}

/* Passes those on that may go now. */
static int
pass_marks(struct drain *d)
{
	const struct sink_others *others = d->sink->others;
	struct mark mark;
	int error = 0;

	while (error == 0 && marks_next(d->marks, &mark))
		error = pass_mark(d, &mark);
	if (error == 0 && others != NULL && marks_end(d->marks))
		others->over(others->arg);
	return error;
}

/*
 * Looks whether there are marks.  The first one goes before the records behind
 * it.  It tells that what a stage has not finished comes again, so the torn
 * line of one that was killed may remain as a line of its own.
 */
static int
find_marks(struct drain *d, const struct record *r, size_t n)
{
	int marked = marks_begin(d->marks, record_counts(r, n));

	if (marked == -1)
		stage_give_up(d->sink->stage, 2, "out of memory");
	if (marked != 1 || d->marked)
		return marked == -1 ? -1 : 0;
	d->marked = true;
	if (d->acks != NULL && acks_find_torn_line(d->acks) && write_extra(d, "\n", 1) != 0)
		return -1;
	return pass_marks(d);
}

/* How many of the n are written before they are counted; at least one. */
static size_t
portion(const struct record *r, size_t n)
{
	uint64_t records = record_count(&r[0]);
	size_t i;

	for (i = 1; i < n && (records += record_count(&r[i])) <= AT_ONCE; i++)
		continue;
	return i;
}

/* Writes records, and passes the marks among them on when they may go. */
static int
write_records(struct drain *d, struct record *r, size_t n)
{
	int error = find_marks(d, r, n);

	for (size_t done; n > 0 && error == 0; r += done, n -= done) {
		done = portion(r, n);
		if (d->marked && (done = marks_note(d->marks, r, done)) == 0) {
			stage_give_up(d->sink->stage, 2, "out of memory");
			break;
		}
		error = write_batch(d, r, done);
		if (!d->marked)
			continue;
		look_for_letters(d, r, done);
		if (error == 0)
			error = pass_marks(d);
	}
	record_freen(r, n);
	return n > 0 ? -1 : error;
}

/*
 * Puts records in their order and writes those whose turn has come.  (A
 * filter's lines have no seq, but they never get here: -k and -F exclude each
 * other.)
 */
static int
write_in_order(struct drain *d, struct record *r, size_t n)
{
	struct stage *st = d->sink->stage;

	for (size_t i = 0; i < n; i++) {
		if (reorder_put(d->reorder, &r[i]) == 0)
			continue;
		stage_give_up(st, 2, "out of memory while keeping the order");
		record_freen(r + i, n - i);
		return -1;
	}
	while ((n = reorder_get(d->reorder, d->ready, DRAIN_BATCH)) > 0) {
		if (write_records(d, d->ready, n) == -1)
			return -1;
		budget_advance(st->budget, reorder_head(d->reorder));
	}
	return 0;
}

/*
 * Of the n records of the batch, those that the source has counted: not its own
 * marks.
 */
static uint64_t
count_queued(const struct drain *d, size_t n)
{
	uint64_t queued = record_counts(d->batch, n);

	if (!stage_is_marked(d->sink->stage))
		return queued;
	for (size_t i = 0; i < n; i++)
		queued -= d->batch[i].kind == RECORD_MARK && d->batch[i].reserved == 0;
	return queued;
}

/* Of the n records of the batch, those that fail become letters. */
static void
check_records(struct drain *d, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (d->batch[i].kind == RECORD_DATA)
			(void)stage_check(d->sink->stage, &d->batch[i]);
}

void
drain_take(struct drain *d, size_t n)
{
	int error;

	if (d->sink->takes)
		metrics_add(d->sink->shard, METRIC_TAKEN, count_queued(d, n));
	if (d->sink->checks)
		check_records(d, n);
	if (n == 0)
		error = find_marks(d, d->batch, 0) == -1 ? -1 : pass_marks(d);
	else
		error = d->reorder != NULL ? write_in_order(d, d->batch, n)
					   : write_records(d, d->batch, n);
	d->failed = error != 0;
}

static int
open_marks(struct drain *d)
{
	const struct sink_others *others = d->sink->others;

	park_init(&d->parker);
	if (others == NULL) {
		d->marks = marks_new(d->sink->stage);
		return d->marks != NULL ? 0 : -1;
	}
	d->marks = others->marks;
	marks_watch(d->marks, &d->parker);
	return 0;
}

int
drain_open(struct drain *d, struct sink *sink)
{
	d->sink = sink;
	letterbox_init(&d->letters, sink->stage, sink->shard);
	d->link = stage_output(sink->stage);
	/* With --to the stage waits for all its outputs: see its router. */
	if (sink->stage->mode != STAGE_SPREADS)
		d->waits = &sink->shard->time[TIME_OUTPUT];
	if ((d->writer = writer_new(sink->fd)) == NULL ||
	    (sink->stage->keep_order && (d->reorder = reorder_new()) == NULL) ||
	    open_marks(d) == -1)
		return -1;
	d->acks = acks_new(sink->fd, sink->stage->opt->ack);
	return d->acks != NULL || errno == 0 ? 0 : -1;
}

void
drain_close(struct drain *d)
{
	acks_free(d->acks);
	if (d->sink->others == NULL)
		marks_free(d->marks);
	reorder_free(d->reorder);
	writer_free(d->writer);
}
