#include "stage/monitor.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "metrics/statfile.h"
#include "metrics/worktime.h"
#include "proc/running.h"
#include "record/deadfile.h"
#include "stage/budget.h"
#include "stage/inputs.h"
#include "stage/report.h"
#include "stage/signals.h"
#include "stage/stage.h"
#include "sync/ctx.h"
#include "sync/log.h"
#include "sync/stopwatch.h"

#define TICK (250 * CLOCK_MS)        /* between two progress lines */
#define LAST_MOMENT (100 * CLOCK_MS) /* before the end at once */

/*
 * What comes sooner after a signal is the same stop: timeout(1) signals the
 * process and then its group, a parent passes on what the terminal has sent us
 * as well.
 */
#define SAME_STOP (100 * CLOCK_MS)

/* How often to look at a grace that stands still. */
#define GRACE_LOOK (100 * CLOCK_MS)

enum step {
	RUNNING,
	FINISHING, /* after the first signal */
	STOPPED,   /* work was cancelled; a pipe is still read */
	CLOSED,    /* the pipe was given up, too */
};

struct monitor {
	struct stage *stage;
	void (*say)(const char *);
	pthread_t thread;
	int sigfd, stopfd;
	int out;           /* watched for a reader that goes away; or -1 */
	atomic_bool leave; /* what stopfd asks for: to watch it no more */
	sem_t left;        /* and that is so */
	enum step step;
	int signal;      /* the one that stopped the stage; 0: none did */
	int64_t counted; /* when the last signal came that made a step */
	int64_t begun;   /* when this step began, in time_to_work() */
	int64_t tick;    /* the next progress line is due; or CLOCK_NEVER */
	/*
	 * For -P: what was measured last, when, and how many records had ended
	 * by then.
	 */
	struct report_pace pace;
	struct report_moment measured;
	uint64_t ended;
	struct report_moment told; /* the last SIGUSR1 */
};

/*
 * The time in which the stage could work.  It stands still while nobody takes
 * the output: then not the stage is slow, but its reader, and what waits behind
 * the output would be lost.
 */
static int64_t
time_to_work(const struct monitor *m, int64_t now)
{
	int64_t worked = worktime_at(now);

	return worked - stopwatch_read(&m->stage->writing, worked);
}

static void
begin_step(struct monitor *m, enum step step)
{
	m->step = step;
	m->begun = time_to_work(m, clock_now());
}

/* How much is left of the grace of this step; CLOCK_NEVER: it has none. */
static int64_t
grace_left(const struct monitor *m, int64_t now)
{
	if (m->step == RUNNING || m->step == CLOSED)
		return CLOCK_NEVER;
	return clock_after(m->begun, m->stage->opt->grace) - time_to_work(m, now);
}

/* When to look at the grace again. */
static int64_t
grace_look(const struct monitor *m)
{
	int64_t now = clock_now(), left = grace_left(m, now);

	if (left > 0 && left < GRACE_LOOK && stopwatch_runs(&m->stage->writing))
		left = GRACE_LOOK;
	return clock_after(now, left);
}

/* The first signal. */
static void
finish_input(struct monitor *m)
{
	struct stage *st = m->stage;
	char line[128];

	begin_step(m, FINISHING);
	ctx_cancel(st->running);
	ctx_cancel(st->files);
	if (isatty(STDERR_FILENO) && !st->opt->quiet) {
		snprintf(line, sizeof(line), "finishing %zu records, Ctrl-C again to stop",
		    budget_held(st->budget));
		m->say(line);
	}
}

/* The second one, or the end of the grace. */
static void
stop_work(struct monitor *m)
{
	begin_step(m, STOPPED);
	ctx_cancel(m->stage->work);
}

/* The end of one more grace. */
static void
close_input(struct monitor *m)
{
	begin_step(m, CLOSED);
	ctx_cancel(m->stage->input);
}

