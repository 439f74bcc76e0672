/* What follows when a child has ended, or has to. */

#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "fate.h"
#include "map_worker.h"
#include "pfanout.h"

/* Bytes that the child never read, as long as its stdin is open on our side. */
static size_t
unread_bytes(const struct map_worker *m)
{
	int n, in = m->w.child.in;

	return in != -1 && ioctl(in, FIONREAD, &n) == 0 && n > 0 ? (size_t)n : 0;
}

/* The attempt at the oldest record failed. */
static void
charge_oldest(struct map_worker *m, struct failure *f, pid_t pid, bool exited)
{
	struct record r = inflight_pop(&m->inflight);
	const struct child *child = &m->w.child;

	f->slot = m->w.slot;
	f->pid = pid;
	f->exited = exited;
	f->wait_status = child->status;
	f->log = child->log;
	f->log_len = child->log_len;
	histogram_add(&m->w.shard->latency, clock_now() - r.given, 1);
	if (pfanout_attempt_failed(m->w.pf, m->w.shard, &r, f))
		outbox_put(&m->w.out, &r);
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

/*
 * Acts on a child's end; f is how the oldest record failed, if it is charged.
 */
static void
act_on(struct map_worker *m, enum fate fate, struct failure *f, pid_t pid, bool exited)
{
	switch (fate) {
	case FATE_LOST_COUNT:
		lose_count(m);
		break;
	case FATE_BLAME:
		charge_oldest(m, f, pid, exited);
		bisect_end(&m->bisect);
		break;
	case FATE_BISECT:
		bisect_accuse(&m->bisect, m->inflight.given);
		break;
	case FATE_DONE:
	case FATE_RECYCLED:
	case FATE_IDLE_DEATH:
		break;
	}
	inflight_take_back(&m->inflight);
}

static bool
is_death(enum fate fate)
{
	return fate == FATE_BLAME || fate == FATE_BISECT || fate == FATE_IDLE_DEATH;
}

void
map_child_exited(struct map_worker *m)
{
	struct fate_facts facts = {.flushing = m->state == FLUSHING};
	struct failure why = {.reason = REASON_CRASH};
	size_t unread = unread_bytes(m);
	pid_t pid = m->w.child.pid;
	char how[WORKER_STATUS_SIZE];
	enum fate fate;

	/* What it still said. */
	child_reap(&m->w.child);
	if (!map_drain_answers(m, &why)) {
		m->w.child.pid = pid; /* it is gone, but its letter names it */
		map_kill_child(m, &why);
		return;
	}

	/* What it had. */
	if (!facts.flushing)
		inflight_take_back_unread(&m->inflight, unread, 0);
	bisect_end_trial(&m->bisect, m->window.answered);

	/* What that means. */
	facts.status = m->w.child.status;
	facts.in_flight = m->inflight.given;
	facts.answered = m->window.answered;
	facts.at_most_once = m->w.pf->window == 1;
	fate = fate_of(&facts);
	if (fate == FATE_DONE && WIFEXITED(facts.status) && WEXITSTATUS(facts.status) == 0)
		stall_ended(&m->stall, clock_now());

	/* What follows. */
	worker_status(facts.status, how);
	snprintf(why.message, sizeof(why.message), "the worker died: %s", how);
	act_on(m, fate, &why, pid, true);
	if (is_death(fate))
		map_count_death(m, how);
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

	if (m->w.child.pidfd != -1)
		child_stop(&m->w.child);
	m->w.child.pid = 0;
	/*
	 * The oldest is charged even if the child never read it, or it would
	 * come back for ever.  But a child that recycles itself leaves in this
	 * way, too: then nobody is to blame for what it had not read.
	 */
	inflight_take_back_unread(&m->inflight, unread, crash && m->window.answered > 0 ? 0 : 1);
	bisect_end_trial(&m->bisect, m->window.answered);
	if (crash)
		map_count_death(m, why.message);
	act_on(
	    m, fate_of_killed(why.reason, m->inflight.given, m->window.buffers), &why, pid, false);
	map_forget_child(m);
	map_send_results(m);
}

void
map_cancel(struct map_worker *m)
{
	struct failure why;

	if (m->state != NO_CHILD) {
		child_stop(&m->w.child);
		map_drain_answers(m, &why);
		map_forget_child(m);
	}
	inflight_take_back(&m->inflight);
	while (inflight_todo(&m->inflight) > 0) {
		struct record r = inflight_drop(&m->inflight);

		stage_bury_cancelled(m->w.stage, &r);
		outbox_put(&m->w.out, &r);
	}
	bisect_end(&m->bisect);
	outbox_flush(&m->w.out);
}
