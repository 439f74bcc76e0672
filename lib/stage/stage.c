#include "stage/stage.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "json/json.h"
#include "metrics/worktime.h"
#include "record/deadfile.h"
#include "record/rotate.h"
#include "record/unwrap.h"
#include "stage/budget.h"
#include "stage/inputs.h"
#include "stage/traced.h"
#include "stage/tracing.h"
#include "sync/ctx.h"
#include "trace/carrier.h"

/* Buffers full of records that a stage may hold at a time. */
#define HELD_BUFFERS 32

/* How much later than a child's our own signal may come. */
#define STOP_PATIENCE (100 * CLOCK_MS)
/* After a wait in vain, no other one begins for so long. */
#define STOP_REST (2 * CLOCK_S)

static int
open_contexts(struct stage *st)
{
	if ((st->root = ctx_new(NULL, CLOCK_NEVER)) == NULL ||
	    (st->work = ctx_new(st->root, CLOCK_NEVER)) == NULL ||
	    (st->input = ctx_new(st->root, CLOCK_NEVER)) == NULL ||
	    (st->files = ctx_new(st->input, CLOCK_NEVER)) == NULL ||
	    (st->running = ctx_new(st->root, CLOCK_NEVER)) == NULL)
		return -1;
	return 0;
}

/* Why the file can't be opened. */
static const char *
explain(const char *path, int error)
{
	struct stat sb;

	return error == ENXIO && stat(path, &sb) == 0 && S_ISFIFO(sb.st_mode)
	    ? "nobody reads this FIFO; start its reader first"
	    : rotate_explain(path, error);
}

static int
open_dead(struct stage *st)
{
	const char *path = st->opt->dead_letter;

	if (path == NULL)
		return 0;
	if ((st->dead = deadfile_open(path, &st->opt->dead_how)) != NULL)
		return 0;
	snprintf(
	    st->error, sizeof(st->error), "dead-letter file %s: %s", path, explain(path, errno));
	return -1;
}

static int
open_input(struct stage *st)
{
	const char *why;

	if (st->inputs != NULL)
		return 0;
	if ((st->inputs = inputs_new(1)) != NULL && inputs_add(st->inputs, "-", &why) != NULL)
		return 0;
	snprintf(st->error, sizeof(st->error), "standard input: %s", strerror(errno));
	return -1;
}

struct metrics_link *
stage_output(struct stage *st)
{
	return &st->links->link[1];
}

size_t
stage_max_records(const struct options *opt)
{
	return HELD_BUFFERS * (opt->buffer + 1);
}

/* A stage that only passes records on has no workers to be told of. */
static int
open_metrics(struct stage *st, const struct stage_setup *setup)
{
	bool passes = setup->mode == STAGE_PASSES || setup->mode == STAGE_LIMITS, warn;

	st->stat = statfile_open(&(struct statfile_setup){.tool = st->tool,
				     .name = st->name,
				     .argv = setup->opt->argv,
				     .mode = setup->mode,
				     .workers = passes ? 0 : (uint32_t)setup->workers,
				     .capacity = setup->max_records,
				     .shards = (uint32_t)setup->shards + 1,
				     .engines = setup->engines},
	    st->no_metrics, &warn);
	if (st->stat == NULL)
		return -1;
	worktime_keep(&statfile_header(st->stat)->halted);
	st->metrics = statfile_metrics(st->stat);
	st->spans = metrics_shard(st->metrics, setup->shards);
	st->links = statfile_links(st->stat);
	(void)link_open(st->links, LINK_OUT, STDOUT_FILENO, "-");
	st->warn_metrics = warn;
	return 0;
}

int
stage_init(struct stage *st, const struct stage_setup *setup)
{
	struct budget_limits limits = {.records = setup->max_records,
	    .bytes = setup->max_bytes > 0 ? setup->max_bytes : STAGE_BYTES,
	    .spare = setup->workers,
	    .ordered = setup->keep_order};

	*st = (struct stage){.tool = setup->tool,
	    .name = setup->name,
	    .opt = setup->opt,
	    .mode = setup->mode,
	    .workers = setup->workers,
	    .keep_order = setup->keep_order,
	    .inputs = setup->inputs,
	    .first_mark = STAGE_NO_MARK,
	    .begun = clock_now()};
	pthread_mutex_init(&st->lock, NULL);
	if (open_contexts(st) == -1 || open_metrics(st, setup) == -1 ||
	    (st->budget = budget_new(&limits)) == NULL) {
		snprintf(st->error, sizeof(st->error), "out of memory");
		return -1;
	}
	if (open_input(st) == -1)
		return -1;
	inputs_set_links(st->inputs, st->links);
	if (open_dead(st) == -1)
		return -1;
	return tracing_open(st);
}

