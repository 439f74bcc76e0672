#include "map_worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "metrics/worktime.h"
#include "pfanout.h"
#include "stage/tracing.h"
#include "proc/interpreter.h"
#include "record/reader.h"

#define RESTART_MIN (10 * CLOCK_MS)
#define RESTART_MAX CLOCK_S
/* Bytes of a helper's line that is no answer, whatever --max-record. */
#define HELPER_LINE 4096
#define BLOCKED_MIN CLOCK_MS /* what is shorter is not worth counting */

enum map_state
map_next(enum map_state state, enum map_event event)
{
	/* What cannot happen leaves the state as it is. */
	/* clang-format off */
	static const enum map_state next[MAP_STATES][MAP_EVENTS] = {
	    /*            STARTED   FLUSHED   HUNG_UP   GONE */
	    [NO_CHILD] = {RUNNING,  NO_CHILD, NO_CHILD, NO_CHILD},
	    [RUNNING]  = {RUNNING,  FLUSHING, LEAVING,  NO_CHILD},
	    [FLUSHING] = {FLUSHING, FLUSHING, FLUSHING, NO_CHILD},
	    [LEAVING]  = {LEAVING,  LEAVING,  LEAVING,  NO_CHILD},
	};
	/* clang-format on */

	return next[state][event];
}

static void
reset_window(struct map_worker *m)
{
	const struct pfanout *pf = m->w.pf;

	window_init(&m->window, pf->window, pass_window(&m->w.pass), pf->jobs, pf->processors);
}

void
map_init(struct map_worker *m, struct pfanout *pf, unsigned index)
{
	worker_init(&m->w, pf, index);
	m->give_up = CLOCK_NEVER;
	m->probe.syscall_fd = -1;
	deadline_init(&m->deadline, pf->timeout, pf->start_timeout);
	stall_init(&m->stall, pf->timeout);
	reset_window(m);
}

void
map_free(struct map_worker *m)
{
	worker_stop(&m->w);
	child_close(&m->w.child);
	hunger_close(&m->probe);
	reader_free(m->answers);
	inflight_free(&m->inflight);
}

void
map_count_death(struct map_worker *m, bool final, const char *how)
{
	unsigned deaths;
	enum health_verdict verdict = health_died(&m->w.pf->health, final, &deaths);
	char name[WORKER_NAME_SIZE];

	/* The first death is followed by a start at once. */
	if (deaths > 1) {
		int64_t wait = deaths < 10 ? RESTART_MIN << (deaths - 2) : RESTART_MAX;

		m->start_after = clock_now() + clock_earlier(wait, RESTART_MAX);
	}
	worker_name(&m->w, name);
	if (verdict == HEALTH_NEVER_WORKED)
		stage_abort(m->w.stage, 2,
		    "%s: %u workers died, and not one answer came (%s); does the command run by "
		    "itself?",
		    name, deaths, how);
	else if (verdict == HEALTH_HOPELESS)
		stage_abort(
		    m->w.stage, 2, "%s: workers died %u times in a row (%s)", name, deaths, how);
}

static int
start_failed(struct map_worker *m, int error)
{
	char how[STAGE_ERROR_SIZE], why[INTERPRETER_WHY_SIZE];

	snprintf(how, sizeof(how), "cannot start %s: %s", m->w.pf->path,
	    interpreter_error(m->w.pf->path, error, why));
	if (m->start_after <= clock_now())
		m->start_after = clock_now() + RESTART_MIN;
	map_count_death(m, true, how);
	errno = error;
	return -1;
}