/* The third one. */
static void
end_at_once(struct monitor *m, int sig)
{
	char line[128];

	snprintf(line, sizeof(line), "stopped at once: %" PRIu64 " records were held and %s",
	    metrics_held(m->stage->metrics), stage_is_marked(m->stage) ? "come again" : "are lost");
	m->say(line);
	log_stop(clock_after(clock_now(), LAST_MOMENT));
	statfile_mark(m->stage->stat, EXIT_SIGNAL);
	signals_die_of(sig);
}

static void
handle_stop(struct monitor *m, int sig, int64_t came)
{
	if (m->step != RUNNING && came - m->counted < SAME_STOP)
		return;
	m->counted = came;
	if (m->step == RUNNING) {
		m->signal = sig;
		finish_input(m);
	} else if (m->step == FINISHING)
		stop_work(m);
	else
		end_at_once(m, sig);
}

/*
 * Reopens the dead-letter file and reloads what the tool has.  False: there is
 * neither.
 */
static bool
reload_files(struct monitor *m)
{
	struct stage *st = m->stage;
	char line[REPORT_SIZE] = "";

	if (st->opt->dead_letter != NULL)
		deadfile_reopen(st->dead);
	if (st->reload != NULL)
		st->reload(st->state, line, sizeof(line));
	if (*line != '\0')
		m->say(line);
	return st->opt->dead_letter != NULL || st->reload != NULL;
}

/*
 * Ctrl-Z.  The children have groups of their own, so nobody else stops them:
 * they stand before we do, and go on after us.
 */
static void
suspend(void)
{
	running_halt();
	worktime_halt(clock_now());
	signals_suspend();
	worktime_go_on(clock_now());
	running_resume();
}

/* SIGUSR1: the numbers, and the state since the last one. */
static void
tell_interim(struct monitor *m)
{
	struct report_moment now;
	char line[REPORT_SIZE];

	report_now(m->stage, &now);
	report_interim(m->stage, report_state(m->stage, &m->told, &now), line, sizeof(line));
	m->told = now;
	m->say(line);
}

static void
handle_signal(struct monitor *m)
{
	struct signalfd_siginfo si;
	/* Before the read: whoever sees that the signal is gone may go on. */
	int64_t came = clock_now();

	if (read(m->sigfd, &si, sizeof(si)) != sizeof(si))
		return;
	if (si.ssi_signo == SIGCHLD)
		running_reap_orphans();
	else if (si.ssi_signo == SIGUSR1)
		tell_interim(m);
	else if (si.ssi_signo == SIGTSTP)
		suspend();
	else if (si.ssi_signo != SIGHUP || !reload_files(m))
		handle_stop(m, (int)si.ssi_signo, came);
}

static void
check_grace(struct monitor *m)
{
	if (grace_left(m, clock_now()) > 0)
		return;
	if (m->step == FINISHING)
		stop_work(m);
	else
		close_input(m);
}

/*
 * The rate is that of the records that ended in the last second, and the state
 * is that of this second; during the first second, since the start.
 */
static void
measure_pace(struct monitor *m)
{
	const struct metrics *s = m->stage->metrics;
	struct report_moment now;
	int64_t passed;
	uint64_t ended =
	    metrics_get(s, METRIC_PROCESSED) + metrics_get(s, METRIC_FILTERED) + metrics_failed(s);
	bool first = m->measured.at == m->stage->begun;

	report_now(m->stage, &now);
	passed = now.at - m->measured.at;
	if (passed < CLOCK_S && !first)
		return;
	m->pace.rate = (double)(ended - m->ended) * (double)CLOCK_S / (double)passed;
	m->pace.state = report_state(m->stage, &m->measured, &now);
	if (first && passed < CLOCK_S)
		return;
	m->ended = ended;
	m->measured = now;
}

static void
show_progress(struct monitor *m)
{
	char line[REPORT_SIZE];
	int64_t now = clock_now();

	if (now < m->tick)
		return;
	measure_pace(m);
	report_progress(m->stage, &m->pace, line, sizeof(line));
	log_progress(line);
	m->tick = now + TICK;
}

