#include "stage/sink.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "metrics/link.h"
#include "metrics/worktime.h"
#include "record/deadfile.h"
#include "record/envelope.h"
#include "record/reorder.h"
#include "record/writer.h"
#include "stage/budget.h"
#include "stage/ending.h"
#include "stage/pipeline.h"
#include "stage/stage.h"
#include "sync/chan.h"
#include "sync/ctx.h"

CHAN_OF(record, struct record)

#define BATCH 512
#define IDS 8 /* how many ids of lost letters a message names */

struct drain {
	struct sink *sink;
	struct writer *writer;
	struct reorder *reorder; /* NULL: no order is kept */
	struct deadfile *dead;   /* NULL: none, or it could not be written */
	struct metrics_link *link;
	/* Runs while the reader does not take what is written; or NULL. */
	struct stopwatch *waits;
	struct record batch[BATCH];
	struct record ready[BATCH]; /* what the reorder hands out */
	enum place place[BATCH];    /* of the batch that is being written */
};

/* Whether it belongs into the dead-letter file, if there is one. */
static bool
goes_to_file(const struct drain *d, const struct record *r)
{
	return r->kind == RECORD_DEAD || (r->kind == RECORD_LETTER && d->sink->stage->collects);
}

/*
 * The file has kept only the first `kept` of the batch's letters.  The others
 * go into the output: nothing is lost.  Names some of them, "ID, ID, ...", and
 * returns how many they are.
 */
static size_t
unmark_lost(struct drain *d, const struct record *r, size_t n, size_t kept, char *text, size_t size)
{
	struct envelope_id id;
	size_t lost = 0, len = 0;

	for (size_t i = 0; i < n; i++) {
		if (d->place[i] != IN_FILE)
			continue;
		if (kept > 0) {
			kept--;
			continue;
		}
		d->place[i] = IN_OUTPUT;
		envelope_identity(r[i].data, r[i].len, &id);
		if (lost++ < IDS)
			len += (size_t)snprintf(
			    text + len, size - len, "%s%s", lost > 1 ? ", " : "", id.id);
		else if (lost == IDS + 1)
			snprintf(text + len, size - len, " and others");
	}
	return lost;
}

static void
give_up_file(struct drain *d, const struct record *r, size_t n, size_t kept)
{
	int error = errno;
	char ids[(IDS + 1) * ENVELOPE_ID_SIZE];
	size_t lost = unmark_lost(d, r, n, kept, ids, sizeof(ids));

	stage_abort_always(d->sink->stage, 2,
	    "dead-letter file %s: %s; %zu dead letter%s that it could not keep (%s), and all later "
	    "ones, go to the output",
	    deadfile_path(d->dead), strerror(error), lost, lost == 1 ? "" : "s", ids);
	d->dead = NULL;
	d->sink->stage->dead_failed = true;
}

/*
 * Decides which of the records go to the file (d->place), and puts them there.
 */
static void
write_dead(struct drain *d, const struct record *r, size_t n)
{
	size_t put = 0, kept = 0;
	bool ok = true;

	for (size_t i = 0; i < n; i++)
		d->place[i] = IN_OUTPUT;
	if (d->dead == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		if (!goes_to_file(d, &r[i]))
			continue;
		d->place[i] = IN_FILE;
		if (!ok)
			continue;
		ok = deadfile_put(d->dead, r[i].data, r[i].len + 1) == 0;
		put += ok;
	}
	if ((put > 0 && deadfile_commit(d->dead, &kept) == -1) || !ok)
		give_up_file(d, r, n, kept);
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
	int error;

	stage_begin_writing(d->sink->stage);
	write_dead(d, r, n);
	error = write_lines(d, r, n);
	stage_end_writing(d->sink->stage);
	if (error == -1) {
		report_write_error(d);
		ending_mark_lost(s, r, d->place, n, writer_bytes(d->writer) - bytes);
	}
	ending_count(d->sink->stage, s, r, d->place, n);
	bytes = writer_bytes(d->writer) - bytes;
	metrics_add(s, METRIC_BYTES_OUT, bytes);
	link_add(d->link, metrics_own(s, METRIC_WRITTEN) - lines, bytes);
	return error;
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
	while ((n = reorder_get(d->reorder, d->ready, BATCH)) > 0) {
		if (write_batch(d, d->ready, n) == -1)
			return -1;
		budget_advance(st->budget, reorder_head(d->reorder));
	}
	return 0;
}

/* Of the n records of the batch, those that the source has counted. */
static size_t
count_queued(const struct drain *d, size_t n)
{
	size_t queued = n;

	for (size_t i = 0; i < n; i++)
		queued -= d->batch[i].kind == RECORD_MARK;
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

static void
sink_run(void *state, struct ctx *ctx, struct chan *in, struct chan *out)
{
	struct drain *d = state;
	size_t n;
	int error = 0;

	(void)out;
	while (error == 0 && record_recvn(in, ctx, d->batch, BATCH, &n) == CHAN_OK) {
		if (d->sink->takes)
			metrics_add(d->sink->shard, METRIC_TAKEN, count_queued(d, n));
		if (d->sink->checks)
			check_records(d, n);
		error = d->reorder != NULL ? write_in_order(d, d->batch, n)
					   : write_batch(d, d->batch, n);
	}
}

static void
sink_close(void *state)
{
	struct drain *d = state;

	reorder_free(d->reorder);
	writer_free(d->writer);
	free(d);
}

static int
sink_open(struct processor *p, unsigned worker, void **state)
{
	struct sink *sink = p->arg;
	struct drain *d = calloc(1, sizeof(*d));

	(void)worker;
	if (d == NULL)
		return -1;
	d->sink = sink;
	d->dead = sink->stage->dead;
	d->link = stage_output(sink->stage);
	/* With --to the stage waits for all its outputs: see its router. */
	if (sink->stage->mode != STAGE_SPREADS)
		d->waits = &sink->shard->time[TIME_OUTPUT];
	if ((d->writer = writer_new(sink->fd)) == NULL ||
	    (sink->stage->keep_order && (d->reorder = reorder_new()) == NULL)) {
		sink_close(d);
		return -1;
	}
	*state = d;
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
