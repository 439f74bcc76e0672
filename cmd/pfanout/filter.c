/*
 * A stream filter per worker: whole lines in, whole lines out, and nobody knows which came of
 * which.  A record is done when the filter has been given it.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sync/chan.h"
#include "proc/child.h"
#include "base/clock.h"
#include "sync/ctx.h"
#include "pfanout.h"
#include "gather.h"
#include "intake.h"
#include "stage/ledger.h"
#include "stage/pipeline.h"
#include "record/queue.h"
#include "record/reader.h"

CHAN_OF(record, struct record)

#define BATCH 256
#define IOVS 64
#define EXIT_PATIENCE CLOCK_S /* for a filter that closed its stdin */

struct filter {
	struct pfanout *pf;
	struct stage *stage;
	struct metrics_shard *shard;
	unsigned slot;
	struct chan *out;
	struct intake intake;
	struct child child;
	struct reader *lines;
	uint64_t given; /* records that are in its pipe */
	bool eof;       /* it was told that there is no more */
	int64_t closed; /* when it closed its stdin; CLOCK_NEVER */
	bool left;      /* it has exited, well, although it was not */
	bool out_ended;
	bool cancelled;
	struct queue taken; /* records that wait to be written */
	size_t partial;     /* bytes of the first one that are */
};

enum { FD_INTAKE, FD_IN, FD_OUT, FD_ERR, FD_EXIT, FDS };

static void
emit(struct filter *f, struct record *r, size_t n)
{
	size_t sent;

	record_sendn(f->out, f->stage->root, r, n, &sent);
	record_freen(r + sent, n - sent);
}

/* The first n records are the filter's, and off our books. */
static void
settle(struct filter *f, size_t n)
{
	size_t charge = 0;

	for (size_t i = 0; i < n; i++) {
		struct record r = queue_pop(&f->taken);

		charge += r.charge;
		record_free(&r);
	}
	f->given += n;
	metrics_add(f->shard, METRIC_GIVEN, n);
	metrics_add(f->shard, METRIC_ENDED, n);
	metrics_add(f->shard, METRIC_PROCESSED, n);
	gate_leave(&f->stage->gate, n, charge, 0);
	ledger_settle(f->stage->ledger, n, charge);
}

static bool
has_unwritten(const struct filter *f)
{
	return f->taken.n > 0;
}

/* Keeps it if it is for the filter. */
static void
accept_record(struct filter *f, struct record *r)
{
	if (r->kind == RECORD_DATA && stage_is_cancelled(f->stage))
		stage_bury_cancelled(f->stage, r);
	else if (r->kind == RECORD_DATA && stage_check(f->stage, r)) {
		if (queue_push(&f->taken, r) == -1)
			stage_give_up(f->stage, 2, "out of memory");
		return;
	}
	emit(f, r, 1);
}

static void
take(struct filter *f)
{
	struct record batch[BATCH];
	size_t n;

	while (!has_unwritten(f) && (n = intake_take(&f->intake, batch, BATCH, UINT64_MAX)) > 0)
		for (size_t i = 0; i < n; i++)
			accept_record(f, &batch[i]);
}

/* A filter that ends while there is input, or badly, may have swallowed anything. */
static void
fail(struct filter *f, const char *how)
{
	stage_abort(f->stage, 2,
	    "worker %u (%s) %s: what became of the %ju records it had been given can't be told",
	    f->slot, f->pf->argv[0], how, (uintmax_t)f->given);
}

/* Writes what it takes at once.  False: it reads no more. */
static bool
write_taken(struct filter *f)
{
	struct iovec iov[IOVS];
	ssize_t n;

	while (has_unwritten(f)) {
		n = writev(
		    f->child.in, iov, gather(&f->taken, 0, f->taken.n, f->partial, iov, IOVS));
		if (n >= 0)
			settle(f, gather_done(&f->taken, 0, &f->partial, (size_t)n));
		else if (errno == EAGAIN)
			return true;
		else if (errno != EINTR)
			return false;
	}
	return true;
}

/* Sends its lines on. */
static void
emit_lines(struct filter *f, bool ended)
{
	struct record r;

	gate_wait(&f->stage->gate, f->stage->root);
	while (reader_lines(f->lines, &r) || (ended && reader_rest(f->lines, &r))) {
		if (r.full_len != 0)
			fail(f, "printed a line longer than --max-record");
		r.kind = RECORD_EXTRA;
		r.lines = record_lines(&r);
		r.gated = true;
		gate_enter(&f->stage->gate, r.len);
		emit(f, &r, 1);
	}
}

static void
read_lines(struct filter *f)
{
	ssize_t n = reader_fill(f->lines);

	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0)
		f->out_ended = true;
	emit_lines(f, n <= 0);
}

