/* Map mode: one answer per record.  The loop of a worker, and the processor. */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/units.h"
#include "json/key.h"
#include "map_worker.h"
#include "metrics/worktime.h"
#include "pfanout.h"
#include "stage/budget.h"
#include "stage/pipeline.h"
#include "stage/traced.h"
#include "stage/tracing.h"

#define BATCH 256
#define RUN_BYTES (64 * 1024) /* handed over at a time */

/*
 * Each turn of the loop reads the clock once to decide whether a child may be
 * started: if the worker takes no record because it is too early, the same
 * reading must make it wake in time.
 */
static bool
may_start(const struct map_worker *m, int64_t now)
{
	return now >= m->start_after && !stage_is_cancelled(m->w.stage);
}

/* How many records the worker would take from the intake now. */
static size_t
wants(const struct map_worker *m, int64_t now)
{
	size_t room = window_room(&m->window), todo = inflight_todo(&m->inflight);

	if ((m->state != RUNNING && m->state != NO_CHILD) || bisect_is_on(&m->bisect) ||
	    room <= todo)
		return 0;
	if (m->state == NO_CHILD && !may_start(m, now))
		return 0;
	return room - todo < BATCH ? room - todo : BATCH;
}

/* The seq of the oldest record held, for the budget. */
static uint64_t
oldest(const struct map_worker *m)
{
	return m->inflight.queue.n > 0 ? inflight_head(&m->inflight)->seq : UINT64_MAX;
}

static bool
find_key(const struct map_worker *m, struct record *r)
{
	struct failure f = {.reason = REASON_NO_KEY, .message = "no value at the --match path"};
	struct json_key key;

	if (json_key_find(&key, m->w.pf->match, r->data, r->len) == 0) {
		json_key_forget(&key);
		return true;
	}
	stage_bury(m->w.stage, r, &f);
	return false;
}

/* --match: without a key no answer could be attributed to the record. */
static inline bool
has_key(const struct map_worker *m, struct record *r)
{
	return m->w.pf->match == NULL || find_key(m, r);
}

/*
 * Whether the record is for the child.  If not, it is on its way out already.
 */
static bool
is_for_child(struct map_worker *m, struct record *r)
{
	if (r->kind != RECORD_DATA)
		return false;
	if (r->attempts > 0)
		return true;
	/* With --key the sorter has checked it. */
	return (m->w.pf->keyed != NULL || stage_check(m->w.stage, r)) && has_key(m, r);
}

/* The record, which has been checked, is for the child. */
static void
keep(struct map_worker *m, struct record *r)
{
	/* A slow child keeps it for a long time. */
	if (m->window.size == 1)
		record_detach(r);
	if (inflight_push(&m->inflight, r) == 0)
		return;
	stage_abort(m->w.stage, 2, "worker %u: out of memory", m->w.slot);
	worker_cancel_record(&m->w, r);
}

static void
accept_one(struct map_worker *m, struct record *r)
{
	if (is_for_child(m, r))
		keep(m, r);
	else
		outbox_put(&m->w.out, r);
}

/* The records of a run, or one, which have been checked. */
static void
accept_checked(struct map_worker *m, struct record *run)
{
	struct record r[BATCH];
	size_t got;

	for (uint64_t n = record_count(run); n > 0; n -= got) {
		got = record_spread(run, r, BATCH);
		for (size_t i = 0; i < got; i++)
			if (has_key(m, &r[i]))
				keep(m, &r[i]);
			else
				outbox_put(&m->w.out, &r[i]);
	}
}

static void
accept_record(struct map_worker *m, struct record *r)
{
	struct record part;
	bool more, checked;

	do {
		more = stage_take_checked(m->w.stage, r, &part, &checked);
		if (checked)
			accept_checked(m, &part);
		else
			accept_one(m, &part);
	} while (more);
}

static void
take_records(struct map_worker *m, int64_t now)
{
	struct record batch[BATCH];
	size_t n, max;

	while (
	    (max = wants(m, now)) > 0 && (n = intake_take(&m->w.intake, batch, max, oldest(m))) > 0)
		for (size_t i = 0; i < n; i++)
			accept_record(m, &batch[i]);
	map_send_results(m);
}

/*
 * With --rate each record takes a token.  Returns how many records the child
 * was given.
 */
