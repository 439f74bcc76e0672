#include "delivery.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arrival.h"
#include "base/clock.h"
#include "closing.h"
#include "dispatch.h"
#include "folder.h"
#include "metrics/link.h"
#include "metrics/worktime.h"
#include "outbox.h"
#include "output.h"
#include "parcel.h"
#include "passing.h"
#include "record/writer.h"
#include "spread.h"
#include "stage/cli.h"
#include "stage/report.h"
#include "sync/chan.h"
#include "sync/ctx.h"
#include "sync/park.h"

CHAN_OF(record, struct record)

/* What a message says in a stream with marks. */
#define COMES_AGAIN "; what is not finished comes again"

/* When to say that only the reader of a FIFO is waited for any more. */
#define PATIENCE (2 * CLOCK_S)

struct delivery {
	struct spread *spread;
	struct stage *stage;
	unsigned i;
	struct output *output;
	struct parker *parker;
	struct metrics_shard *shard;
	struct chan *chan; /* to the sink */
	struct outbox out; /* the same, for dead letters */
	struct passing *marks;
	struct folder_fate *fate; /* of a folder: PARCEL_RECORDS */
	bool said_failed;         /* that a file of it can't be written */
	unsigned reopened;        /* spread.reopens, when it was done */
};

struct delivery *
delivery_new(struct spread *s, unsigned i)
{
	struct delivery *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->spread = s;
	d->stage = s->stage;
	d->i = i;
	d->output = &s->outputs[i];
	d->parker = dispatch_parker(s->dispatch, i);
	d->shard = metrics_shard(s->stage->metrics, s->shard + 1 + i);
	if ((d->marks = passing_new(s, i)) != NULL &&
	    (s->by != BY_NAME || (d->fate = calloc(PARCEL_RECORDS, sizeof(*d->fate))) != NULL))
		return d;
	delivery_free(d);
	return NULL;
}

void
delivery_free(struct delivery *d)
{
	if (d == NULL)
		return;
	passing_free(d->marks);
	free(d->fate);
	free(d);
}

/* Sleeps until there may be something to do, or the deadline. */
static void
sleep_until(struct delivery *d, int64_t deadline)
{
	struct pollfd fd = {.fd = d->parker->fd, .events = POLLIN};
	bool cancelled = stage_is_cancelled(d->stage);

	if (ctx_poll(cancelled ? d->stage->root : d->stage->work, &fd, 1, deadline) == -1)
		stage_give_up(d->stage, 2, "output %s: poll: %s", d->output->path, strerror(errno));
	park_clear(d->parker);
}

/*
 * Whether the wait for a reader goes on: until the stage is stopped, or nothing
 * has come for the output and the first signal has.  Without one the wait goes
 * on even then, as a reader that comes later would wait for us forever.
 */
static bool
is_awaited(const struct delivery *d, bool *ended)
{
	struct parcel *p;

	*ended = dispatch_take(d->spread->dispatch, d->i, false, &p) == DISPATCH_END;
	return !stage_is_cancelled(d->stage) &&
	    !(*ended && ctx_state(d->stage->running) != CTX_LIVE);
}

static void
say_awaited(const struct delivery *d)
{
	char line[REPORT_SIZE];

	if (d->stage->opt->quiet)
		return;
	snprintf(line, sizeof(line), "all is done; waiting for a reader of %s", d->output->path);
	cli_say(line);
}

/* Waits for the reader of a FIFO.  Returns the FIFO, or -1 with errno. */
static int
await_reader(struct delivery *d)
{
	struct arrival *a = arrival_begin(d->output->fifo, d->parker);
	struct waiter stopped;
	int64_t until = CLOCK_NEVER;
	bool ended, said = false;

	if (a == NULL)
		return -1;
	ctx_watch(d->stage->running, &stopped, d->parker);
	while (!arrival_is_over(a) && is_awaited(d, &ended)) {
		if (ended && !said && until == CLOCK_NEVER)
			until = clock_after(clock_now(), PATIENCE);
		sleep_until(d, until);
		if (clock_now() < until)
			continue;
		say_awaited(d);
		said = true;
		until = CLOCK_NEVER;
	}
	ctx_unwatch(d->stage->running, &stopped);
	return arrival_end(a);
}

/* Opens a FIFO that nobody read.  0, or an errno. */
static int
open_fifo(struct delivery *d)
{
	int fd, error;

	if (d->output->fifo == -1)
		return 0;
	link_start(d->output->link, worktime_now());
	fd = await_reader(d);
	error = errno;
	link_stop(d->output->link, worktime_now());
	if (fd == -1)
		return error;
	return output_set_fd(d->output, fd) == -1 ? errno : 0;
}