int
map_start_child(struct map_worker *m)
{
	struct reader_limits limits = {.max = m->w.stage->opt->max_record};
	const bool engine = m->w.pf->engine != NULL;
	struct child *child = &m->w.child;
	int64_t now = clock_now();

	if (engine && limits.max < HELPER_LINE)
		limits.max = HELPER_LINE;
	reset_window(m);
	if (child_spawn(child, m->w.pf->start_path, m->w.pf->start_argv,
		tracing_environment(m->w.stage)) == -1)
		return start_failed(m, errno);
	if ((m->answers = reader_new(child->out, &limits)) == NULL) {
		worker_stop(&m->w);
		child_close(child);
		return start_failed(m, ENOMEM);
	}
	if (engine)
		said_begin(&m->said, statfile_engines(m->w.stage->stat), m->w.shard,
		    link_number(m->w.stage->links, m->w.pf->engine_link));
	metrics_add(m->w.shard, METRIC_STARTS, 1);
	metrics_add(m->w.shard, METRIC_RESTARTS, m->started);
	m->started = true;
	hunger_open(&m->probe, child->pid, child->in);
	inflight_reset_pipe(&m->inflight);
	deadline_started(&m->deadline);
	stall_started(&m->stall, now);
	bisect_begin_trial(&m->bisect);
	m->out_ended = false;
	m->last_answer = now;
	m->give_up = CLOCK_NEVER;
	m->state = map_next(m->state, STARTED);
	return 0;
}

void
map_flush_child(struct map_worker *m)
{
	child_close_in(&m->w.child);
	m->state = map_next(m->state, FLUSHED);
	if (m->inflight.given == 0)
		m->give_up = clock_after(clock_now(), m->w.stage->opt->grace);
}

void
map_note_hang_up(struct map_worker *m)
{
	m->state = map_next(m->state, HUNG_UP);
	/* One that was flushed and owes nothing has --grace already. */
	if (m->w.child.exited)
		m->give_up = CLOCK_NEVER;
	else if (m->state != FLUSHING || m->inflight.given > 0)
		m->give_up = clock_after(clock_now(), EXIT_PATIENCE);
}

void
map_forget_child(struct map_worker *m)
{
	metrics_add(m->w.shard, METRIC_ENDED, window_owed(&m->window));
	metrics_add(m->w.shard, METRIC_EXITS, 1);
	/* What the child still owed is not worked on any more. */
	if (stopwatch_runs(&m->w.shard->time[TIME_BUSY]))
		stopwatch_stop(&m->w.shard->time[TIME_BUSY], worktime_now());
	said_end(&m->said);
	hunger_close(&m->probe);
	reader_free(m->answers);
	m->answers = NULL;
	child_close(&m->w.child);
	inflight_reset_pipe(&m->inflight);
	stall_forget(&m->stall);
	reset_window(m);
	m->give_up = CLOCK_NEVER;
	m->state = map_next(m->state, GONE);
}

void
map_extend_limits(struct map_worker *m, int64_t ns)
{
	m->last_answer += ns;
	m->busy_since += ns;
	m->window.moved += ns;
	deadline_extend(&m->deadline, ns);
	stall_extend(&m->stall, ns);
	inflight_delay(&m->inflight, ns);
	if (m->give_up != CLOCK_NEVER)
		m->give_up += ns;
}

void
map_send_results(struct map_worker *m)
{
	int64_t blocked = outbox_flush(&m->w.out);

	if (blocked > BLOCKED_MIN)
		map_extend_limits(m, blocked);
}

void
map_mark_log(struct map_worker *m)
{
	m->log_from = m->w.child.log_total;
	m->given_from = m->window.given;
}

void
map_describe_log(const struct map_worker *m, struct failure *f)
{
	const struct child *child = &m->w.child;
	uint64_t since = child->log_total - m->log_from;

	f->log_len = since < child->log_len ? (size_t)since : child->log_len;
	f->log = child->log + child->log_len - f->log_len;
	f->shared = m->window.given - m->given_from;
	f->shared_first = m->in_step;
	f->shared_last = m->line_given;
}

int64_t
map_waits_since(const struct map_worker *m)
{
	int64_t given = inflight_since(&m->inflight);

	return given > m->last_answer ? given : m->last_answer;
}