static size_t
give_run(struct map_worker *m, size_t room, int64_t now)
{
	size_t n = 0;

	if (m->w.pass.gate == NULL)
		return inflight_give(&m->inflight, room, RUN_BYTES, now);
	for (; n < room && inflight_todo(&m->inflight) > 0; n++) {
		if (!pass_take(&m->w.pass, now)) {
			traced_enter(inflight_next(&m->inflight), PHASE_RATE, now);
			return n;
		}
		(void)inflight_give(&m->inflight, 1, RUN_BYTES, now);
	}
	pass_rest(&m->w.pass);
	return n;
}

/* For traces: the last n records given. */
static void
note_attempts(struct map_worker *m, size_t n, int64_t now)
{
	struct inflight *f = &m->inflight;

	if (!tracing_records(m->w.stage->tracing))
		return;
	for (size_t i = f->given - n; i < f->given; i++)
		traced_attempt(queue_at(&f->queue, i), m->w.slot, now);
}

/* A run of records is the child's from now on. */
static void
give_records(struct map_worker *m)
{
	int64_t now = clock_now();
	bool idle = m->inflight.given == 0;
	size_t room = bisect_on_trial(&m->bisect) ? bisect_room(&m->bisect, m->window.given)
						  : window_room(&m->window);
	size_t n = give_run(m, room, now);

	if (n == 0)
		return;
	if (idle) {
		m->in_step = inflight_head(&m->inflight)->line;
		m->busy_since = now;
		stopwatch_start(&m->w.shard->time[TIME_BUSY], worktime_at(now));
		deadline_given(&m->deadline, now);
		map_mark_log(m);
	}
	m->line_given = queue_at(&m->inflight.queue, m->inflight.given - 1)->line;
	note_attempts(m, n, now);
	window_given(&m->window, n, now);
	metrics_add(m->w.shard, METRIC_GIVEN, n);
	stall_moved(&m->stall, now, window_first_look(&m->window));
}

/* Whether the child has got all that it will get. */
static bool
has_got_all(const struct map_worker *m)
{
	if (bisect_on_trial(&m->bisect))
		return bisect_room(&m->bisect, m->window.given) == 0;
	if (inflight_todo(&m->inflight) > 0 || !m->w.intake.in_ended)
		return false;
	/*
	 * A record that a child has may come back for another attempt, which
	 * needs a child.  That is so rare that EOF is not delayed for it,
	 * unless the workers ask for attempts.
	 */
	return m->w.intake.again_ended ||
	    (m->inflight.given > 0 && !health_asks_again(&m->w.pf->health));
}

/*
 * Takes the records that the window has room for, starts a child if there is
 * none, and writes the records to it.
 */
static void
feed_child(struct map_worker *m, int64_t now)
{
	size_t whole;

	take_records(m, now);
	if (m->state == NO_CHILD && inflight_todo(&m->inflight) > 0 && may_start(m, now))
		(void)map_start_child(m);
	/*
	 * Once work is cancelled the child gets no more: map_cancel() buries
	 * what waits here behind what the child has, in their order.
	 */
	if (m->state != RUNNING || stage_is_cancelled(m->w.stage)) {
		pass_rest(&m->w.pass);
		return;
	}
	give_records(m);
	if (!worker_write(&m->w, &m->inflight, &whole))
		map_note_hang_up(m);
	if (m->state == RUNNING && !inflight_has_unwritten(&m->inflight) && has_got_all(m))
		map_flush_child(m);
}

/*
 * Whether a look for hunger could tell anything now.  An engine's helper keeps
 * no answers.
 */
static bool
can_stall(const struct map_worker *m)
{
	return m->w.pf->engine == NULL && m->state == RUNNING && m->inflight.given > 0 &&
	    !inflight_has_unwritten(&m->inflight);
}

static enum hunger
look_at_child(const struct map_worker *m)
{
	enum hunger h = hunger_look(&m->probe, m->w.child.in);

	return h == HUNGER_UNKNOWN ? hunger_search(&m->probe, m->w.child.in) : h;
}

/*
 * The child waits for input, so every answer that it has written is in the
 * pipe, and it has consumed all it was given.  False: it had to be killed.
 */
