/* Exec mode: one process per record. */

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arguments.h"
#include "base/clock.h"
#include "base/units.h"
#include "pfanout.h"
#include "proc/interpreter.h"
#include "stage/pipeline.h"
#include "sync/ctx.h"
#include "worker.h"

#define OUTPUT_FIRST (4 * 1024)
#define START_TRIES 8 /* while the system has no process to spare */

struct exec_worker {
	struct worker w;
	struct record *input; /* the record being worked on */
	size_t written;       /* bytes of it in the child's stdin */
	struct slab *output;  /* what the child has printed */
	size_t printed;
};

/* Bytes that an attempt may print. */
static size_t
most_output(const struct exec_worker *e)
{
	return STAGE_BYTES + e->w.stage->opt->max_record;
}

/* Makes room for more output.  -1 with errno: EFBIG beyond the bound. */
static int
grow_output(struct exec_worker *e)
{
	size_t size = e->output == NULL ? OUTPUT_FIRST : 2 * e->output->size;
	size_t most = most_output(e);
	struct slab *s;

	if (e->printed > most) {
		errno = EFBIG;
		return -1;
	}
	if (e->output != NULL && e->printed + 1 < e->output->size)
		return 0;
	if (size > most + 2)
		size = most + 2; /* a byte to see that it is over, and an LF */
	if ((s = slab_new(size, 1)) == NULL)
		return -1;
	if (e->output != NULL) {
		memcpy(s->data, e->output->data, e->printed);
		slab_release(e->output, 1);
	}
	e->output = s;
	return 0;
}

/* Reads what the child has printed.  False at the end, or with *error set. */
static bool
read_output(struct exec_worker *e, int *error)
{
	ssize_t n;

	*error = 0;
	for (;;) {
		if (grow_output(e) == -1) {
			*error = errno;
			return false;
		}
		n = read(
		    e->w.child.out, e->output->data + e->printed, e->output->size - e->printed - 1);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == -1;
		e->printed += (size_t)n;
	}
}

static void
forget_output(struct exec_worker *e)
{
	if (e->output != NULL)
		slab_release(e->output, 1);
	e->output = NULL;
	e->printed = 0;
}

/* The command need not read its stdin. */
static void
write_input(struct exec_worker *e)
{
	const struct record *r = e->input;

	while (e->written < r->len + 1) {
		ssize_t n = write(e->w.child.in, r->data + e->written, r->len + 1 - e->written);

		if (n == -1 && errno == EAGAIN)
			return;
		if (n == -1 && errno != EINTR)
			break;
		if (n > 0)
			e->written += (size_t)n;
	}
	child_close_in(&e->w.child);
}

/* The attempt succeeded: the lines printed are the results. */
static void
accept_output(struct exec_worker *e)
{
	struct record answer = {.slab = e->output};

	if (e->printed > 0) {
		/* The last line may lack its LF. */
		answer.len = e->output->data[e->printed - 1] == '\n' ? e->printed - 1 : e->printed;
		answer.data = e->output->data;
		answer.data[answer.len] = '\n';
		answer.lines = record_lines(&answer);
		record_detach(&answer);
		e->output = NULL;
	} else
		answer.slab = NULL;
	stage_answer(e->w.stage, e->input, &answer, RECORD_LINES);
	outbox_put(&e->w.out, e->input);
}

static void
attempt_failed(struct exec_worker *e, struct failure *f, pid_t pid)
{
	f->slot = e->w.slot;
	f->pid = pid;
	f->exited = f->reason == REASON_EXIT || f->reason == REASON_SIGNAL;
	f->wait_status = e->w.child.status;
	f->log = e->w.child.log;
	f->log_len = e->w.child.log_len;
	if (pfanout_attempt_failed(e->w.pf, e->w.shard, e->input, f))
		outbox_put(&e->w.out, e->input);
}

/* The record could not be tried, and never can. */
static void __attribute__((format(printf, 3, 4)))
refuse_record(struct exec_worker *e, enum reason reason, const char *fmt, ...)
{
	struct failure f = {.reason = reason};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f.message, sizeof(f.message), fmt, ap);
	va_end(ap);
	stage_bury(e->w.stage, e->input, &f);
	outbox_put(&e->w.out, e->input);
}

