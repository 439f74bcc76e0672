/* One process per record. */

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sync/chan.h"
#include "proc/child.h"
#include "base/clock.h"
#include "sync/ctx.h"
#include "pfanout.h"
#include "intake.h"
#include "stage/pipeline.h"
#include "stage/retry.h"
#include "template.h"
#include "base/units.h"

CHAN_OF(record, struct record)

#define OUTPUT_FIRST (4 * 1024)
#define OVERSLEPT (500 * CLOCK_MS)
#define START_TRIES 8 /* when the system has no process to spare just now */

struct executor {
	struct pfanout *pf;
	struct stage *stage;
	struct metrics_shard *shard;
	unsigned slot;
	struct chan *out;
	struct intake intake;
	struct child child;
	struct record *input; /* the record being worked on */
	size_t written;       /* bytes of it in the child's stdin */
	struct slab *output;  /* what it has printed */
	size_t printed;
};

enum { FD_INTAKE, FD_IN, FD_OUT, FD_ERR, FD_EXIT, FDS };

static void
emit(struct executor *e, struct record *r)
{
	if (record_sendn(e->out, e->stage->root, r, 1, NULL) != CHAN_OK)
		record_free(r);
}

/* Room for more output.  -1 with errno: EFBIG beyond the bound. */
static int
grow_output(struct executor *e)
{
	size_t size = e->output == NULL ? OUTPUT_FIRST : 2 * e->output->size;
	size_t most = STAGE_BYTES + e->stage->opt->max_record;
	struct slab *s;

	if (e->printed > most) {
		errno = EFBIG;
		return -1;
	}
	if (e->output != NULL && e->printed + 1 < e->output->size)
		return 0;
	if (size > most + 2)
		size = most + 2; /* one byte over, to see that it is over, and an LF */
	if ((s = slab_new(size, 1)) == NULL)
		return -1;
	if (e->output != NULL) {
		memcpy(s->data, e->output->data, e->printed);
		slab_release(e->output, 1);
	}
	e->output = s;
	return 0;
}

/* Reads what it has printed.  False at the end, or with *error set. */
static bool
read_output(struct executor *e, int *error)
{
	ssize_t n;

	*error = 0;
	for (;;) {
		if (grow_output(e) == -1) {
			*error = errno;
			return false;
		}
		n = read(
		    e->child.out, e->output->data + e->printed, e->output->size - e->printed - 1);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == -1;
		e->printed += (size_t)n;
	}
}

static void
forget_output(struct executor *e)
{
	if (e->output != NULL)
		slab_release(e->output, 1);
	e->output = NULL;
	e->printed = 0;
}

/* The command need not read its stdin. */
static void
write_input(struct executor *e)
{
	const struct record *r = e->input;

	while (e->written < r->len + 1) {
		ssize_t n = write(e->child.in, r->data + e->written, r->len + 1 - e->written);

		if (n == -1 && errno == EAGAIN)
			return;
		if (n == -1 && errno != EINTR)
			break;
		if (n > 0)
			e->written += (size_t)n;
	}
	child_close_in(&e->child);
}

/* The attempt succeeded: its lines are the results. */
static void
succeed(struct executor *e)
{
	struct record answer = {.slab = e->output};

	if (e->printed > 0) {
		/* A last line may lack its LF. */
		answer.len = e->output->data[e->printed - 1] == '\n' ? e->printed - 1 : e->printed;
		answer.data = e->output->data;
		answer.data[answer.len] = '\n';
		answer.lines = record_lines(&answer);
		record_detach(&answer);
		e->output = NULL;
	} else
		answer.slab = NULL;
	stage_answer(e->stage, e->input, &answer, RECORD_LINES);
	emit(e, e->input);
}

static void
fail(struct executor *e, struct failure *f, pid_t pid)
{
	f->slot = e->slot;
	f->pid = pid;
	f->exited = f->reason == REASON_EXIT || f->reason == REASON_SIGNAL;
	f->wait_status = e->child.status;
	f->log = e->child.log;
	f->log_len = e->child.log_len;
	if (pfanout_attempt_failed(e->pf, e->shard, e->input, f))
		emit(e, e->input);
}

