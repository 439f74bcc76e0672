#include "stage/monitor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "sync/ctx.h"
#include "record/deadfile.h"
#include "stage/budget.h"
#include "stage/report.h"
#include "stage/signals.h"
#include "stage/stage.h"

#define TICK (250 * CLOCK_MS) /* between two progress lines */

enum step {
	RUNNING,
	FINISHING, /* after the first signal */
	STOPPED,   /* work is cancelled */
};

struct monitor {
	struct stage *stage;
	void (*say)(const char *);
	pthread_t thread;
	int sigfd, stopfd;
	int out;          /* watched for a reader that goes away; -1: not */
	bool in_is_pipe;  /* then it is read to its end */
	uint64_t in_size; /* of a regular file, for -P */
	enum step step;
	int signal; /* that stopped the stage */
	int64_t grace_ends;
	int64_t tick;     /* when the next progress line is due */
	int64_t measured; /* when the rate was, and how many records had ended by then */
	uint64_t ended;
	double rate;
};

/* One line that overwrites itself; the terminal's rest of the old one is cleared. */
static void
draw(const char *line)
{
	fprintf(stderr, "\r%s\033[K", line);
}

/* A message, on a line of its own. */
static void
tell(const struct monitor *m, const char *line)
{
	if (m->tick != CLOCK_NEVER)
		draw("");
	m->say(line);
}

static void
finish(struct monitor *m)
{
	struct stage *st = m->stage;
	char line[128];

	m->step = FINISHING;
	m->grace_ends = clock_after(clock_now(), st->opt->grace);
	if (!m->in_is_pipe)
		ctx_cancel(st->input);
	if (isatty(STDERR_FILENO) && !st->opt->quiet) {
		snprintf(line, sizeof(line), "finishing %zu records, Ctrl-C again to stop",
		    budget_held(st->budget));
		tell(m, line);
	}
}

static void
stop_work(struct monitor *m)
{
	m->step = STOPPED;
	ctx_cancel(m->stage->work);
	m->grace_ends =
	    m->in_is_pipe ? clock_after(clock_now(), m->stage->opt->grace) : CLOCK_NEVER;
}

static void
end_at_once(struct monitor *m, int sig)
{
	char line[128];

	snprintf(line, sizeof(line), "stopped at once: %zu records were held and are lost",
	    budget_held(m->stage->budget));
	tell(m, line);
	signals_die_of(sig);
}

static void
take_stop(struct monitor *m, int sig)
{
	if (m->step == RUNNING) {
		m->signal = sig;
		finish(m);
	} else if (m->step == FINISHING)
		stop_work(m);
	else
		end_at_once(m, sig);
}

/* A dead-letter file, or what the tool has.  False: neither. */
static bool
reload(struct monitor *m)
{
	struct stage *st = m->stage;
	char line[REPORT_SIZE] = "";

	if (st->opt->dead_letter != NULL)
		deadfile_reopen(st->dead);
	if (st->reload != NULL)
		st->reload(st->state, line, sizeof(line));
	if (*line != '\0')
		tell(m, line);
	return st->opt->dead_letter != NULL || st->reload != NULL;
}

static void
take_signal(struct monitor *m)
{
	struct signalfd_siginfo si;
	char line[REPORT_SIZE];

	if (read(m->sigfd, &si, sizeof(si)) != sizeof(si))
		return;
	if (si.ssi_signo == SIGUSR1) {
		report_totals(m->stage, line, sizeof(line));
		tell(m, line);
	} else if (si.ssi_signo != SIGHUP || !reload(m))
		take_stop(m, (int)si.ssi_signo);
}

static void
take_time(struct monitor *m)
{
	int64_t now = clock_now();

	if (now < m->grace_ends)
		return;
	if (m->step == FINISHING)
		stop_work(m);
	else {
		ctx_cancel(m->stage->input);
		m->grace_ends = CLOCK_NEVER;
	}
}

/* Records/s, of those that have left: in the last second, and in the first one since the start. */
static void
measure(struct monitor *m, int64_t now)
{
	const struct metrics *s = m->stage->metrics;
	uint64_t ended =
	    metrics_get(s, METRIC_PROCESSED) + metrics_get(s, METRIC_FILTERED) + metrics_failed(s);
	bool first = m->measured == m->stage->begun;

	if (now - m->measured < CLOCK_S && !first)
		return;
	m->rate = (double)(ended - m->ended) * (double)CLOCK_S / (double)(now - m->measured);
	if (first && now - m->measured < CLOCK_S)
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
	measure(m, now);
	report_progress(m->stage, m->in_size, m->rate, line, sizeof(line));
	draw(line);
	m->tick = now + TICK;
}

static void *
monitor_main(void *arg)
{
	struct monitor *m = arg;
	struct pollfd fds[] = {{.fd = m->stopfd, .events = POLLIN},
	    {.fd = m->sigfd, .events = POLLIN}, {.fd = m->out}};
	struct timespec left;

	for (;;) {
		int64_t until = m->grace_ends < m->tick ? m->grace_ends : m->tick;
		int n = ppoll(fds, 3, clock_left(until, &left), NULL);

		if (n == -1 && errno != EINTR)
			return NULL;
		if (n > 0 && fds[1].revents != 0)
			take_signal(m); /* one that came before the end counts */
		if (n > 0 && fds[0].revents != 0)
			return NULL;
		if (n > 0 && (fds[2].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) {
			stage_hang_up(m->stage);
			fds[2].fd = -1;
		}
		take_time(m);
		show_progress(m);
	}
}

static bool
is_pipe(int fd)
{
	struct stat sb;

	return fstat(fd, &sb) == 0 && (S_ISFIFO(sb.st_mode) || S_ISSOCK(sb.st_mode));
}

static void
look_at(struct monitor *m, int in, int out)
{
	struct stat sb;

	m->in_is_pipe = is_pipe(in);
	if (fstat(in, &sb) == 0 && S_ISREG(sb.st_mode))
		m->in_size = (uint64_t)sb.st_size;
	m->out = is_pipe(out) && !m->stage->pipe_ignored ? out : -1;
	m->grace_ends = CLOCK_NEVER;
	m->tick =
	    m->stage->opt->progress && isatty(STDERR_FILENO) ? clock_now() + TICK : CLOCK_NEVER;
	m->measured = m->stage->begun;
}

struct monitor *
monitor_start(struct stage *st, int in, int out, void (*say)(const char *))
{
	struct monitor *m = calloc(1, sizeof(*m));
	int error;

	if (m == NULL)
		return NULL;
	m->stage = st;
	m->say = say;
	m->stopfd = -1;
	look_at(m, in, out);
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

int
monitor_stop(struct monitor *m)
{
	uint64_t one = 1;
	int sig;

	if (m == NULL)
		return 0;
	while (write(m->stopfd, &one, sizeof(one)) == -1 && errno == EINTR)
		continue;
	pthread_join(m->thread, NULL);
	if (m->tick != CLOCK_NEVER)
		draw("");
	sig = m->signal;
	close(m->sigfd);
	close(m->stopfd);
	free(m);
	return sig;
}