static void
cancel_record(struct exec_worker *e)
{
	stage_bury_cancelled(e->w.stage, e->input);
	outbox_put(&e->w.out, e->input);
}

static void
describe_timeout(const struct exec_worker *e, struct failure *f)
{
	char limit[UNITS_TEXT_SIZE];

	f->reason = REASON_TIMEOUT;
	units_format_duration(e->w.pf->timeout, limit);
	snprintf(f->message, sizeof(f->message), "not done in %s", limit);
}

static void
describe_output_error(const struct exec_worker *e, struct failure *f, int error)
{
	f->reason = REASON_BAD_ANSWER;
	if (error == EFBIG)
		snprintf(f->message, sizeof(f->message),
		    "it printed more than %zu bytes, 4 MiB above --max-record", most_output(e));
	else
		snprintf(f->message, sizeof(f->message), "its output: %s", strerror(error));
}

/* The length of the first line that is over the limit; 0: there is none. */
static size_t
long_line(const char *at, size_t left, size_t max)
{
	while (left > max) {
		const char *lf = memchr(at, '\n', left);
		size_t len = lf != NULL ? (size_t)(lf - at) : left;

		if (len > max)
			return len;
		at += len + 1;
		left -= len + 1;
	}
	return 0;
}

/* What this stage writes, the next one must be able to read. */
static void
judge_lines(const struct exec_worker *e, struct failure *f)
{
	size_t max = e->w.stage->opt->max_record;
	size_t len = e->printed > max ? long_line(e->output->data, e->printed, max) : 0;

	if (len == 0)
		return;
	f->reason = REASON_BAD_ANSWER;
	snprintf(f->message, sizeof(f->message),
	    "it printed a line of %zu bytes, over --max-record %zu", len, max);
}

/*
 * Serves the child until it has exited and its output is over, or the attempt
 * has to be broken off: then f says why.  f->reason is REASON_COUNT if the
 * child ended by itself.
 */
static void
serve_child(struct exec_worker *e, struct failure *f)
{
	int64_t until = clock_after(clock_now(), e->w.pf->timeout);
	bool out_open = true;
	unsigned events;
	int error = 0;

	f->reason = REASON_COUNT;
	worker_begin_limit(&e->w);
	write_input(e);
	for (;;) {
		if (!worker_poll(&e->w, POLLOUT, out_open, worker_limit(&e->w, until), &events)) {
			/* All that it printed is there: it is done. */
			if (!e->w.child.exited || out_open)
				f->reason = REASON_CANCELLED;
			return;
		}
		if ((events & (EVENT_IN | EVENT_IN_CLOSED)) != 0)
			write_input(e);
		if ((events & EVENT_OUT) != 0)
			out_open = read_output(e, &error);
		if (error != 0) {
			describe_output_error(e, f, error);
			return;
		}
		if ((events & EVENT_EXIT) != 0)
			return;
		if (e->w.overslept > 0)
			until = clock_after(until, e->w.overslept);
		else if (clock_now() >= worker_limit(&e->w, until)) {
			describe_timeout(e, f);
			return;
		}
	}
}

/* How a child that exited by itself fared. */
static void
judge_exit(struct exec_worker *e, struct failure *f)
{
	int status = e->w.child.status;
	char how[WORKER_STATUS_SIZE];

	if (WIFEXITED(status) && e->w.pf->ok_status[WEXITSTATUS(status)])
		return;
	if (stage_stop_ended(e->w.stage, status)) {
		f->reason = REASON_CANCELLED;
		return;
	}
	worker_status(status, how);
	f->reason = WIFSIGNALED(status) ? REASON_SIGNAL : REASON_EXIT;
	snprintf(
	    f->message, sizeof(f->message), "%s%s", WIFSIGNALED(status) ? "died of " : "", how);
}

/* The child has been started: from here to the result. */
static void
attempt_record(struct exec_worker *e)
{
	int64_t begun = clock_now();
	pid_t pid = e->w.child.pid;
	struct failure f = {0};

	e->written = 0;
	metrics_add(e->w.shard, METRIC_STARTS, 1);
	metrics_add(e->w.shard, METRIC_GIVEN, 1);
	serve_child(e, &f);
	if (f.reason == REASON_COUNT) {
		child_reap(&e->w.child);
		judge_exit(e, &f);
		if (f.reason == REASON_COUNT)
			judge_lines(e, &f);
	} else
		child_stop(&e->w.child);
	child_close(&e->w.child);
	metrics_add(e->w.shard, METRIC_EXITS, 1);
	metrics_add(e->w.shard, METRIC_ENDED, 1);
	histogram_add(&e->w.shard->latency, clock_now() - begun, 1);
	if (f.reason == REASON_COUNT)
		accept_output(e);
	else if (f.reason == REASON_CANCELLED)
		cancel_record(e);
	else
		attempt_failed(e, &f, pid);
	forget_output(e);
}