/* It could not even be tried, and never can. */
static void __attribute__((format(printf, 3, 4)))
refuse(struct executor *e, enum reason reason, const char *fmt, ...)
{
	struct failure f = {.reason = reason};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f.message, sizeof(f.message), fmt, ap);
	va_end(ap);
	stage_bury(e->stage, e->input, &f);
	emit(e, e->input);
}

/* Why an attempt was broken off; f->reason is REASON_COUNT if it ended by itself. */
static void
attend(struct executor *e, struct failure *f)
{
	int64_t until = clock_after(clock_now(), e->pf->timeout), late;
	struct pollfd fds[FDS];
	char limit[UNITS_TEXT_SIZE];
	bool out_open = true;
	int error = 0;

	f->reason = REASON_COUNT;
	write_input(e);
	for (;;) {
		fds[FD_INTAKE] = intake_pollfd(&e->intake);
		fds[FD_IN] = (struct pollfd){e->child.in, POLLOUT, 0};
		fds[FD_OUT] = (struct pollfd){out_open ? e->child.out : -1, POLLIN, 0};
		fds[FD_ERR] = (struct pollfd){e->child.err, POLLIN, 0};
		fds[FD_EXIT] = (struct pollfd){e->child.pidfd, POLLIN, 0};
		if (ctx_poll(e->stage->root, fds, FDS, until) == -1 ||
		    stage_is_cancelled(e->stage)) {
			f->reason = REASON_CANCELLED;
			return;
		}
		if (fds[FD_IN].revents != 0)
			write_input(e);
		if (fds[FD_OUT].revents != 0)
			out_open = read_output(e, &error);
		if (fds[FD_ERR].revents != 0)
			child_read_log(&e->child);
		if (error != 0) {
			f->reason = REASON_BAD_ANSWER;
			snprintf(f->message, sizeof(f->message), "its output: %s",
			    error == EFBIG ? "longer than may be kept" : strerror(error));
			return;
		}
		if (fds[FD_EXIT].revents != 0)
			return;
		if ((late = clock_now() - until) > OVERSLEPT && until != CLOCK_NEVER)
			until += late;
		else if (late >= 0) {
			f->reason = REASON_TIMEOUT;
			units_format_duration(e->pf->timeout, limit);
			snprintf(f->message, sizeof(f->message), "not done in %s", limit);
			return;
		}
		park_clear(&e->intake.parker);
	}
}

/* How a child that exited by itself fared. */
static void
judge(struct executor *e, struct failure *f)
{
	int status = e->child.status;

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	if (WIFEXITED(status)) {
		f->reason = REASON_EXIT;
		snprintf(f->message, sizeof(f->message), "exit status %d", WEXITSTATUS(status));
	} else {
		f->reason = REASON_SIGNAL;
		snprintf(f->message, sizeof(f->message), "died of SIG%s",
		    sigabbrev_np(WTERMSIG(status)));
	}
}

static void
attempt(struct executor *e)
{
	int64_t begun = clock_now();
	pid_t pid = e->child.pid;
	struct failure f = {0};
	int error;

	e->written = 0;
	metrics_add(e->shard, METRIC_STARTS, 1);
	metrics_add(e->shard, METRIC_GIVEN, 1);
	attend(e, &f);
	if (f.reason == REASON_COUNT) {
		child_reap(&e->child);
		read_output(e, &error);
		judge(e, &f);
	} else
		child_stop(&e->child);
	child_close(&e->child);
	metrics_add(e->shard, METRIC_EXITS, 1);
	metrics_add(e->shard, METRIC_ENDED, 1);
	histogram_add(&e->shard->latency, clock_now() - begun, 1);
	if (f.reason == REASON_COUNT)
		succeed(e);
	else if (f.reason == REASON_CANCELLED) {
		stage_bury_cancelled(e->stage, e->input);
		emit(e, e->input);
	} else
		fail(e, &f, pid);
	forget_output(e);
}

/* The system may have no process or descriptor to spare for a moment. */
static int
spawn(struct executor *e, const char *path, char *const argv[])
{
	int64_t wait = 10 * CLOCK_MS;

	for (int tries = 1; child_spawn(&e->child, path, argv) == -1; tries++) {
		if ((errno != EAGAIN && errno != ENOMEM && errno != EMFILE && errno != ENFILE) ||
		    tries == START_TRIES)
			return -1;
		if (ctx_poll(e->stage->work, NULL, 0, clock_now() + wait) == -1 ||
		    stage_is_cancelled(e->stage))
			return -1;
		wait *= 2;
	}
	return 0;
}