void
stage_free(struct stage *st)
{
	tracing_free(st->tracing);
	deadfile_close(st->dead);
	inputs_free(st->inputs);
	budget_free(st->budget);
	statfile_free(st->stat);
	ctx_free(st->running);
	ctx_free(st->files);
	ctx_free(st->input);
	ctx_free(st->work);
	ctx_free(st->root);
	pthread_mutex_destroy(&st->lock);
}

/* What an error does to the run. */
enum effect {
	FAULT,        /* the run goes on */
	ABORT,        /* ends it; not told if another one has ended it before */
	ABORT_ALWAYS, /* ends it, and is told in any case */
};

static void __attribute__((format(printf, 4, 0)))
remember_error(struct stage *st, int status, enum effect effect, const char *fmt, va_list ap)
{
	bool told;

	pthread_mutex_lock(&st->lock);
	told = effect != ABORT || !st->aborted;
	if (*st->error == '\0')
		vsnprintf(st->error, sizeof(st->error), fmt, ap);
	else if (told && st->more_errors < STAGE_MORE)
		vsnprintf(st->more[st->more_errors++], sizeof(st->more[0]), fmt, ap);
	if (!st->aborted && status > st->status)
		st->status = status;
	st->aborted = st->aborted || effect != FAULT;
	pthread_mutex_unlock(&st->lock);
}

void
stage_abort(struct stage *st, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	remember_error(st, status, ABORT, fmt, ap);
	va_end(ap);
	ctx_cancel(st->input);
	ctx_cancel(st->work);
}

void
stage_abort_always(struct stage *st, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	remember_error(st, status, ABORT_ALWAYS, fmt, ap);
	va_end(ap);
	ctx_cancel(st->input);
	ctx_cancel(st->work);
}

void
stage_fault(struct stage *st, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	remember_error(st, status, FAULT, fmt, ap);
	va_end(ap);
}

void
stage_set_status(struct stage *st, int status)
{
	pthread_mutex_lock(&st->lock);
	if (!st->aborted && status > st->status)
		st->status = status;
	pthread_mutex_unlock(&st->lock);
}

void
stage_begin_writing(struct stage *st)
{
	pthread_mutex_lock(&st->lock);
	if (st->writers++ == 0)
		stopwatch_start(&st->writing, worktime_now());
	pthread_mutex_unlock(&st->lock);
}

void
stage_end_writing(struct stage *st)
{
	pthread_mutex_lock(&st->lock);
	if (--st->writers == 0)
		stopwatch_stop(&st->writing, worktime_now());
	pthread_mutex_unlock(&st->lock);
}

void
stage_give_up(struct stage *st, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	remember_error(st, status, ABORT_ALWAYS, fmt, ap);
	va_end(ap);
	ctx_cancel(st->root);
}

void
stage_hang_up(struct stage *st)
{
	pthread_mutex_lock(&st->lock);
	st->hung_up = true;
	pthread_mutex_unlock(&st->lock);
	ctx_cancel(st->root);
}

void
stage_settle(struct stage *st)
{
	metrics_add(metrics_shard(st->metrics, 0), METRIC_UNWRITTEN, metrics_held(st->metrics));
}

void
stage_hint(struct stage *st, const char *text)
{
	const char *none = NULL;

	atomic_compare_exchange_strong(&st->hint, &none, text);
}

bool
stage_has_failed(struct stage *st)
{
	bool failed;

	pthread_mutex_lock(&st->lock);
	failed = (st->status != 0 && !st->makes_marks) || st->aborted || st->hung_up;
	pthread_mutex_unlock(&st->lock);
	return failed;
}

bool
stage_is_cancelled(const struct stage *st)
{
	return ctx_state(st->work) != CTX_LIVE;
}

bool
stage_stop_ended(struct stage *st, int wait_status)
{
	/* A shell or a runtime may exit with the number instead. */
	int sig = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status)
	    : WIFEXITED(wait_status)       ? WEXITSTATUS(wait_status) - 128
					   : 0;

	int64_t now = clock_now();

	if (sig != SIGINT && sig != SIGTERM && sig != SIGHUP)
		return false;
	/* Some commands end in this way all the time: don't wait for each. */
	if (now < atomic_load(&st->no_stop_before))
		return ctx_state(st->running) != CTX_LIVE;
	(void)ctx_poll(st->running, NULL, 0, clock_after(now, STOP_PATIENCE));
	if (ctx_state(st->running) != CTX_LIVE)
		return true;
	atomic_store(&st->no_stop_before, now + STOP_REST);
	return false;
}

