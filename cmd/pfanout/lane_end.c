/* What a lane's child leaves behind when it ends, and who is to blame. */

#include "lane.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "record/reader.h"

#define DEATHS_UNANSWERED 5 /* in a row before any child has ever answered: the run ends */
#define DEATHS_MAX 100      /* in a row after that */
#define RESTART_MIN (10 * CLOCK_MS)
#define RESTART_MAX CLOCK_S

void
lane_name(const struct lane *l, char name[LANE_NAME_SIZE])
{
	snprintf(name, LANE_NAME_SIZE, "worker %u (%s)", l->slot, l->pf->argv[0]);
}

/* "exit status 1", "SIGSEGV" */
static void
describe_status(int status, char *text, size_t size)
{
	if (WIFEXITED(status))
		snprintf(text, size, "exit status %d", WEXITSTATUS(status));
	else
		snprintf(text, size, "SIG%s", sigabbrev_np(WTERMSIG(status)));
}

/* Bytes that the child never read; while its stdin is open on our side. */
static size_t
unread_bytes(const struct lane *l)
{
	int n;

	return l->child.in != -1 && ioctl(l->child.in, FIONREAD, &n) == 0 && n > 0 ? (size_t)n : 0;
}

/*
 * The records of which the child has not read a byte can't have harmed it: they are to do again.
 * They are the last ones: those not written, and those whose bytes are all among the unread.
 * The first `keep` of the given stay.
 */
static void
take_back_unread(struct lane *l, size_t unread, size_t keep)
{
	size_t seen = l->written;

	if (l->partial > unread)
		seen++;
	else
		unread -= l->partial;
	while (seen > 0 && seen <= l->written && queue_at(&l->held, seen - 1)->len + 1 <= unread)
		unread -= queue_at(&l->held, --seen)->len + 1;
	if (l->given > (seen > keep ? seen : keep))
		l->given = seen > keep ? seen : keep;
}

/* All others of the given, too. */
static void
take_back(struct lane *l)
{
	l->given = 0;
}

/* Nothing of the child is left but its last words in child.log. */
static void
forget_child(struct lane *l)
{
	hunger_close(&l->probe);
	reader_free(l->answers);
	l->answers = NULL;
	child_close(&l->child);
	l->written = l->partial = 0;
	l->trial = 0;
	l->tested = 0;
	l->eof = l->broken = l->out_ended = false;
	l->give_up = CLOCK_NEVER;
	l->hungry_since = l->unclear_since = 0;
	window_init(&l->window, l->pf->window, l->pf->jobs, l->pf->processors);
	metrics_add(l->shard, METRIC_EXITS, 1);
}

/* The attempt at the oldest record failed. */
static void
charge(struct lane *l, struct failure *why, pid_t pid, bool exited)
{
	struct record r = lane_pop(l);

	why->slot = l->slot;
	why->pid = pid;
	why->exited = exited;
	why->wait_status = l->child.status;
	why->log = l->child.log;
	why->log_len = l->child.log_len;
	histogram_add(&l->shard->latency, clock_now() - r.queued, 1);
	if (pfanout_attempt_failed(l->pf, l->shard, &r, why))
		lane_emit(l, &r);
}

/*
 * A child died by itself: the next one waits a little if it is not the first to do so, and when too many did
 * one after the other it is no use to go on.
 */
static void
count_death(struct lane *l, const char *how)
{
	unsigned deaths = atomic_fetch_add(&l->pf->deaths, 1) + 1;
	bool answered = atomic_load(&l->pf->answered);
	int64_t wait;
	char name[LANE_NAME_SIZE];

	if (deaths > 1) {
		wait = deaths < 10 ? RESTART_MIN << (deaths - 2) : RESTART_MAX;
		l->start_after = clock_now() + (wait < RESTART_MAX ? wait : RESTART_MAX);
	}
	lane_name(l, name);
	if (!answered && deaths >= DEATHS_UNANSWERED)
		stage_abort(l->stage, 2,
		    "%s: %u starts, and not one answer (%s); does the command run by itself?", name,
		    deaths, how);
	else if (deaths >= DEATHS_MAX)
		stage_abort(
		    l->stage, 2, "%s: workers died %u times in a row (%s)", name, deaths, how);
}

/* It had its whole input, said it was well, and gave too few answers: which of them are whose is unknown. */
static void
lost_count(struct lane *l)
{
	struct failure f = {.reason = REASON_NO_ANSWER, .slot = l->slot};
	char name[LANE_NAME_SIZE];

	lane_name(l, name);
	stage_abort(l->stage, 2,
	    "%s: %zu of %" PRIu64 " records got no answer: its answers since line %" PRIu64
	    " can't be trusted; a command that drops lines needs -F",
	    name, l->given, l->window.given, l->in_step);
	snprintf(f.message, sizeof(f.message), "the worker ended without an answer for it");
	while (l->given > 0) {
		struct record r = lane_pop(l);

		r.attempts++;
		stage_bury(l->stage, &r, &f);
		lane_emit(l, &r);
	}
}

