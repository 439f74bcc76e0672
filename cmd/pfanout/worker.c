#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/signame.h"
#include "inflight.h"
#include "keyed.h"
#include "metrics/worktime.h"
#include "pfanout.h"
#include "stage/cli.h"
#include "stage/retry.h"
#include "stage/tracing.h"
#include "sync/ctx.h"

/* only a thread that was stopped is so late */
#define OVERSLEPT (500 * CLOCK_MS)
/* between two looks whether the terminal has stopped the child */
#define STOPPED_LOOK CLOCK_S
#define BATCH 256
#define IOVS 64

enum { FD_INTAKE, FD_IN, FD_OUT, FD_ERR, FD_EXIT, FDS };

void
worker_init(struct worker *w, struct pfanout *pf, unsigned index)
{
	w->pf = pf;
	w->stage = &pf->stage;
	w->shard = metrics_shard(pf->stage.metrics, SHARD_WORKERS + index);
	w->slot = index + 1;
	child_init(&w->child);
	pass_init(&w->pass, pf->gate, &w->intake.parker);
}

bool
worker_begin(struct worker *w, struct chan *in, struct chan *out)
{
	struct chan *again = w->pf->retry != NULL ? retry_chan(w->pf->retry) : NULL;
	struct keyed_box *box = NULL;
	int error;

	outbox_init(&w->out, out, w->stage);
	if (tracing_records(w->stage->tracing))
		w->out.phase = w->stage->keep_order ? PHASE_ORDER : PHASE_OUTPUT;
	if (w->pf->keyed != NULL)
		w->out.box = box = keyed_box(w->pf->keyed, w->slot - 1);
	error = box != NULL ? intake_open_keyed(&w->intake, w->stage, w->shard, box)
			    : intake_open(&w->intake, w->stage, w->shard, in, again);
	w->intake.tray = w->pf->tray;
	if (error == 0)
		return true;
	stage_abort(w->stage, 2, "worker %u: eventfd: %s", w->slot, strerror(errno));
	return false;
}

void
worker_end(struct worker *w)
{
	pass_rest(&w->pass);
	outbox_flush(&w->out);
	intake_close(&w->intake);
}

/* Whether the child has exited, and nothing keeps its pipes open. */
static bool
is_over(const struct worker *w, bool out)
{
	return w->child.exited && !out && w->child.err == -1;
}

/* Once per run: what a process that was left behind prints from now on. */
static void
tell_left_behind(struct worker *w, bool out)
{
	char name[WORKER_NAME_SIZE], line[WORKER_NAME_SIZE + 128];

	if (atomic_exchange(&w->pf->told_left_behind, true))
		return;
	worker_name(w, name);
	snprintf(line, sizeof(line),
	    "%s left a process behind that keeps its %s open; what it prints later is lost", name,
	    w->child.err == -1 ? "stdout"
		: out          ? "stdout and stderr"
			       : "stderr");
	cli_say(line);
}

/* Time that passed before the poll is not slept in it. */
static int64_t
silence_ends(const struct worker *w)
{
	int64_t now = clock_now();

	return w->silent_at > now ? w->silent_at : now;
}

/* The child has just exited: what its pipes still hold is to come. */
static void
note_exit(struct worker *w)
{
	w->child.exited = true;
	w->left_at = clock_now();
	w->silent_at = clock_after(w->left_at, EXIT_SILENCE);
}

/*
 * The child has exited.  Whether its pipes have been silent for long enough.  A
 * log that goes on for ever is no reason to wait: what comes on stderr extends
 * the wait for a while only.
 */
static bool
is_silent(struct worker *w, bool out, bool heard_out, bool heard_err)
{
	int64_t now = clock_now();

	if (heard_out || (heard_err && now - w->left_at < EXIT_PATIENCE))
		w->silent_at = clock_after(now, EXIT_SILENCE);
	if (now < w->silent_at)
		return false;
	/* What it has written itself may still wait for the log. */
	if (child_log_pause(&w->child) == 0 || child_read_full_log(&w->child) || out)
		tell_left_behind(w, out);
	return true;
}

int64_t
worker_limit(const struct worker *w, int64_t limit)
{
	int64_t last = clock_after(w->left_at, EXIT_PATIENCE + EXIT_SILENCE);

	return w->child.exited && last > limit ? last : limit;
}

/*
 * For how long we could not work since the last call: because of a Ctrl-Z, or
 * because the wake-up comes much later than the deadline.
 */
static int64_t
lost_time(struct worker *w, int64_t until)
{
	int64_t now = clock_now(), halted = worktime_halted(now);
	int64_t lost = halted - w->halted, late = now - clock_after(until, lost);

	w->halted = halted;
	return lost + (late > OVERSLEPT ? late : 0);
}

void
worker_begin_limit(struct worker *w)
{
	w->halted = worktime_halted(clock_now());
}

/* Once per run: a child that waits for the terminal, in vain. */
static void
tell_stopped(struct worker *w)
{
	int sig = child_stopped_by(&w->child);
	char name[WORKER_NAME_SIZE], line[WORKER_NAME_SIZE + 128];

	if ((sig != SIGTTIN && sig != SIGTTOU) || atomic_exchange(&w->pf->told_stopped, true))
		return;
	worker_name(w, name);
	snprintf(line, sizeof(line),
	    "%s is stopped by the terminal: it %s it, which a worker can't%s", name,
	    sig == SIGTTIN ? "reads from" : "writes to",
	    w->pf->timeout == CLOCK_NEVER ? "; with -t its record would time out" : "");
	cli_say(line);
}