static void
describe_worker(struct letter *l, const struct failure *f)
{
	if (f->slot == 0)
		return;
	l->worker.known = true;
	l->worker.slot = f->slot;
	l->worker.pid = f->pid;
	l->worker.log = f->log;
	l->worker.log_len = f->log_len;
	l->worker.out = f->out;
	l->worker.out_len = f->out_len;
	l->worker.shared = f->shared;
	l->worker.shared_first = f->shared_first;
	l->worker.shared_last = f->shared_last;
	if (!f->exited)
		return;
	l->worker.exited = WIFEXITED(f->wait_status);
	if (WIFEXITED(f->wait_status))
		l->worker.exit = WEXITSTATUS(f->wait_status);
	else if (WIFSIGNALED(f->wait_status))
		l->worker.signal = WTERMSIG(f->wait_status);
}

static void
describe_letter(
    const struct stage *st, const struct record *r, const struct failure *f, struct letter *l)
{
	uint64_t full_len = r->attempts == 0 && r->full_len > r->len ? r->full_len : 0;

	*l = (struct letter){
	    .stage = st->name,
	    .reason = f->reason,
	    .message = f->message,
	    .attempts = r->attempts,
	    .first_failed = r->attempts > 1 ? r->first_failed : 0,
	    .failed = clock_calendar(),
	    .input = r->input,
	    .line = r->line,
	    .offset = r->offset,
	    .full_len = f->half ? 0 : full_len,
	    .truncated = f->half || full_len > 0,
	    .payload = r->data,
	    .payload_len = r->len,
	};
	if (record_is_retry(r)) {
		l->id = r->origin->id;
		l->replays = r->origin->replays + 1;
		if (r->origin->first_failed != 0)
			l->first_failed = r->origin->first_failed;
	}
	describe_worker(l, f);
}

void
stage_count_share(struct stage *st, enum share_step step, uint64_t n, uint64_t failed)
{
	uint32_t tenths; /* of a percent, rounded up */
	bool over;

	pthread_mutex_lock(&st->lock);
	over = share_count(&st->share, step, n, failed);
	tenths = (st->share.failed + SHARE_ALL / 1000 - 1) / (SHARE_ALL / 1000);
	pthread_mutex_unlock(&st->lock);
	if (over)
		stage_abort(st, 2,
		    "stopped: %u.%u%% of the last records failed, over --max-failed %s",
		    tenths / 10, tenths % 10, st->max_share);
}

static void
count_failed_share(struct stage *st, enum reason reason)
{
	switch (reason) {
	case REASON_INVALID:
	case REASON_TOO_LONG:
		stage_count_share(st, SHARE_CHECKED, 1, 1);
		break;
	case REASON_NO_KEY:
		/* It has passed the check before. */
		stage_count_share(st, SHARE_CHECKED, 0, 1);
		break;
	default:
		stage_count_share(st, SHARE_ENDED, 1, 1);
		break;
	}
}

static void
count_failed(struct stage *st, enum reason reason)
{
	if (reason == REASON_CANCELLED)
		return;
	if (st->share.most != 0)
		count_failed_share(st, reason);
	if (atomic_fetch_add(&st->failed, 1) + 1 == st->max_failed)
		stage_abort(st, 2, "stopped after %ju failed records, as --max-failed says",
		    (uintmax_t)st->max_failed);
}

static int
make_letter(const struct letter *letter, struct record *dead)
{
	char *line;
	size_t len;
	int error;

	if (envelope_letter(letter, &line, &len) == -1)
		return -1;
	error = record_copy(dead, line, len - 1);
	free(line);
	return error;
}

/* A stage that passes retry envelopes on finds out here whose record it is. */
static void
look_into_envelope(const struct stage *st, struct record *r)
{
	if (!record_is_retry(r) && !st->opt->no_bypass && r->attempts == 0 && r->full_len == 0 &&
	    envelope_kind(r->data, r->len) == ENVELOPE_RETRY)
		unwrap(r);
}

void
stage_bury(struct stage *st, struct record *r, const struct failure *f)
{
	struct letter letter;
	struct record dead;

	look_into_envelope(st, r);
	if (record_span(r) != NULL)
		span_fail(record_span(r), f->reason, f->message);
	describe_letter(st, r, f, &letter);
	if (make_letter(&letter, &dead) == -1) {
		stage_give_up(st, 2,
		    "out of memory: the record of line %ju is lost, with its dead letter",
		    (uintmax_t)r->line);
		stage_drop(r);
		return;
	}
	record_empty(r);
	r->data = dead.data;
	r->len = dead.len;
	r->slab = dead.slab;
	r->kind = RECORD_DEAD;
	r->reason = (uint8_t)f->reason;
	r->answered = true;
	budget_answer(st->budget, r->len);
	count_failed(st, f->reason);
}

void
stage_bury_cancelled(struct stage *st, struct record *r)
{
	struct failure f = {
	    .reason = REASON_CANCELLED, .message = "the stage was stopped before it was done"};

	stage_bury(st, r, &f);
}