/*
 * Several records were in flight, and the child may have answered some of them into a buffer that died
 * with it: any of them may be the one.
 */
static void
suspect(struct lane *l)
{
	l->suspects = l->given;
	take_back(l);
}

/* A trial is over: who was in it and has an answer is cleared. */
static void
clear_suspects(struct lane *l)
{
	size_t cleared = (size_t)l->window.answered;

	l->suspects -= cleared < l->suspects ? cleared : l->suspects;
}

static void
blame(struct lane *l, pid_t pid)
{
	struct failure f = {.reason = REASON_CRASH};
	char how[64];

	describe_status(l->child.status, how, sizeof(how));
	snprintf(f.message, sizeof(f.message), "the worker died: %s", how);
	if (l->given == 1) {
		charge(l, &f, pid, true);
		l->suspects = 0;
	} else if (l->given > 1)
		suspect(l);
	count_death(l, how);
}

/* Reads all that stands in its stdout.  False: an answer among it is none. */
static bool
drain_answers(struct lane *l, struct failure *why)
{
	for (uint64_t before = 0; reader_bytes(l->answers) != before || before == 0;) {
		before = reader_bytes(l->answers);
		if (!lane_read_answers(l, why))
			return false;
		if (reader_bytes(l->answers) == before)
			break;
	}
	/* What a dying child leaves of a line is no answer. */
	if (WIFEXITED(l->child.status) && WEXITSTATUS(l->child.status) == 0)
		return lane_read_last_answer(l, why);
	return true;
}

void
lane_exited(struct lane *l)
{
	pid_t pid = l->child.pid;
	size_t unread = unread_bytes(l);
	bool eof = l->eof, well;
	struct failure why;

	child_reap(&l->child);
	if (!drain_answers(l, &why)) {
		l->child.pid = pid; /* it is gone, but its answer is to be told of */
		lane_kill(l, &why);
		return;
	}
	well = WIFEXITED(l->child.status) && WEXITSTATUS(l->child.status) == 0;
	if (!eof)
		take_back_unread(l, unread, 0);
	if (l->trial > 0)
		clear_suspects(l);
	if (well && l->given == 0)
		lane_test_ended(l, clock_now());
	if (well && eof && l->given > 0)
		lost_count(l);
	else if (well && !eof && l->window.answered > 0 && !(l->pf->window == 1 && l->given == 1))
		take_back(
		    l); /* it has recycled itself, and may have read ahead of its last answer */
	else if (!eof || l->given > 0)
		blame(l, pid);
	metrics_add(l->shard, METRIC_ENDED, (uint64_t)(l->window.given - l->window.answered));
	forget_child(l);
	lane_flush(l);
}

void
lane_kill(struct lane *l, const struct failure *failure)
{
	struct failure why = *failure;
	pid_t pid = l->child.pid;
	size_t unread = unread_bytes(l);

	if (l->child.pidfd != -1)
		child_stop(&l->child);
	l->child.pid = 0;
	/* The oldest is to be charged, even if it was never read; or it would come back for ever. */
	take_back_unread(l, unread, why.reason == REASON_CRASH && l->window.answered > 0 ? 0 : 1);
	if (why.reason == REASON_CRASH)
		count_death(l, why.message);
	if (why.reason == REASON_COUNT || l->given == 0)
		take_back(l); /* the run is over */
	else if (l->given > 1 && why.reason != REASON_BAD_ANSWER && l->window.buffers)
		suspect(l);
	else {
		charge(l, &why, pid, false);
		take_back(l);
		l->suspects = 0;
	}
	metrics_add(l->shard, METRIC_ENDED, (uint64_t)(l->window.given - l->window.answered));
	forget_child(l);
	lane_flush(l);
}

static void
bury_all(struct lane *l)
{
	l->given = 0;
	while (l->held.n > 0) {
		struct record r = queue_pop(&l->held);

		stage_bury_cancelled(l->stage, &r);
		lane_emit(l, &r);
	}
}

void
lane_cancel(struct lane *l)
{
	struct failure why;

	l->cancelled = true;
	if (l->child.pid > 0) {
		child_stop(&l->child);
		drain_answers(l, &why);
		metrics_add(
		    l->shard, METRIC_ENDED, (uint64_t)(l->window.given - l->window.answered));
		forget_child(l);
	}
	bury_all(l);
	l->suspects = 0;
	lane_flush(l);
}

void
lane_start_failed(struct lane *l, int error)
{
	char how[128];

	snprintf(how, sizeof(how), "can't start %s: %s", l->pf->path, strerror(error));
	l->trial = 0;
	if (l->start_after <= clock_now())
		l->start_after = clock_now() + RESTART_MIN;
	count_death(l, how);
}
