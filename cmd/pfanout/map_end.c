/* What happens when a child has ended or must be ended. */

#include <stdio.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "fate.h"
#include "map_worker.h"
#include "pfanout.h"

/* How many bytes of its stdin the child has not read; 0 if nobody can tell. */
static size_t
unread_bytes(const struct map_worker *m)
{
	ssize_t n = hunger_unread(&m->probe, m->w.child.in);

	return n > 0 ? (size_t)n : 0;
}

/* The attempt at the oldest record failed.  True: the record is given up. */
static bool
charge_oldest(struct map_worker *m, struct failure *f, pid_t pid, bool exited)
{
	struct record r = inflight_pop(&m->inflight);
	const struct child *child = &m->w.child;

	f->slot = m->w.slot;
	f->pid = pid;
	f->exited = exited;
	f->wait_status = child->status;
	map_describe_log(m, f);
	histogram_add(&m->w.shard->latency, clock_now() - r.given, 1);
	if (!pfanout_attempt_failed(m->w.pf, m->w.shard, &r, f))
		return false;
	outbox_put(&m->w.out, &r);
	return true;
}

/*
 * The child died before it had read anything, because of what it needs at its
 * start, perhaps.  That would go on for ever if it cost nothing: so the record
 * that was to be its first is charged, but it is not given up for this.  False:
 * it was charged, or there is none.
 */
static bool
charge_waiting(struct map_worker *m, struct failure *f)
{
	const struct pfanout *pf = m->w.pf;
	struct record r;

	if (inflight_todo(&m->inflight) == 0)
		return false;
	if (m->window.answered > 0 || inflight_head(&m->inflight)->attempts + 1 >= pf->attempts ||
	    stage_is_cancelled(m->w.stage))
		return true;
	r = inflight_pop_todo(&m->inflight);
	bisect_end(&m->bisect);
	f->slot = m->w.slot;
	if (!pfanout_attempt_failed(m->w.pf, m->w.shard, &r, f))
		return false;
	outbox_put(&m->w.out, &r);
	return true;
}

/* Too few answers: which of them belong to which record is unknown. */
static void
lose_count(struct map_worker *m)
{
	struct failure f = {.reason = REASON_NO_ANSWER, .slot = m->w.slot};
	char name[WORKER_NAME_SIZE];

	worker_name(&m->w, name);
	stage_abort(m->w.stage, 2,
	    "%s: %zu of %ju records got no answer: its answers since line %ju can't be trusted; "
	    "a command that drops lines needs -F",
	    name, m->inflight.given, (uintmax_t)m->window.given, (uintmax_t)m->in_step);
	snprintf(f.message, sizeof(f.message), "the worker ended without an answer for it");
	while (m->inflight.given > 0) {
		struct record r = inflight_pop(&m->inflight);

		r.attempts++;
		stage_bury(m->w.stage, &r, &f);
		outbox_put(&m->w.out, &r);
	}
}

/* The stop has ended the child: what it had read is not tried again. */
static void
cancel_given(struct map_worker *m)
{
	while (m->inflight.given > 0) {
		struct record r = inflight_pop(&m->inflight);

		stage_bury_cancelled(m->w.stage, &r);
		outbox_put(&m->w.out, &r);
	}
	bisect_end(&m->bisect);
}

/*
 * Acts on the verdict about a child's end.  If the oldest record is charged, f
 * says how it failed.  Whether a death is final (health_died()).
 */
static bool
act_on(struct map_worker *m, enum fate fate, struct failure *f, pid_t pid, bool exited)
{
	bool final = true;

	switch (fate) {
	case FATE_LOST_COUNT:
		lose_count(m);
		break;
	case FATE_BLAME:
		final = charge_oldest(m, f, pid, exited);
		bisect_end(&m->bisect);
		break;
	case FATE_BISECT:
		bisect_accuse(&m->bisect, m->inflight.given, f->reason == REASON_TIMEOUT);
		break;
	case FATE_CANCELLED:
		cancel_given(m);
		break;
	case FATE_IDLE_DEATH:
		final = charge_waiting(m, f);
		break;
	case FATE_AGAIN:
		final = false;
		break;
	case FATE_DONE:
	case FATE_RECYCLED:
		break;
	}
	inflight_take_back(&m->inflight);
	return final;
}

/* A search ends with a death that counts; those on the way don't. */
static bool
is_death(enum fate fate)
{
	return fate == FATE_BLAME || fate == FATE_IDLE_DEATH || fate == FATE_AGAIN;
}