void
stage_bury_half(struct stage *st, struct record *r)
{
	struct failure f = {.reason = REASON_CANCELLED,
	    .message = "the stage stopped reading inside this line",
	    .half = true};

	stage_bury(st, r, &f);
}

static void
bury_too_long(struct stage *st, struct record *r)
{
	struct failure f = {.reason = REASON_TOO_LONG};

	snprintf(f.message, sizeof(f.message), "%ju bytes, over --max-record %zu",
	    r->full_len != 0 ? (uintmax_t)r->full_len : (uintmax_t)r->len, st->opt->max_record);
	stage_bury(st, r, &f);
}

static void
bury_invalid(struct stage *st, struct record *r, const struct json_error *e)
{
	struct failure f = {.reason = REASON_INVALID};

	snprintf(f.message, sizeof(f.message), "%s at byte %zu", e->what, e->offset);
	stage_bury(st, r, &f);
}

/* A record out of a retry envelope is there whole, however long it is. */
static bool
is_too_long(const struct stage *st, const struct record *r)
{
	return r->attempts == 0 &&
	    (r->full_len != 0 || (record_is_retry(r) && r->len > st->opt->max_record));
}

/*
 * Whether it is JSON, where that matters; if records are traced, *has_context
 * says whether it may have a trace context.
 */
static inline bool
is_valid(const struct stage *st, bool traces, const char *data, size_t len, bool *has_context,
    struct json_error *e)
{
	if (!traces)
		return st->opt->raw || json_check(data, len, e);
	if (!st->opt->raw)
		return carrier_check(data, len, has_context, e);
	*has_context = !st->opt->plain && carrier_is_likely(data, len);
	return true;
}

bool
stage_check(struct stage *st, struct record *r)
{
	bool has_context = false;
	struct json_error e;

	if (is_too_long(st, r))
		bury_too_long(st, r);
	else if (!is_valid(st, tracing_records(st->tracing), r->data, r->len, &has_context, &e))
		bury_invalid(st, r, &e);
	else {
		if (st->share.most != 0)
			stage_count_share(st, SHARE_CHECKED, 1, 0);
		traced_begin(st, r, has_context);
		return true;
	}
	return false;
}

/* Whether stage_check() would find nothing to do. */
static inline bool
is_sound(const struct stage *st, bool traces, const char *line, size_t len)
{
	bool has_context = false;

	return is_valid(st, traces, line, len, &has_context, NULL) && !has_context;
}

bool
stage_is_sound(const struct stage *st, const char *line, size_t len)
{
	return is_sound(st, tracing_records(st->tracing), line, len);
}

/* stage_check_run() line by line; compiled with and without traces. */
static inline uint64_t
check_lines(const struct stage *st, bool traces, const struct record *run, size_t *bytes)
{
	const char *line = run->data, *end = run->data + run->len + 1, *lf;
	uint64_t n;

	for (n = 0; n < run->lines; n++, line = lf + 1) {
		lf = memchr(line, '\n', (size_t)(end - line));
		if (!is_sound(st, traces, line, (size_t)(lf - line)))
			break;
	}
	*bytes = (size_t)(line - run->data);
	return n;
}

uint64_t
stage_check_run(struct stage *st, const struct record *run, size_t *bytes)
{
	uint64_t n = run->lines;

	*bytes = run->len + 1;
	if (tracing_records(st->tracing))
		n = check_lines(st, true, run, bytes);
	else if (!st->opt->raw)
		n = check_lines(st, false, run, bytes);
	if (st->share.most != 0 && n > 0)
		stage_count_share(st, SHARE_CHECKED, n, 0);
	return n;
}

bool
stage_take_checked(struct stage *st, struct record *run, struct record *front, bool *checked)
{
	size_t bytes = 0;
	uint64_t n = 0;

	if (run->kind == RECORD_RUN && !stage_is_cancelled(st))
		n = stage_check_run(st, run, &bytes);
	*checked = n > 0;
	return n > 0 ? record_take(run, n, bytes, front) : record_take_one(run, front);
}

void
stage_answer(
    struct stage *st, struct record *input, const struct record *answer, enum record_kind kind)
{
	record_empty(input);
	input->data = answer->data;
	input->len = answer->len;
	input->slab = answer->slab;
	input->lines = answer->lines;
	input->results = 1;
	input->kind = (uint8_t)kind;
	input->answered = true;
	budget_answer(st->budget, input->len);
}

void
stage_share(struct record *r, struct record *lines)
{
	stage_drop(r);
	r->kind = RECORD_SHARED;
	lines->results++;
}

void
stage_drop(struct record *r)
{
	record_empty(r);
	r->len = 0;
	r->kind = RECORD_DROP;
}
