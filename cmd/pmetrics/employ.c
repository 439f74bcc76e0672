#include "employ.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/child.h"
#include "proc/interpreter.h"

enum { FAILED = 125, NOT_EXECUTABLE = 126, NOT_FOUND = 127 };

/* The directory. */

static char *
make_in(const char *parent)
{
	char *path;

	if (parent == NULL || *parent != '/')
		return NULL;
	if (asprintf(&path, "%s/pchan-ship.XXXXXX", parent) == -1)
		err(FAILED, "ship");
	if (mkdtemp(path) != NULL)
		return path;
	free(path);
	return NULL;
}

/* In memory if possible: a store to a mapped file on a disk may wait for it. */
static char *
make_directory(void)
{
	const char *parents[] = {getenv("XDG_RUNTIME_DIR"), "/dev/shm", getenv("TMPDIR"), "/tmp"};

	for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++) {
		char *path = make_in(parents[i]);

		if (path != NULL)
			return path;
	}
	err(FAILED, "ship: a folder in /dev/shm or /tmp");
}

bool
employ_clean(const struct employ *e)
{
	DIR *list = opendir(e->path);
	const struct dirent *entry;

	if (list == NULL)
		return false;
	while ((entry = readdir(list)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			(void)unlinkat(dirfd(list), entry->d_name, 0);
	closedir(list);
	return rmdir(e->path) == 0;
}

void
employ_free(struct employ *e)
{
	free(e->path);
}

/* The process. */

static void __attribute__((noreturn))
cannot_run(const struct employ *e, const char *name, const char *path, int error)
{
	char why[INTERPRETER_WHY_SIZE];

	warnx("ship: %s: %s", name, interpreter_error(path, error, why));
	(void)employ_clean(e);
	exit(error == ENOENT                          ? NOT_FOUND
		: error == EACCES || error == ENOEXEC ? NOT_EXECUTABLE
						      : FAILED);
}

/* All that ask for an end, or for something of the command's own. */
static void
open_signals(struct employ *e, sigset_t *old)
{
	static const int passed[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
	struct sigaction sa;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		if (sigaction(passed[i], NULL, &sa) == 0 && sa.sa_handler != SIG_IGN)
			sigaddset(&set, passed[i]);
	/* While that is ignored nobody learns how a process ended. */
	signal(SIGCHLD, SIG_DFL);
	pthread_sigmask(SIG_BLOCK, &set, old);
	if ((e->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) == -1)
		err(FAILED, "ship: signals");
}

/* In the child, until exec.  Reports a failure by its errno. */
static void __attribute__((noreturn))
become(const char *path, char *const argv[], int report, const sigset_t *mask)
{
	int error;

	signal(SIGXFSZ, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(path, argv);
	error = errno;
	(void)!write(report, &error, sizeof(error));
	_exit(NOT_FOUND);
}

static void
spawn(struct employ *e, const char *path, char *const argv[])
{
	int report[2], error = 0;
	sigset_t old;

	open_signals(e, &old);
	if (pipe2(report, O_CLOEXEC) == -1 || (e->pid = fork()) == -1)
		err(FAILED, "ship: %s", argv[0]);
	if (e->pid == 0)
		become(path, argv, report[1], &old);
	close(report[1]);
	while (read(report[0], &error, sizeof(error)) == -1 && errno == EINTR)
		continue;
	close(report[0]);
	if (error != 0) {
		(void)waitpid(e->pid, NULL, 0);
		cannot_run(e, argv[0], path, error);
	}
	if ((e->fd = pidfd_open(e->pid, 0)) == -1)
		err(FAILED, "ship: %s", argv[0]);
}

void
employ_start(struct employ *e, char *const argv[])
{
	const char *exporter = getenv("OTEL_TRACES_EXPORTER");
	char *path;

	*e = (struct employ){.path = make_directory(), .fd = -1};
	if (setenv("PCHAN_RUN_DIR", e->path, 1) == -1 ||
	    ((exporter == NULL || *exporter == '\0') &&
		setenv("OTEL_TRACES_EXPORTER", "otlp", 1) == -1))
		err(FAILED, "ship");
	if ((path = child_find(argv[0])) == NULL)
		cannot_run(e, argv[0], NULL, errno);
	spawn(e, path, argv);
	free(path);
}

int
employ_pass_on(const struct employ *e)
{
	struct signalfd_siginfo info;
	int last = 0;

	while (read(e->signals, &info, sizeof(info)) == sizeof(info)) {
		last = (int)info.ssi_signo;
		if (e->pid != 0 && info.ssi_code <= 0)
			kill(e->pid, last);
	}
	return last;
}

void
employ_reap(struct employ *e)
{
	int status = 0;

	while (waitpid(e->pid, &status, 0) == -1 && errno == EINTR)
		continue;
	e->pid = 0;
	close(e->fd);
	e->fd = -1;
	e->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
