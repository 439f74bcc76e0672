#include "stage/stage.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "metrics/worktime.h"
#include "record/deadfile.h"
#include "record/rotate.h"
#include "stage/budget.h"
#include "stage/inputs.h"
#include "stage/tracing.h"
#include "sync/ctx.h"

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

void
stage_lead(struct stage *st, const struct record *mark)
{
	if (stage_is_marked(st))
		return;
	(void)mark_parse(mark->data, mark->len, &st->leader);
	atomic_store(&st->first_mark, mark->seq);
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