/* Whether the output may take a parcel, and not leave it for another one. */
static bool
is_ready(const struct delivery *d)
{
	return d->spread->by != BY_READY || output_is_writable(d->output);
}

/*
 * Waits for a parcel or a mark, until the output can be written to, or there is
 * an acknowledgement to look after.  0, or an errno: EPIPE if the reader has
 * left, EIO if the terminal has.
 */
static int
wait_for_parcel(struct delivery *d, bool ready)
{
	struct pollfd fds[] = {{.fd = d->parker->fd, .events = POLLIN},
	    {.fd = d->output->fd, .events = ready ? 0 : POLLOUT}};
	int error;

	if (d->output->kind == OUTPUT_STDOUT)
		fds[1].fd = ready ? -1 : STDOUT_FILENO;
	/* Its pipe is full. */
	if (!ready)
		link_start(d->output->link, worktime_now());
	error = ctx_poll(d->stage->root, fds, 2, passing_next_look(d->marks)) == -1 ? errno : 0;
	if (!ready)
		link_stop(d->output->link, worktime_now());
	if (error != 0)
		return error;
	park_clear(d->parker);
	if (ctx_state(d->stage->root) != CTX_LIVE)
		return ECANCELED;
	if (d->output->kind == OUTPUT_FIFO)
		return (fds[1].revents & POLLERR) != 0 ? EPIPE : 0;
	/* A terminal that was closed: poll(2) would not sleep any more. */
	if (d->output->kind == OUTPUT_OTHER)
		return (fds[1].revents & (POLLERR | POLLHUP)) != 0 ? EIO : 0;
	return 0;
}

/*
 * The reader has left.  That is fine if it has read all, and nothing else is to
 * come.
 */
static bool
is_finished(struct delivery *d, enum dispatch_status status)
{
	return status == DISPATCH_END && passing_run(d->marks, false, true) == 0 &&
	    passing_is_over(d->marks);
}

/*
 * 0 with a parcel, or with NULL at the end; or an errno.  Marks are passed on
 * meanwhile, and after the last parcel.
 */
static int
next_parcel(struct delivery *d, struct parcel **p)
{
	bool idle = false;

	passing_begin(d->marks);
	for (;;) {
		bool ready = is_ready(d);
		enum dispatch_status status;
		int error;

		if ((error = passing_run(d->marks, ready, idle)) != 0)
			return error;
		status = dispatch_take(d->spread->dispatch, d->i, ready, p);
		if (status == DISPATCH_OK || (status == DISPATCH_END && passing_is_over(d->marks)))
			return 0;
		/* Before it sleeps, it acknowledges what it can. */
		if (!idle && passing_owes(d->marks)) {
			idle = true;
			continue;
		}
		error = wait_for_parcel(d, ready);
		if (error == EPIPE && is_finished(d, status))
			return 0;
		if (error != 0)
			return error;
	}
}

/*
 * Waits for the first mark, which is on its way.  0, or an errno: ECANCELED if
 * the stage has been stopped.
 */
static int
lead_with_mark(struct delivery *d)
{
	int error = 0;

	while (!passing_may_write(d->marks)) {
		if ((error = passing_run(d->marks, true, false)) != 0 ||
		    passing_may_write(d->marks))
			break;
		if (stage_is_cancelled(d->stage))
			return ECANCELED;
		sleep_until(d, CLOCK_NEVER);
	}
	return error;
}

/* The sink writes them, and they end there. */
static int
pass_to_sink(struct delivery *d, struct parcel *p)
{
	size_t sent;

	/* --by copy: when the others have them, they are ours alone. */
	while (atomic_load(&p->holders) > 1 && ctx_state(d->stage->root) == CTX_LIVE)
		sleep_until(d, CLOCK_NEVER);
	if (atomic_load(&p->holders) > 1) {
		closing_copied(d->spread, d->shard, &d->out, p, 0);
		return ECANCELED;
	}
	if (closing_is_missing(d->spread, p)) {
		closing_cancelled(d->stage, &d->out, p);
		outbox_flush(&d->out);
		return 0;
	}
	stage_succeeded(d->stage, p->n);
	record_sendn(d->chan, d->stage->root, p->record, p->n, &sent);
	record_freen(p->record + sent, p->n - sent);
	p->n = 0;
	parcel_free(p);
	return 0;
}

