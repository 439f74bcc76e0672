/*
 * Signals come from this process itself; what they did is seen in the stage's
 * contexts.
 */

#include "stage/monitor.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "record/deadfile.h"
#include "stage/signals.h"
#include "stage/stage.h"
#include "sync/ctx.h"
#include "t.h"
#include "t_setup.h"

#define LIMIT 10000 /* ms, for what never comes */

static struct options opt = {.grace = 3600 * CLOCK_S};
static int said_fds[2]; /* what was said comes out here */

static void
say(const char *line)
{
	(void)!write(said_fds[1], line, strlen(line) + 1);
}

/* The next line that is said, or "". */
static const char *
said(void)
{
	static char line[2048];
	ssize_t n = 0;

	line[0] = '\0';
	if (poll(&(struct pollfd){.fd = said_fds[0], .events = POLLIN}, 1, LIMIT) == 1)
		n = read(said_fds[0], line, sizeof(line) - 1);
	line[n > 0 ? n : 0] = '\0';
	return line;
}

/* Whether it gets cancelled. */
static bool
ends(struct ctx *c)
{
	return ctx_poll(c, NULL, 0, clock_now() + LIMIT * CLOCK_MS) == 0 &&
	    ctx_state(c) == CTX_CANCELLED;
}

struct fixture {
	struct stage stage;
	struct monitor *monitor;
	int null, pipe[2];
};

/* The output is a pipe, or nothing to watch. */
static void
begin(struct fixture *f, bool out_is_pipe)
{
	CHECK(pipe2(f->pipe, O_CLOEXEC) == 0);
	f->null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	t_setup(&f->stage, &opt, 100, 0);
	f->monitor = monitor_start(&f->stage, out_is_pipe ? f->pipe[1] : f->null, say);
	CHECK(f->monitor != NULL);
}

static int
end(struct fixture *f)
{
	int sig = monitor_stop(f->monitor);

	stage_free(&f->stage);
	close(f->null);
	close(f->pipe[0]);
	close(f->pipe[1]);
	return sig;
}

static void
send(int sig)
{
	CHECK(kill(getpid(), sig) == 0);
}

/* What comes within 100 ms of the last one would be the same stop. */
static void
send_again(int sig)
{
	poll(NULL, 0, 120);
	send(sig);
}

static void
test_nothing(void)
{
	struct fixture f;

	begin(&f, true);
	CHECK(end(&f) == 0);
}

/* First the input, then the work; a pipe is read on. */
static void
test_two_signals(void)
{
	struct fixture f;

	begin(&f, false);
	send(SIGTERM);
	CHECK(ends(f.stage.files));
	CHECK(!stage_is_cancelled(&f.stage));
	send_again(SIGINT);
	CHECK(ends(f.stage.work));
	CHECK(ctx_state(f.stage.root) == CTX_LIVE && f.stage.status == 0);
	CHECK(end(&f) == SIGTERM, "the first one stopped it");

	begin(&f, false);
	send(SIGINT);
	/* Answered after SIGINT: the lower number is taken first. */
	send(SIGUSR1);
	CHECK(strstr(said(), "received 0, ") != NULL);
	CHECK(ctx_state(f.stage.input) == CTX_LIVE, "the writer of the pipe is stopping, too");
	send_again(SIGTERM);
	CHECK(ends(f.stage.work));
	CHECK(ctx_state(f.stage.input) == CTX_LIVE, "it is still read");
	CHECK(end(&f) == SIGINT);
}

/* One stop that arrives twice. */
static void
test_same_stop(void)
{
	struct fixture f;

	begin(&f, false);
	send(SIGTERM);
	CHECK(ends(f.stage.files));
	send(SIGINT);
	/* Answered after SIGINT: the lower number is taken first. */
	send(SIGUSR1);
	said();
	CHECK(!stage_is_cancelled(&f.stage), "it was counted as a second one");
	CHECK(end(&f) == SIGTERM);
}