/* It has exited: everything it printed, and how it was. */
static void
finish(struct filter *f)
{
	char how[64];
	int status;

	child_reap(&f->child);
	status = f->child.status;
	for (ssize_t n = 1; n > 0 && !f->out_ended;) {
		n = reader_fill(f->lines);
		emit_lines(f, n <= 0);
	}
	child_close(&f->child);
	if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "died of SIG%s", sigabbrev_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status) > 1)
		snprintf(how, sizeof(how), "exited with status %d", WEXITSTATUS(status));
	else if (has_unwritten(f))
		snprintf(how, sizeof(how), "left before the end of its input");
	else {
		f->left =
		    !f->eof; /* which is no harm if the input has ended, only we don't know yet */
		return;
	}
	fail(f, how);
}

/* Work is cancelled: the filter keeps what it has been given, the rest leaves. */
static void
cancel(struct filter *f)
{
	f->cancelled = true;
	if (f->child.pid > 0) {
		child_stop(&f->child);
		while (!f->out_ended && reader_fill(f->lines) > 0)
			emit_lines(f, false);
		child_close(&f->child);
	}
	while (has_unwritten(f)) {
		struct record r = queue_pop(&f->taken);

		stage_bury_cancelled(f->stage, &r);
		emit(f, &r, 1);
	}
}

/* Takes and writes until the channel is empty or the pipe is full. */
static void
feed(struct filter *f)
{
	bool fed;

	if (!has_unwritten(f) && !f->intake.in_ended)
		intake_watch(&f->intake, UINT64_MAX);
	do {
		take(f);
		fed = has_unwritten(f);
		if (has_unwritten(f) && f->left)
			fail(f, "left before the end of its input");
		if (f->child.in == -1)
			return;
		if (!write_taken(f)) {
			child_close_in(&f->child); /* it should exit now, and say how it was */
			f->closed = clock_now();
			return;
		}
	} while (fed && !has_unwritten(f));
	if (!has_unwritten(f) && f->intake.in_ended) {
		f->eof = true;
		child_close_in(&f->child);
	}
}

/* One turn of the loop.  False: it is over. */
static bool
serve(struct filter *f)
{
	struct pollfd fds[FDS];

	if (stage_is_cancelled(f->stage) && !f->cancelled)
		cancel(f);
	feed(f);
	if (f->intake.in_ended && f->child.pid == 0 && !has_unwritten(f))
		return false;
	fds[FD_INTAKE] = intake_pollfd(&f->intake);
	fds[FD_IN] = (struct pollfd){has_unwritten(f) ? f->child.in : -1, POLLOUT, 0};
	fds[FD_OUT] = (struct pollfd){f->out_ended ? -1 : f->child.out, POLLIN, 0};
	fds[FD_ERR] = (struct pollfd){f->child.err, POLLIN, 0};
	fds[FD_EXIT] = (struct pollfd){f->child.pidfd, POLLIN, 0};
	if (ctx_poll(f->stage->root, fds, FDS, clock_after(f->closed, EXIT_PATIENCE)) == -1 ||
	    ctx_state(f->stage->root) != CTX_LIVE)
		return false;
	intake_unwatch(&f->intake, fds[FD_INTAKE].revents != 0);
	if (fds[FD_ERR].revents != 0)
		child_read_log(&f->child);
	if (fds[FD_OUT].revents != 0)
		read_lines(f);
	if (fds[FD_EXIT].revents != 0)
		finish(f);
	else if (f->closed != CLOCK_NEVER && clock_now() - f->closed >= EXIT_PATIENCE &&
	    !f->cancelled)
		fail(f, "closed its stdin before the end of its input");
	return true;
}

static void
filter_run(void *state, struct ctx *ctx, struct chan *in, struct chan *out)
{
	struct filter *f = state;

	(void)ctx;
	f->out = out;
	if (intake_open(&f->intake, f->pf, f->shard, in, NULL) == -1) {
		stage_give_up(f->stage, 2, "worker %u: %s", f->slot, strerror(errno));
		return;
	}
	while (serve(f))
		continue;
	intake_close(&f->intake);
	child_stop(&f->child);
	queue_free(&f->taken);
}

static void
filter_close(void *state)
{
	struct filter *f = state;

	child_stop(&f->child);
	child_close(&f->child);
	reader_free(f->lines);
	free(f);
}

static int
filter_open(struct processor *p, unsigned worker, void **state)
{
	struct pfanout *pf = p->arg;
	struct reader_limits limits = {.max = pf->opt.max_record};
	struct filter *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	f->pf = pf;
	f->stage = &pf->stage;
	f->shard = metrics_shard(pf->stage.metrics, SHARD_WORKERS + worker);
	f->slot = worker + 1;
	f->closed = CLOCK_NEVER;
	if (child_spawn(&f->child, pf->path, pf->argv) == -1) {
		free(f);
		return -1;
	}
	if ((f->lines = reader_new(f->child.out, &limits)) == NULL) {
		filter_close(f);
		return -1;
	}
	metrics_add(f->shard, METRIC_STARTS, 1);
	*state = f;
	return 0;
}

struct processor
filter_processor(struct pfanout *pf)
{
	return (struct processor){.name = "filter",
	    .workers = pf->jobs,
	    .arg = pf,
	    .open = filter_open,
	    .run = filter_run,
	    .close = filter_close};
}