/* Starts the child.  The system may have no process to spare for a moment. */
static int
spawn_child(struct exec_worker *e, const char *path, char *const argv[])
{
	int64_t wait = 10 * CLOCK_MS;

	for (int tries = 1; child_spawn(&e->w.child, path, argv) == -1; tries++) {
		if ((errno != EAGAIN && errno != ENOMEM && errno != EMFILE && errno != ENFILE) ||
		    tries == START_TRIES)
			return -1;
		if (ctx_poll(e->w.stage->work, NULL, 0, clock_now() + wait) == -1 ||
		    stage_is_cancelled(e->w.stage))
			return -1;
		wait *= 2;
	}
	return 0;
}

/* path: NULL if no file was found. */
static void
start_failed(struct exec_worker *e, const char *command, const char *path, int error)
{
	char why[INTERPRETER_WHY_SIZE];

	if (error == E2BIG)
		refuse_record(
		    e, REASON_BAD_ARGUMENT, "the arguments are longer than the system allows");
	else if (e->w.pf->path == NULL && (error == ENOENT || error == EACCES))
		refuse_record(
		    e, REASON_BAD_ARGUMENT, "%s: %s", command, interpreter_error(path, error, why));
	else {
		stage_abort(e->w.stage, 2, "worker %u: cannot start %s: %s", e->w.slot, command,
		    interpreter_error(path, error, why));
		cancel_record(e);
	}
}

static void
execute_record(struct exec_worker *e)
{
	char **argv, *found = NULL;
	const char *bad, *path;

	switch (arguments_fill(e->w.pf->arguments, e->input, e->w.slot, &argv, &bad)) {
	case ARGUMENTS_NO_KEY:
		refuse_record(e, REASON_NO_KEY, "no value for the argument %s", bad);
		return;
	case ARGUMENTS_NUL:
		refuse_record(e, REASON_BAD_ARGUMENT, "a NUL in the argument %s", bad);
		return;
	case ARGUMENTS_NO_MEMORY:
		refuse_record(e, REASON_BAD_ARGUMENT, "no memory for the arguments");
		return;
	case ARGUMENTS_OK:
		break;
	}
	if ((path = e->w.pf->path) == NULL)
		path = found = child_find(argv[0]);
	if (path == NULL || spawn_child(e, path, argv) == -1)
		start_failed(e, argv[0], path, errno);
	else
		attempt_record(e);
	free(found);
	free(argv);
}

static void
take_record(struct exec_worker *e, struct record *r)
{
	e->input = r;
	if (r->kind != RECORD_DATA)
		outbox_put(&e->w.out, r);
	else if (stage_is_cancelled(e->w.stage))
		cancel_record(e);
	else if (!stage_check(e->w.stage, r))
		outbox_put(&e->w.out, r);
	else {
		record_detach(r);
		execute_record(e);
	}
	outbox_flush(&e->w.out);
}

static void
run_exec_worker(void *state, struct ctx *ctx, struct chan *in, struct chan *out)
{
	struct exec_worker *e = state;
	struct record r;

	(void)ctx;
	/*
	 * Even where that fails intake_wait() works, and each record is
	 * cancelled.
	 */
	(void)worker_begin(&e->w, in, out);
	while (intake_wait(&e->w.intake, &r, 1) == 1)
		take_record(e, &r);
	worker_end(&e->w);
}

static int
open_exec_worker(struct processor *p, unsigned index, void **state)
{
	struct exec_worker *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return -1;
	worker_init(&e->w, p->arg, index);
	*state = e;
	return 0;
}

struct processor
exec_processor(struct pfanout *pf)
{
	return (struct processor){.name = "exec",
	    .workers = pf->jobs,
	    .arg = pf,
	    .open = open_exec_worker,
	    .run = run_exec_worker,
	    .close = free};
}