/*
 * Without poll(2) nothing can be watched.  The stage ends as after two signals,
 * and the next signal ends the process at once.
 */
static void
give_up_polling(struct monitor *m)
{
	eventfd_t stop;

	stage_abort(m->stage, 2, "the monitor: poll: %s", strerror(errno));
	signals_unblock();
	for (;;) {
		while (eventfd_read(m->stopfd, &stop) == -1 && errno == EINTR)
			continue;
		if (!atomic_exchange(&m->leave, false))
			return;
		sem_post(&m->left);
	}
}

/* stopfd was written.  True: the monitor is to end. */
static bool
handle_request(struct monitor *m, struct pollfd *out)
{
	eventfd_t request;

	if (!atomic_exchange(&m->leave, false))
		return true;
	(void)eventfd_read(m->stopfd, &request);
	out->fd = -1;
	sem_post(&m->left);
	return false;
}

static void *
monitor_main(void *arg)
{
	struct monitor *m = arg;
	struct pollfd fds[] = {{.fd = m->stopfd, .events = POLLIN},
	    {.fd = m->sigfd, .events = POLLIN}, {.fd = m->out}};
	struct timespec left;

	for (;;) {
		int64_t until = clock_earlier(grace_look(m), m->tick);
		int n = ppoll(fds, 3, clock_left(until, &left), NULL);

		if (n == -1 && errno != EINTR) {
			give_up_polling(m);
			return NULL;
		}
		/* Even a signal that came just before the end counts. */
		if (n > 0 && fds[1].revents != 0)
			handle_signal(m);
		if (n > 0 && fds[0].revents != 0 && handle_request(m, &fds[2]))
			return NULL;
		if (n > 0 && (fds[2].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) {
			stage_hang_up(m->stage);
			fds[2].fd = -1;
		}
		check_grace(m);
		show_progress(m);
	}
}

/* Dead letters on the same terminal would be drawn over. */
static bool
shows_progress(const struct stage *st)
{
	bool letters = st->collects && st->opt->dead_letter == NULL;

	return st->opt->progress && !letters && isatty(STDERR_FILENO);
}

static void
set_up_monitor(struct monitor *m, int out)
{
	m->pace.in_size = inputs_size(m->stage->inputs);
	m->out = io_is_pipe(out) && !m->stage->pipe_ignored ? out : -1;
	m->tick = shows_progress(m->stage) ? clock_now() + TICK : CLOCK_NEVER;
	m->measured.at = m->told.at = m->stage->begun;
}

struct monitor *
monitor_start(struct stage *st, int out, void (*say)(const char *))
{
	struct monitor *m = calloc(1, sizeof(*m));
	int error;

	if (m == NULL)
		return NULL;
	m->stage = st;
	m->say = say;
	m->stopfd = -1;
	sem_init(&m->left, 0, 0);
	set_up_monitor(m, out);
	if ((m->sigfd = signals_open()) == -1)
		goto err0;
	if ((m->stopfd = eventfd(0, EFD_CLOEXEC)) == -1)
		goto err1;
	if ((error = pthread_create(&m->thread, NULL, monitor_main, m)) == 0)
		return m;
	errno = error;
	close(m->stopfd);
err1:
	close(m->sigfd);
err0:
	free(m);
	return NULL;
}

static void
ask(struct monitor *m)
{
	while (eventfd_write(m->stopfd, 1) == -1 && errno == EINTR)
		continue;
}

void
monitor_leave_output(struct monitor *m)
{
	atomic_store(&m->leave, true);
	ask(m);
	while (sem_wait(&m->left) == -1 && errno == EINTR)
		continue;
}

int
monitor_stop(struct monitor *m)
{
	int sig;

	if (m == NULL)
		return 0;
	ask(m);
	pthread_join(m->thread, NULL);
	if (m->tick != CLOCK_NEVER)
		log_progress("");
	sig = m->signal;
	close(m->sigfd);
	close(m->stopfd);
	sem_destroy(&m->left);
	free(m);
	return sig;
}
