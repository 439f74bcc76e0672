/* Exec mode: one process per batch of records. */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "answer.h"
#include "arguments.h"
#include "base/clock.h"
#include "base/units.h"
#include "collector.h"
#include "exec_worker.h"
#include "metrics/worktime.h"
#include "pfanout.h"
#include "proc/interpreter.h"
#include "stage/hint.h"
#include "stage/pipeline.h"
#include "stage/traced.h"
#include "stage/tracing.h"
#include "sync/ctx.h"

#define START_TRIES 8 /* while the system has no process to spare */

/* The command need not read its stdin. */
static void
write_input(struct exec_worker *e)
{
	size_t whole;

	if (!worker_write(&e->w, &e->input, &whole) || !inflight_has_unwritten(&e->input))
		child_close_in(&e->w.child);
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
		    "it printed more than %zu bytes, 4 MiB above --max-record", e->printed.most);
	else
		snprintf(f->message, sizeof(f->message), "its output: %s", strerror(error));
}

/* What this stage writes, the next one must be able to read. */
static void
judge_lines(const struct exec_worker *e, struct failure *f)
{
	size_t max = e->w.stage->opt->max_record;
	size_t len = printed_long_line(&e->printed, max);

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
			out_open = printed_read(&e->printed, e->w.child.out, &error);
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

/*
 * With a status that asks for another attempt or rejects, the last line printed
 * can be a request of this kind, as in map mode: then it has the message, and
 * how long to wait.
 */
static void
take_request(const struct exec_worker *e, struct failure *f)
{
	struct failure asked;
	size_t len;
	const char *line = printed_last_line(&e->printed, &len);

	if (line == NULL || answer_request(line, len, &asked) == ANSWER_BAD ||
	    asked.reason != f->reason)
		return;
	f->wait = asked.wait;
	if (*asked.message != '\0')
		memcpy(f->message, asked.message, sizeof(f->message));
}

/* How a child that exited by itself fared. */
static void
judge_exit(struct exec_worker *e, struct failure *f)
{
	static const enum reason reasons[] = {[MEANS_SUCCESS] = REASON_COUNT,
	    [MEANS_FAILURE] = REASON_EXIT,
	    [MEANS_RETRY] = REASON_EXHAUSTED,
	    [MEANS_REJECT] = REASON_REJECTED};
	int status = e->w.child.status;
	enum exit_meaning meaning =
	    WIFEXITED(status) ? exits_mean(&e->w.pf->exits, WEXITSTATUS(status)) : MEANS_FAILURE;
	char how[WORKER_STATUS_SIZE];

	if (meaning == MEANS_SUCCESS)
		return;
	if (stage_stop_ended(e->w.stage, status)) {
		f->reason = REASON_CANCELLED;
		return;
	}
	worker_status(status, how);
	f->exited = true;
	f->reason = WIFSIGNALED(status) ? REASON_SIGNAL : reasons[meaning];
	snprintf(
	    f->message, sizeof(f->message), "%s%s", WIFSIGNALED(status) ? "died of " : "", how);
	if (meaning != MEANS_FAILURE)
		take_request(e, f);
}

/* For traces: a process has all records of the batch. */
static void
note_attempts(struct exec_worker *e)
{
	int64_t now = clock_now();

	if (!tracing_records(e->w.stage->tracing))
		return;
	for (size_t i = 0; i < e->batch.records.n; i++)
		traced_attempt(queue_at(&e->batch.records, i), e->w.slot, now);
}

/* The child has been started: from here to the result. */
static void
attempt_batch(struct exec_worker *e)
{
	size_t n = e->batch.records.n;
	int64_t begun = worktime_now(), ended;
	pid_t pid = e->w.child.pid;
	struct failure f = {0};

	e->input = (struct inflight){.queue = e->batch.records};
	(void)inflight_give(&e->input, n, SIZE_MAX, clock_now());
	note_attempts(e);
	metrics_add(e->w.shard, METRIC_STARTS, 1);
	metrics_add(e->w.shard, METRIC_GIVEN, n);
	stopwatch_start(&e->w.shard->time[TIME_BUSY], begun);
	serve_child(e, &f);
	if (f.reason == REASON_COUNT) {
		child_reap(&e->w.child);
		judge_exit(e, &f);
		if (f.reason == REASON_COUNT)
			judge_lines(e, &f);
	} else
		worker_stop(&e->w);
	child_close(&e->w.child);
	metrics_add(e->w.shard, METRIC_EXITS, 1);
	ended = worktime_now();
	stopwatch_stop(&e->w.shard->time[TIME_BUSY], ended);
	metrics_add(e->w.shard, METRIC_ENDED, n);
	histogram_add(&e->w.shard->latency, ended - begun, n);
	if (f.reason == REASON_COUNT)
		exec_accept(e);
	else if (f.reason == REASON_CANCELLED)
		exec_cancel(e);
	else
		exec_attempt_failed(e, &f, pid);
	printed_free(&e->printed);
}

/* Starts the child.  The system may have no process to spare for a moment. */
static int
spawn_child(struct exec_worker *e, const char *path, char *const argv[], char *const env[])
{
	int64_t wait = 10 * CLOCK_MS;

	for (int tries = 1; child_spawn(&e->w.child, path, argv, env) == -1; tries++) {
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
		exec_refuse(
		    e, REASON_BAD_ARGUMENT, "the arguments are longer than the system allows");
	else if (e->w.pf->path == NULL && (error == ENOENT || error == EACCES)) {
		exec_refuse(
		    e, REASON_BAD_ARGUMENT, "%s: %s", command, interpreter_error(path, error, why));
		stage_hint(e->w.stage, hint_for_command(e->w.pf->argv[0]));
	} else {
		stage_abort(e->w.stage, 2, "worker %u: cannot start %s: %s", e->w.slot, command,
		    interpreter_error(path, error, why));
		exec_cancel(e);
	}
}

/* False: there are none, and the batch was refused. */
static bool
make_arguments(struct exec_worker *e, char ***argv)
{
	struct arguments_facts facts = {.record = queue_at(&e->batch.records, 0),
	    .number = e->batch.number,
	    .size = e->batch.records.n,
	    .slot = e->w.slot};
	const char *bad;

	if (e->w.pf->batch == 0)
		facts.number = facts.record->seq + 1;
	switch (arguments_fill(e->w.pf->arguments, &facts, argv, &bad)) {
	case ARGUMENTS_NO_KEY:
		exec_refuse(e, REASON_NO_KEY, "no value for the argument %s", bad);
		return false;
	case ARGUMENTS_NUL:
		exec_refuse(e, REASON_BAD_ARGUMENT, "a NUL in the argument %s", bad);
		return false;
	case ARGUMENTS_NO_MEMORY:
		exec_refuse(e, REASON_BAD_ARGUMENT, "no memory for the arguments");
		return false;
	case ARGUMENTS_OK:
		break;
	}
	return true;
}

/* With --rate each process takes a token.  False: work is cancelled. */
static bool
wait_for_credit(struct exec_worker *e)
{
	struct pass *pass = &e->w.pass;
	int64_t now = clock_now();

	while (!pass_take(pass, now)) {
		struct pollfd woken = intake_pollfd(&e->w.intake);

		(void)ctx_poll(e->w.stage->work, &woken, 1, pass_next(pass, now));
		park_clear(&e->w.intake.parker);
		if (stage_is_cancelled(e->w.stage))
			break;
		now = clock_now();
	}
	pass_rest(pass);
	return !stage_is_cancelled(e->w.stage);
}

/*
 * A process for one record continues its trace; one for a batch is the run's.
 */
static int
make_environment(const struct exec_worker *e, char ***env)
{
	if (e->w.pf->batch > 0)
		return 0;
	return traced_environment(e->w.stage, queue_at(&e->batch.records, 0), env);
}

static void
execute_batch(struct exec_worker *e)
{
	char **argv, **env = NULL, *found = NULL;
	const char *path;

	if (!make_arguments(e, &argv))
		return;
	if ((path = e->w.pf->path) == NULL)
		path = found = child_find(argv[0]);
	if (path != NULL && !wait_for_credit(e))
		exec_cancel(e);
	else if (path == NULL || make_environment(e, &env) == -1 ||
	    spawn_child(e, path, argv, env != NULL ? env : tracing_environment(e->w.stage)) == -1)
		start_failed(e, argv[0], path, errno);
	else
		attempt_batch(e);
	free(found);
	free(env);
	free(argv);
}

static void
run_exec_worker(void *state, struct ctx *ctx, struct chan *in, struct chan *out)
{
	struct exec_worker *e = state;

	(void)ctx;
	/*
	 * Even where that fails collector_next() works, and each batch is
	 * cancelled.
	 */
	(void)worker_begin(&e->w, in, out);
	while (collector_next(e->w.pf->collector, &e->w, &e->batch)) {
		if (stage_is_cancelled(e->w.stage))
			exec_cancel(e);
		else
			execute_batch(e);
	}
	worker_end(&e->w);
}

static int
open_exec_worker(struct processor *p, unsigned index, void **state)
{
	struct exec_worker *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return -1;
	worker_init(&e->w, p->arg, index);
	e->printed.most = STAGE_BYTES + e->w.stage->opt->max_record;
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
