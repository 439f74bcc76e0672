#include "stage/signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t.h"

static const int handled[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};

/* The signal that the descriptor gives; 0: none. */
static int
next_signal(int fd)
{
	struct signalfd_siginfo si;

	return read(fd, &si, sizeof(si)) == sizeof(si) ? (int)si.ssi_signo : 0;
}

static void
test_read(void)
{
	int fd;

	signals_block();
	for (size_t i = 0; i < 4; i++)
		CHECK(!signals_ignored(handled[i]), "%d", handled[i]);
	CHECK(!signals_ignored(SIGPIPE));
	if (CHECK((fd = signals_open()) != -1))
		return;
	CHECK(next_signal(fd) == 0);
	for (size_t i = 0; i < 4; i++) {
		CHECK(kill(getpid(), handled[i]) == 0);
		CHECK(next_signal(fd) == handled[i], "%d", handled[i]);
	}
	CHECK(next_signal(fd) == 0);
	close(fd);
}

/* A write that fails does not end the process. */
static void
test_writes(void)
{
	struct rlimit old, none;
	FILE *file = tmpfile();
	int fds[2];

	CHECK(pipe(fds) == 0);
	close(fds[0]);
	CHECK(write(fds[1], "x", 1) == -1 && errno == EPIPE);
	close(fds[1]);
	CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0);
	none = old;
	none.rlim_cur = 0;
	CHECK(setrlimit(RLIMIT_FSIZE, &none) == 0);
	CHECK(write(fileno(file), "x", 1) == -1 && errno == EFBIG);
	CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0);
	fclose(file);
}

static void
test_ignored(void)
{
	int fd;

	signal(SIGTERM, SIG_IGN);
	signals_block();
	CHECK(signals_ignored(SIGTERM) && signals_ignored(SIGPIPE) && !signals_ignored(SIGINT));
	if (CHECK((fd = signals_open()) != -1))
		return;
	CHECK(kill(getpid(), SIGTERM) == 0 && next_signal(fd) == 0, "it stays ignored");
	close(fd);
}

static void *
die_main(void *arg)
{
	signals_die_of(*(int *)arg);
}

/*
 * By the main thread, or by another while the main thread has all signals
 * blocked.
 */
static void
test_die(int sig, bool other)
{
	pthread_t thread;
	int status;
	pid_t pid;

	fflush(NULL);
	if ((pid = fork()) == 0) {
		if (!other)
			signals_die_of(sig);
		pthread_create(&thread, NULL, die_main, &sig);
		pthread_join(thread, NULL);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == sig,
	    "%#x", status);
}

int
main(void)
{
	alarm(60);
	for (size_t i = 0; i < 4; i++)
		signal(handled[i], SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	test_read();
	test_writes();
	test_die(SIGPIPE, false);
	test_die(SIGTERM, true);
	test_ignored();
	return t_end();
}