void
worker_stop(struct worker *w)
{
	char name[WORKER_NAME_SIZE], line[WORKER_NAME_SIZE + 128];

	if (child_is_out_of_reach(&w->child) && !atomic_exchange(&w->pf->told_out_of_reach, true)) {
		worker_name(w, name);
		snprintf(line, sizeof(line),
		    "%s can't be killed, as it has become another user; it is waited for", name);
		cli_say(line);
	}
	child_stop(&w->child);
}

/*
 * ctx_poll(), and a look now and then whether the terminal has stopped the
 * child: poll(2) does not report that.
 */
static int
poll_child(struct worker *w, struct pollfd *fds, int64_t until)
{
	bool looks = w->pf->has_terminal && w->child.pid > 0;
	int64_t now = looks ? clock_now() : 0;
	int n;

	for (;;) {
		if (looks && now >= w->look_at) {
			tell_stopped(w);
			w->look_at = now + STOPPED_LOOK;
		}
		n = ctx_poll(
		    w->stage->root, fds, FDS, looks ? clock_earlier(until, w->look_at) : until);
		if (!looks || n != 0 || ctx_state(w->stage->root) != CTX_LIVE ||
		    (now = clock_now()) >= until)
			return n;
	}
}

/* The EVENT_ bits of what the poll saw.  Reads the child's stderr. */
static unsigned
take_events(struct worker *w, const struct pollfd fds[FDS], bool out)
{
	bool heard_err = fds[FD_ERR].revents != 0 || child_log_pause(&w->child) > 0;
	unsigned events = 0;

	if (heard_err)
		child_read_log(&w->child);
	if ((fds[FD_IN].revents & POLLERR) != 0)
		events |= EVENT_IN_CLOSED;
	else if (fds[FD_IN].revents != 0)
		events |= EVENT_IN;
	if (fds[FD_OUT].revents != 0)
		events |= EVENT_OUT;
	if (fds[FD_EXIT].revents != 0) {
		events |= EVENT_LEFT;
		note_exit(w);
	}
	if (is_over(w, out) ||
	    (w->child.exited && is_silent(w, out, fds[FD_OUT].revents != 0, heard_err)))
		events |= EVENT_EXIT;
	return events;
}

bool
worker_poll(struct worker *w, int in, bool out, int64_t until, unsigned *events)
{
	struct pollfd fds[FDS] = {
	    [FD_INTAKE] = intake_pollfd(&w->intake),
	    [FD_IN] = {in != IGNORE_IN ? w->child.in : -1, in == POLLOUT ? POLLOUT : 0, 0},
	    [FD_OUT] = {out ? w->child.out : -1, POLLIN, 0},
	    [FD_ERR] = {child_log_pause(&w->child) > 0 ? -1 : w->child.err, POLLIN, 0},
	    [FD_EXIT] = {w->child.exited ? -1 : w->child.pidfd, POLLIN, 0},
	};

	*events = 0;
	if (is_over(w, out)) {
		intake_unwatch(&w->intake, false);
		w->overslept = 0;
		*events = EVENT_EXIT;
		return !stage_is_cancelled(w->stage);
	}
	if (w->child.exited)
		until = clock_earlier(until, silence_ends(w));
	if (child_log_pause(&w->child) > 0)
		until = clock_earlier(until, clock_after(clock_now(), child_log_pause(&w->child)));
	if (poll_child(w, fds, until) == -1)
		stage_abort(w->stage, 2, "worker %u: poll: %s", w->slot, strerror(errno));
	w->overslept = lost_time(w, until);
	if (w->child.exited) {
		w->left_at += w->overslept;
		w->silent_at += w->overslept;
	}
	intake_unwatch(&w->intake, fds[FD_INTAKE].revents != 0);
	if (stage_is_cancelled(w->stage))
		return false;
	*events = take_events(w, fds, out);
	return true;
}

bool
worker_write(struct worker *w, struct inflight *f, size_t *whole)
{
	struct iovec iov[IOVS];
	ssize_t n;

	*whole = 0;
	while (inflight_has_unwritten(f)) {
		n = writev(w->child.in, iov, inflight_iov(f, iov, IOVS));
		if (n >= 0)
			*whole += inflight_wrote(f, (size_t)n);
		else if (errno == EAGAIN)
			return true;
		else if (errno != EINTR)
			return false;
	}
	return true;
}

void
worker_cancel_record(struct worker *w, struct record *r)
{
	struct record one;
	bool more;

	do {
		more = record_take_one(r, &one);
		if (one.kind == RECORD_DATA)
			stage_bury_cancelled(w->stage, &one);
		outbox_put(&w->out, &one);
	} while (more);
}

void
worker_drain(struct worker *w)
{
	struct record batch[BATCH];
	size_t n;

	pass_rest(&w->pass);
	while ((n = intake_wait(&w->intake, batch, BATCH)) > 0) {
		for (size_t i = 0; i < n; i++)
			worker_cancel_record(w, &batch[i]);
		outbox_flush(&w->out);
	}
}

void
worker_name(const struct worker *w, char name[WORKER_NAME_SIZE])
{
	snprintf(name, WORKER_NAME_SIZE, "worker %u (%s)", w->slot, w->pf->argv[0]);
}

void
worker_status(int wait_status, char text[WORKER_STATUS_SIZE])
{
	if (WIFEXITED(wait_status))
		snprintf(text, WORKER_STATUS_SIZE, "exit status %d", WEXITSTATUS(wait_status));
	else if (!WIFSIGNALED(wait_status))
		snprintf(text, WORKER_STATUS_SIZE, "unknown status (something else waited for it)");
	else
		signame(WTERMSIG(wait_status), text);
}