/* Whether a SIGHUP has come that has not been seen yet. */
static bool
is_reopening(struct delivery *d)
{
	unsigned asked = atomic_load(&d->spread->reopens);
	bool is_new = asked != d->reopened;

	d->reopened = asked;
	return is_new;
}

/* Puts an LF after a last line that has none.  0, or an errno. */
static int
close_line(struct output *o, struct ctx *ctx)
{
	if (!o->line_is_open)
		return 0;
	o->line_is_open = false;
	(void)writer_put(o->writer, ctx, "\n", 1);
	return writer_flush(o->writer, ctx) == -1 ? errno : 0;
}

/* Writes the parcel.  *n is how many of its records are written, whole. */
static int
write_parcel(struct delivery *d, const struct parcel *p, size_t *n)
{
	struct writer *w = d->output->writer;
	struct ctx *root = d->stage->root;
	uint64_t bytes;
	int error;

	stage_begin_writing(d->stage);
	error = close_line(d->output, root);
	bytes = writer_bytes(w);
	for (size_t i = 0; i < p->n && error == 0; i++)
		error = writer_put(w, root, p->record[i].data, p->record[i].len + 1);
	link_start(d->output->link, worktime_now() + writer_copying(w));
	if (error == 0)
		error = writer_flush(w, root);
	if (error == -1)
		error = errno;
	link_stop(d->output->link, worktime_now());
	stage_end_writing(d->stage);
	bytes = writer_bytes(w) - bytes;
	*n = parcel_whole(p, bytes);
	metrics_add(d->shard, METRIC_BYTES_OUT, bytes);
	link_add(d->output->link, *n, bytes);
	return error;
}

/*
 * A file of a folder could not be written or made; that is told once.  With
 * marks the stage stops: no mark passes any more.
 */
static void
say_failed(struct delivery *d, const struct folder_result *result)
{
	char line[REPORT_SIZE];

	if (result->error == 0 || result->error == ECANCELED || d->said_failed)
		return;
	d->said_failed = true;
	if (stage_is_marked(d->stage)) {
		stage_abort_always(
		    d->stage, 2, "output %s: %s" COMES_AGAIN, d->output->path, result->why);
		return;
	}
	snprintf(line, sizeof(line), "output %s: %s; such records leave as dead letters",
	    d->output->path, result->why);
	cli_say(line);
	stage_set_status(d->stage, 2);
}

/*
 * Ends the records that are written, and buries the others.  With marks those
 * that the disk did not take come again.
 */
static void
end_by_fate(struct delivery *d, struct parcel *p, const struct folder_fate *fate)
{
	bool marked = stage_is_marked(d->stage);
	size_t written = 0;

	for (size_t i = 0; i < p->n; i++)
		if (fate[i].written)
			p->record[written++] = p->record[i];
		else if (fate[i].failed && marked)
			closing_cancel(d->stage, &d->out, &p->record[i]);
		else
			closing_bury(
			    d->stage, &d->out, &p->record[i], fate[i].reason, "%s", fate[i].why);
	p->n = written;
	link_add(d->output->link, written, 0);
	closing_written(d->spread, d->shard, p, written);
	parcel_free(p);
	outbox_flush(&d->out);
}

static int
deliver_to_files(struct delivery *d, struct parcel *p)
{
	struct folder_result result;

	if (stage_is_marked(d->stage))
		folder_keep(d->spread->folder);
	if (is_reopening(d))
		folder_reopen(d->spread->folder);
	result = folder_write(d->spread->folder, d->stage->root, p, d->fate);
	metrics_add(d->shard, METRIC_BYTES_OUT, result.bytes);
	link_add(d->output->link, 0, result.bytes);
	say_failed(d, &result);
	end_by_fate(d, p, d->fate);
	return 0;
}

/* After a rotation.  0, or an errno. */
static int
reopen(struct delivery *d)
{
	int error = passing_leave(d->marks);

	if (error != 0)
		return error;
	if (output_reopen(d->output) == -1)
		return errno;
	link_identify(d->output->link, d->output->fd);
	return passing_enter(d->marks);
}

/*
 * Writes the parcel and ends its records, or what is written of them.  Returns
 * 0, or an errno; then *rest is the parcel with what is left, or NULL.
 */