/* While nobody takes the output the grace stands still. */
static void
test_slow_reader(void)
{
	struct fixture f;

	opt.grace = 10 * CLOCK_MS;
	begin(&f, false);
	stopwatch_start(&f.stage.writing, clock_now());
	send(SIGTERM);
	poll(NULL, 0, 200);
	CHECK(!stage_is_cancelled(&f.stage), "the grace ran on");
	stopwatch_stop(&f.stage.writing, clock_now());
	CHECK(ends(f.stage.work));
	CHECK(ends(f.stage.input));
	CHECK(end(&f) == SIGTERM);
	opt.grace = 3600 * CLOCK_S;
}

/* When the grace is over it goes on by itself. */
static void
test_grace(void)
{
	int64_t begun;
	struct fixture f;

	opt.grace = 10 * CLOCK_MS;
	begin(&f, false);
	begun = clock_now();
	send(SIGTERM);
	CHECK(ends(f.stage.work) && clock_now() >= begun + opt.grace);
	CHECK(
	    ends(f.stage.input) && clock_now() >= begun + 2 * opt.grace, "at most one more grace");
	CHECK(ctx_state(f.stage.root) == CTX_LIVE);
	CHECK(end(&f) == SIGTERM);
	opt.grace = 0;
	begin(&f, false);
	send(SIGTERM);
	CHECK(ends(f.stage.files) && ends(f.stage.work), "none at all");
	CHECK(end(&f) == SIGTERM);
	opt.grace = 3600 * CLOCK_S;
}

/*
 * The third one: the process is gone, by that signal, and has said what is
 * lost.
 */
static void
test_third_signal(void)
{
	struct fixture f;
	int status;
	pid_t pid;

	fflush(NULL);
	if ((pid = fork()) == 0) {
		begin(&f, false);
		send(SIGTERM);
		ends(f.stage.files);
		send_again(SIGTERM);
		ends(f.stage.work);
		send_again(SIGINT);
		poll(NULL, 0, LIMIT);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGINT,
	    "%#x", status);
	CHECK(strstr(said(), "0 records were held") != NULL);
}

static void
test_statistics(void)
{
	struct fixture f;

	begin(&f, false);
	metrics_add(metrics_shard(f.stage.metrics, 0), METRIC_RECEIVED, 42);
	send(SIGUSR1);
	CHECK(strstr(said(), "received 42, ") != NULL);
	CHECK(ctx_state(f.stage.input) == CTX_LIVE);
	CHECK(end(&f) == 0);
}

/* SIGHUP reopens the dead-letter file, or stops a stage that has none. */
static void
test_hangup_signal(void)
{
	size_t kept;
	char path[] = "/tmp/t_monitor.XXXXXX", moved[40];
	struct fixture f;

	begin(&f, false);
	send(SIGHUP);
	CHECK(ends(f.stage.files));
	CHECK(end(&f) == SIGHUP);

	CHECK(close(mkstemp(path)) == 0);
	snprintf(moved, sizeof(moved), "%s.1", path);
	opt.dead_letter = path;
	begin(&f, false);
	CHECK(rename(path, moved) == 0);
	send(SIGHUP);
	send(SIGUSR1); /* taken after it */
	CHECK(*said() != '\0');
	CHECK(
	    deadfile_put(f.stage.dead, "x\n", 2) == 0 && deadfile_commit(f.stage.dead, &kept) == 0);
	CHECK(access(path, F_OK) == 0, "it was not reopened");
	CHECK(ctx_state(f.stage.files) == CTX_LIVE);
	CHECK(end(&f) == 0);
	opt.dead_letter = NULL;
	unlink(path);
	unlink(moved);
}

/* The reader of our output goes away while nothing is written. */
static void
test_reader_gone(void)
{
	struct fixture f;

	begin(&f, true);
	close(f.pipe[0]);
	CHECK(ends(f.stage.root));
	CHECK(f.stage.status == 0);
	f.pipe[0] = -1;
	CHECK(monitor_stop(f.monitor) == 0 && f.stage.hung_up);
	stage_free(&f.stage);
	close(f.null);
	close(f.pipe[1]);
}

int
main(void)
{
	alarm(60);
	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	CHECK(pipe2(said_fds, O_CLOEXEC) == 0);
	signals_block();
	test_nothing();
	test_third_signal();
	test_two_signals();
	test_same_stop();
	test_slow_reader();
	test_grace();
	test_statistics();
	test_hangup_signal();
	test_reader_gone();
	return t_end();
}