static void
start_failed(struct executor *e, const char *command, int error)
{
	if (error == E2BIG)
		refuse(e, REASON_BAD_ARGUMENT, "the arguments are longer than the system allows");
	else if (e->pf->path == NULL && (error == ENOENT || error == EACCES))
		refuse(e, REASON_BAD_ARGUMENT, "%s: %s", command, strerror(error));
	else {
		stage_abort(e->stage, 2, "worker %u: can't start %s: %s", e->slot, command,
		    strerror(error));
		stage_bury_cancelled(e->stage, e->input);
		emit(e, e->input);
	}
}

static void
execute(struct executor *e)
{
	char **argv, *path = NULL;
	const char *bad;

	switch (template_fill(e->pf->template, e->input, e->slot, &argv, &bad)) {
	case TEMPLATE_NO_KEY:
		refuse(e, REASON_NO_KEY, "no value for the argument %s", bad);
		return;
	case TEMPLATE_NUL:
		refuse(e, REASON_BAD_ARGUMENT, "a NUL in the argument %s", bad);
		return;
	case TEMPLATE_NO_MEMORY:
		refuse(e, REASON_BAD_ARGUMENT, "no memory for the arguments");
		return;
	case TEMPLATE_OK:
		break;
	}
	if (e->pf->path == NULL && (path = child_find(argv[0])) == NULL)
		start_failed(e, argv[0], errno);
	else if (spawn(e, path != NULL ? path : e->pf->path, argv) == -1)
		start_failed(e, argv[0], errno);
	else
		attempt(e);
	free(path);
	free(argv);
}

static void
take_record(struct executor *e, struct record *r)
{
	e->input = r;
	if (r->kind != RECORD_DATA)
		emit(e, r);
	else if (stage_is_cancelled(e->stage)) {
		stage_bury_cancelled(e->stage, r);
		emit(e, r);
	} else if (!stage_check(e->stage, r))
		emit(e, r);
	else {
		record_detach(r);
		execute(e);
	}
}

/* Waits for a record.  False: there will be none. */
static bool
next_record(struct executor *e, struct record *r)
{
	struct pollfd fd = intake_pollfd(&e->intake);

	for (;; fd.revents = 0) {
		if (intake_take(&e->intake, r, 1, UINT64_MAX) == 1)
			return true;
		if (intake_has_ended(&e->intake) || ctx_state(e->stage->root) != CTX_LIVE)
			return false;
		intake_watch(&e->intake, UINT64_MAX);
		if (intake_take(&e->intake, r, 1, UINT64_MAX) == 1) {
			intake_unwatch(&e->intake, false);
			return true;
		}
		if (!intake_has_ended(&e->intake))
			ctx_poll(e->stage->root, &fd, 1, CLOCK_NEVER);
		intake_unwatch(&e->intake, fd.revents != 0);
	}
}

static void
exec_run(void *state, struct ctx *ctx, struct chan *in, struct chan *out)
{
	struct executor *e = state;
	struct record r;

	(void)ctx;
	e->out = out;
	if (intake_open(&e->intake, e->pf, e->shard, in, retry_chan(e->pf->retry)) == -1) {
		stage_give_up(e->stage, 2, "worker %u: %s", e->slot, strerror(errno));
		return;
	}
	while (next_record(e, &r))
		take_record(e, &r);
	intake_close(&e->intake);
}

static int
exec_open(struct processor *p, unsigned worker, void **state)
{
	struct pfanout *pf = p->arg;
	struct executor *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return -1;
	e->pf = pf;
	e->stage = &pf->stage;
	e->shard = metrics_shard(pf->stage.metrics, SHARD_WORKERS + worker);
	e->slot = worker + 1;
	child_init(&e->child);
	*state = e;
	return 0;
}

struct processor
exec_processor(struct pfanout *pf)
{
	return (struct processor){.name = "exec",
	    .workers = pf->jobs,
	    .arg = pf,
	    .open = exec_open,
	    .run = exec_run,
	    .close = free};
}