static int
deliver(struct delivery *d, struct parcel *p, struct parcel **rest)
{
	size_t n;
	int error;

	*rest = p;
	if ((error = lead_with_mark(d)) != 0)
		return error;
	*rest = NULL;
	if (d->output->kind == OUTPUT_STDOUT)
		return pass_to_sink(d, p);
	if (d->output->kind == OUTPUT_FOLDER)
		return deliver_to_files(d, p);
	if (d->output->kind == OUTPUT_FILE && is_reopening(d) && (error = reopen(d)) != 0) {
		*rest = p;
		return error;
	}
	error = write_parcel(d, p, &n);
	if (d->spread->by == BY_COPY) {
		metrics_add(d->shard, METRIC_WRITTEN, n);
		closing_copied(d->spread, d->shard, &d->out, p, n);
		outbox_flush(&d->out);
		return error;
	}
	closing_written(d->spread, d->shard, p, n);
	if (error == 0)
		parcel_free(p);
	else
		*rest = p;
	return error;
}

static void
describe_reader(const struct delivery *d, char *line, size_t size)
{
	uint64_t bytes, lines;

	output_unread(d->output, &bytes, &lines);
	if (bytes == 0)
		snprintf(line, size,
		    "output %s: its reader has left; it had read all that was written",
		    d->output->path);
	else
		snprintf(line, size,
		    "output %s: its reader has left; %" PRIu64 " record%s in the pipe (%" PRIu64
		    " bytes) %s not read",
		    d->output->path, lines, lines == 1 ? "" : "s", bytes,
		    lines == 1 ? "was" : "were");
}

/*
 * Why the output can't be written to any more.  With marks the stage stops: the
 * output's shares do not come back, whoever has the records.
 */
static void
say_left(const struct delivery *d, int error)
{
	char line[REPORT_SIZE];
	bool marked = stage_is_marked(d->stage);
	bool torn = d->output->writer != NULL && writer_is_torn(d->output->writer);

	if (error == EPIPE && !marked)
		describe_reader(d, line, sizeof(line));
	else
		snprintf(line, sizeof(line), "output %s: %s%s", d->output->path,
		    error == EPIPE       ? "its reader has left"
			: error == ENXIO ? "nobody reads this FIFO"
					 : strerror(error),
		    torn && error != EPIPE ? "; its last line is cut" : "");
	if (marked) {
		stage_abort_always(d->stage, 2, "%s" COMES_AGAIN, line);
		return;
	}
	cli_say(line);
	stage_set_status(d->stage, error == EPIPE ? 1 : 2);
}

/* What the output can't have: for the others, or a dead letter. */
static void
give_away(struct delivery *d, struct parcel *p)
{
	struct spread *s = d->spread;

	if (s->by == BY_COPY)
		closing_copied(s, d->shard, &d->out, p, 0);
	else if (s->by == BY_KEY && !stage_is_cancelled(d->stage))
		closing_unroutable(d->stage, &d->out, p, d->output->path);
	else if (stage_is_cancelled(d->stage) || !dispatch_return(s->dispatch, p))
		closing_cancelled(d->stage, &d->out, p);
}

/* The output can't be written to: it leaves the others, and has nothing. */
static void
leave(struct delivery *d, int error, struct parcel *rest)
{
	struct dispatch *dispatch = d->spread->dispatch;

	/* Before the others know of it: with marks they get nothing from us. */
	if (error != ECANCELED)
		say_left(d, error);
	dispatch_leave(dispatch, d->i);
	/* The first mark may have come meanwhile. */
	if (error != ECANCELED)
		closing_needs_all(d->spread);
	if (error != ECANCELED && dispatch_live(dispatch) == 0)
		stage_abort(d->stage, 2, "there is no output left");
	for (; rest != NULL; rest = dispatch_leftover(dispatch, d->i))
		give_away(d, rest);
	while ((rest = dispatch_leftover(dispatch, d->i)) != NULL)
		give_away(d, rest);
	outbox_flush(&d->out);
	dispatch_settle(dispatch, d->i);
}

/*
 * The end: whether the reader has left since the last write.  If it has read
 * everything it has only been faster than us.
 */
static bool
has_lost(const struct delivery *d)
{
	uint64_t bytes, lines;

	if (d->output->kind != OUTPUT_FIFO || output_has_reader(d->output))
		return false;
	output_unread(d->output, &bytes, &lines);
	return bytes > 0;
}

void
delivery_run(struct delivery *d, struct chan *out)
{
	struct parcel *p = NULL;
	int error;

	d->chan = out;
	outbox_init(&d->out, out, d->stage);
	if ((error = open_fifo(d)) == 0)
		error = passing_enter(d->marks);
	while (error == 0 && (error = next_parcel(d, &p)) == 0 && p != NULL)
		error = deliver(d, p, &p);
	if (error != 0)
		leave(d, error, p);
	else if (has_lost(d))
		say_left(d, EPIPE);
	link_close(d->output->link);
	output_close(d->output);
}