/*
 * An engine's helper that ends with a status has said why, and would do so
 * again; one that is killed is started again.
 */
static void
look_at_helper(struct map_worker *m, int status)
{
	char name[WORKER_NAME_SIZE], how[WORKER_STATUS_SIZE];

	if (m->w.pf->engine == NULL || !WIFEXITED(status) || WEXITSTATUS(status) == 0)
		return;
	worker_name(&m->w, name);
	worker_status(status, how);
	stage_abort(m->w.stage, 2, "%s: %s", name, how);
}

void
map_handle_exit(struct map_worker *m)
{
	struct fate_facts facts = {.flushing = m->state == FLUSHING};
	struct failure why = {.reason = REASON_CRASH};
	size_t unread = unread_bytes(m);
	pid_t pid = m->w.child.pid;
	char how[WORKER_STATUS_SIZE];
	enum fate fate;
	bool well, final;

	/* Take the answers that it left in its pipe. */
	child_reap(&m->w.child);
	facts.status = m->w.child.status;
	well = WIFEXITED(facts.status) && WEXITSTATUS(facts.status) == 0;
	if (!map_drain_answers(m, &why) || (well && !map_take_last_answer(m, &why))) {
		/* reaped; the dead letter needs its pid */
		m->w.child.pid = pid;
		map_kill_child(m, &why);
		return;
	}

	/* Take back the records that it never read. */
	if (!facts.flushing)
		inflight_take_back_unread(&m->inflight, unread, 0);
	bisect_end_trial(&m->bisect, m->window.answered);

	/* Judge the exit. */
	facts.in_flight = m->inflight.given;
	facts.answered = m->window.answered;
	facts.at_most_once = m->w.pf->window == 1;
	facts.blameless = m->w.pf->engine != NULL;
	facts.stopped = facts.in_flight > 0 && stage_stop_ended(m->w.stage, facts.status);
	fate = fate_of(&facts);
	if (fate == FATE_DONE && well)
		stall_ended(&m->stall, clock_now());

	/* Act on the verdict. */
	if (fate == FATE_LOST_COUNT || is_death(fate))
		stage_hint(m->w.stage, hint_for_log(m->w.child.log, m->w.child.log_len));
	look_at_helper(m, facts.status);
	worker_status(facts.status, how);
	snprintf(why.message, sizeof(why.message), "the worker died: %s", how);
	final = act_on(m, fate, &why, pid, true);
	if (is_death(fate))
		map_count_death(m, final, how);
	map_forget_child(m);
	map_send_results(m);
}

void
map_kill_child(struct map_worker *m, const struct failure *failure)
{
	struct failure why = *failure;
	size_t unread = unread_bytes(m);
	pid_t pid = m->w.child.pid;
	bool crash = why.reason == REASON_CRASH;
	/* A child that does not even begin to read fails like one that dies. */
	bool fails = crash || (why.reason == REASON_TIMEOUT && deadline_awaits_start(&m->deadline));
	enum fate fate;
	bool final;

	if (m->w.child.pidfd != -1)
		worker_stop(&m->w);
	m->w.child.pid = 0;
	/*
	 * Keep the oldest record even if the child never read it, so that it is
	 * charged and cannot come back for ever.  A child that closes its stdin
	 * after answering is only recycling itself: then a record that it never
	 * read is not charged.
	 */
	inflight_take_back_unread(&m->inflight, unread, crash && m->window.answered > 0 ? 0 : 1);
	bisect_end_trial(&m->bisect, m->window.answered);
	fate = fate_of_killed(
	    why.reason, m->inflight.given, m->state == FLUSHING, m->w.pf->engine != NULL);
	final = act_on(m, fate, &why, pid, false);
	if (fails && is_death(fate))
		map_count_death(m, final, why.message);
	map_forget_child(m);
	map_send_results(m);
}

void
map_cancel(struct map_worker *m)
{
	struct failure why;

	if (m->state != NO_CHILD) {
		worker_stop(&m->w);
		map_drain_answers(m, &why);
		map_forget_child(m);
	}
	inflight_take_back(&m->inflight);
	while (inflight_todo(&m->inflight) > 0) {
		struct record r = inflight_pop_todo(&m->inflight);

		stage_bury_cancelled(m->w.stage, &r);
		outbox_put(&m->w.out, &r);
	}
	bisect_end(&m->bisect);
	outbox_flush(&m->w.out);
}