static bool
collect_from_hungry(struct map_worker *m)
{
	struct failure why;

	/* What it wrote to its stderr came before its answers. */
	child_read_log(&m->w.child);
	if (!map_read_answers(m, &why)) {
		map_kill_child(m, &why);
		return false;
	}
	window_hungry(&m->window, m->inflight.given > 0, clock_now());
	return true;
}

/* Whether the child has a record, and has not been seen to read any. */
static bool
is_starting(const struct map_worker *m)
{
	return m->state != NO_CHILD && m->inflight.given > 0 && deadline_awaits_start(&m->deadline);
}

/*
 * The child is hungry, and there is nothing to give: is that because the budget
 * is used up, and what frees it?
 */
static void
look_at_budget(struct map_worker *m, struct stall_facts *f)
{
	const struct budget *b = m->w.stage->budget;
	bool frees;

	if (f->has_more || f->is_full || !budget_holds_up(b, oldest(m)))
		return;
	if (!m->w.stage->keep_order) {
		f->must_wait = budget_has_answers(b);
		return;
	}
	/* All wait for the head, and the worker that has it for its answer. */
	frees = inflight_has(&m->inflight, budget_head(b));
	f->must_wait = !frees;
	f->is_full = frees;
}

/*
 * When a look is due, looks whether the child is hungry, and flushes it if
 * nothing else will make it answer.
 */
static void
check_stall(struct map_worker *m)
{
	struct stall_facts f = {.now = clock_now()};
	enum stall_verdict verdict;
	enum hunger h;

	if (!can_stall(m) || f.now < m->stall.look_at)
		return;
	h = stall_interpret(&m->stall, look_at_child(m));
	if (h == HUNGER_SURE && !(collect_from_hungry(m) && can_stall(m)))
		return;
	if (h == HUNGER_SURE && is_starting(m))
		deadline_saw(&m->deadline, true, map_waits_since(m), f.now);
	/* Its window has room now. */
	if (h == HUNGER_SURE)
		take_records(m, f.now);
	f.since = deadline_since(&m->deadline, map_waits_since(m));
	f.limit = deadline_end(&m->deadline, map_waits_since(m));
	f.has_more = inflight_todo(&m->inflight) > 0;
	f.can_give = f.has_more && window_room(&m->window) > 0 && pass_is_near(&m->w.pass, f.now);
	f.is_full = m->window.fixed != 0 && window_room(&m->window) == 0;
	f.buffers = m->window.buffers;
	if (h == HUNGER_SURE)
		look_at_budget(m, &f);
	verdict = stall_saw(&m->stall, h, &f);
	if (verdict == STALL_SEARCH)
		verdict = stall_searched(&m->stall, hunger_search(&m->probe, m->w.child.in), &f);
	if (verdict == STALL_FLUSH) {
		atomic_fetch_add(&m->w.pf->flushes, 1);
		map_flush_child(m);
	} else if (verdict == STALL_DONE)
		deadline_done(&m->deadline, f.now);
}

/* When a look is due, looks whether the child has begun to read its input. */
static void
check_start(struct map_worker *m, int64_t now)
{
	ssize_t unread;
	bool has_read;

	if (!is_starting(m) || now < m->deadline.look_at)
		return;
	unread = hunger_unread(&m->probe, m->w.child.in);
	/* One that has got all may have closed its stdin. */
	has_read =
	    unread == -1 ? hunger_has_let_go(&m->probe) : (uint64_t)unread < m->inflight.piped;
	deadline_saw(&m->deadline, has_read, map_waits_since(m), now);
}

/* When the oldest attempt times out. */
static int64_t
timeout_at(const struct map_worker *m)
{
	if (m->state == NO_CHILD || m->inflight.given == 0)
		return CLOCK_NEVER;
	/* One that has closed a pipe of its own accord must only exit soon. */
	if (m->state == LEAVING && m->give_up != CLOCK_NEVER)
		return CLOCK_NEVER;
	return worker_limit(&m->w, deadline_end(&m->deadline, map_waits_since(m)));
}

static int64_t
wake_time(const struct map_worker *m, int64_t now)
{
	int64_t t = clock_earlier(timeout_at(m), m->give_up);

	t = clock_earlier(t, pass_next(&m->w.pass, now));
	if (can_stall(m))
		t = clock_earlier(t, m->stall.look_at);
	if (is_starting(m))
		t = clock_earlier(t, m->deadline.look_at);
	if (m->state == NO_CHILD && !may_start(m, now))
		t = clock_earlier(t, m->start_after);
	return t;
}

static void
kill_late_child(struct map_worker *m)
{
	struct failure f = {.reason = REASON_TIMEOUT};
	bool starting = deadline_awaits_start(&m->deadline);
	char limit[UNITS_TEXT_SIZE];

	units_format_duration(starting ? m->deadline.start_timeout : m->deadline.timeout, limit);
	if (starting)
		snprintf(f.message, sizeof(f.message),
		    "the worker did not begin to read its input in %s (--start-timeout)", limit);
	else
		snprintf(f.message, sizeof(f.message), "no answer in %s", limit);
	map_kill_child(m, &f);
}

/* Kills a child that takes too long for an answer, or to exit. */
static void
check_limits(struct map_worker *m)
{
	int64_t now = clock_now();
	struct failure f = {.reason = REASON_CRASH};

	if (m->state == NO_CHILD)
		return;
	check_start(m, now);
	if (now >= timeout_at(m)) {
		kill_late_child(m);
	} else if (now >= m->give_up) {
		snprintf(f.message, sizeof(f.message), "the worker closed its %s and did not exit",
		    m->out_ended ? "stdout" : "stdin");
		map_kill_child(m, &f);
	}
}

static void
handle_events(struct map_worker *m, unsigned events)
{
	struct failure why;

	if ((events & EVENT_OUT) != 0 && !map_read_answers(m, &why)) {
		map_kill_child(m, &why);
		return;
	}
	if ((events & EVENT_EXIT) != 0)
		map_handle_exit(m);
	else if ((events & EVENT_LEFT) != 0 ||
	    ((events & EVENT_IN_CLOSED) != 0 && m->state == RUNNING))
		map_note_hang_up(m);
	else if ((events & EVENT_OUT) == 0)
		check_limits(m);
	check_stall(m);
}

/* Sleeps until something happens.  False: work is cancelled. */
static bool
wait_for_events(struct map_worker *m, int64_t now, unsigned *events)
{
	bool unwritten = inflight_has_unwritten(&m->inflight);
	int in = m->state != RUNNING ? IGNORE_IN : unwritten ? POLLOUT : 0;

	if (!worker_poll(&m->w, in, !m->out_ended, wake_time(m, now), events))
		return false;
	if (m->w.overslept > 0)
		map_extend_limits(m, m->w.overslept);
	return true;
}

/* Nothing is left to do, and nothing will come. */
static bool
has_ended(const struct map_worker *m)
{
	return m->state == NO_CHILD && m->inflight.queue.n == 0 && intake_has_ended(&m->w.intake);
}

static void
run_map_worker(void *state, struct ctx *ctx, struct chan *in, struct chan *out)
{
	struct map_worker *m = state;
	bool live;
	unsigned events;
	int64_t now;

	(void)ctx;
	live = worker_begin(&m->w, in, out);
	while (live) {
		now = clock_now();
		feed_child(m, now);
		if (wants(m, now) > 0) {
			intake_watch(&m->w.intake, oldest(m));
			feed_child(m, now);
		}
		if (has_ended(m))
			break;
		if ((live = wait_for_events(m, now, &events)))
			handle_events(m, events);
	}
	if (!live) {
		map_cancel(m);
		worker_drain(&m->w);
	}
	worker_end(&m->w);
}

static void
close_map_worker(void *state)
{
	map_free(state);
	free(state);
}

static int
open_map_worker(struct processor *p, unsigned index, void **state)
{
	struct map_worker *m = calloc(1, sizeof(*m));
	int saved;

	if (m == NULL)
		return -1;
	map_init(m, p->arg, index);
	/*
	 * The first one now, so that a command that can't be started is
	 * reported before a read.
	 */
	if (index == 0 && map_start_child(m) == -1) {
		saved = errno;
		close_map_worker(m);
		errno = saved;
		return -1;
	}
	*state = m;
	return 0;
}

struct processor
map_processor(struct pfanout *pf)
{
	return (struct processor){.name = "map",
	    .workers = pf->jobs,
	    .arg = pf,
	    .open = open_map_worker,
	    .run = run_map_worker,
	    .close = close_map_worker};
}
