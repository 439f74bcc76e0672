#include "command.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "proc/child.h"
#include "proc/interpreter.h"

#define SIGNALS_MOST 3 /* the third one ends us */

static const int handled[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
#define HANDLED (sizeof(handled) / sizeof(handled[0]))

static struct {
	volatile pid_t pid;            /* 0: no process */
	int in;                        /* writing end of its stdin */
	int unread;                    /* reading end: what it leaves */
	volatile sig_atomic_t signal;  /* the first one */
	volatile sig_atomic_t signals; /* how many */
	bool short_of;                 /* a record was not written */
	struct sigaction old[HANDLED];
} command;

static void __attribute__((noreturn)) cannot_run(const char *name, const char *path, int error)
{
	char why[INTERPRETER_WHY_SIZE];

	warnx("%s: %s", name, interpreter_error(path, error, why));
	exit(error == ENOENT ? 127 : error == EACCES || error == ENOEXEC ? 126 : 2);
}

char *
command_find(const char *name)
{
	char why[INTERPRETER_WHY_SIZE], *path = child_find(name);

	if (path == NULL)
		cannot_run(name, NULL, errno);
	if (interpreter_is_missing(path, why))
		cannot_run(name, path, ENOENT);
	return path;
}

/* Ctrl-C comes from the kernel, and has reached the command, too. */
static void
handle_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (sig == SIGCHLD)
		return; /* it has ended a wait */
	if (command.signal == 0)
		command.signal = sig;
	if (command.pid != 0 && info->si_code <= 0)
		kill(command.pid, sig);
	if (++command.signals == SIGNALS_MOST) {
		signal(sig, SIG_DFL);
		raise(sig);
	}
}

/* Signals that we were told to ignore stay ignored. */
static void
handle_signals(void)
{
	struct sigaction action = {
	    .sa_sigaction = handle_signal, .sa_flags = SA_SIGINFO | SA_NOCLDSTOP};

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < HANDLED; i++)
		if (sigaction(handled[i], NULL, &command.old[i]) == 0 &&
		    (command.old[i].sa_handler != SIG_IGN || handled[i] == SIGCHLD))
			sigaction(handled[i], &action, NULL);
}

static void
block_signals(sigset_t *old)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < HANDLED; i++)
		sigaddset(&set, handled[i]);
	sigprocmask(SIG_BLOCK, &set, old);
}

/* Whether the process has ended; it stays to be waited for. */
static bool
has_ended(void)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)command.pid, &info, WEXITED | WNOHANG | WNOWAIT) == -1 ||
	    info.si_pid != 0;
}

/*
 * Waits until the command reads on.  -1 with errno: it has ended, or a signal
 * has come.
 */
static int
wait_for_room(void)
{
	struct pollfd p = {.fd = command.in, .events = POLLOUT};
	sigset_t old;
	int error = -1;

	/* What comes while the signals are blocked ends ppoll(2). */
	block_signals(&old);
	sigdelset(&old, SIGCHLD);
	errno = EINTR;
	if (command.signal != 0)
		error = -1;
	else if (has_ended())
		errno = EPIPE;
	else if ((error = ppoll(&p, 1, NULL, &old)) == -1 && errno == EINTR)
		error = 0; /* look again */
	sigprocmask(SIG_SETMASK, &old, NULL);
	return error == -1 ? -1 : 0;
}

/* The stream's write function.  0: an error. */
static ssize_t
write_in(void *cookie, const char *data, size_t len)
{
	size_t done = 0;

	(void)cookie;
	while (done < len && !command.short_of) {
		ssize_t n = command.signal == 0 ? write(command.in, data + done, len - done) : -1;

		if (n >= 0)
			done += (size_t)n;
		else if (command.signal != 0 || errno != EAGAIN || wait_for_room() == -1)
			command.short_of = true;
	}
	return done == len ? (ssize_t)len : 0;
}

/* In the child, until exec.  Reports a failure by its errno. */
static void __attribute__((noreturn))
become(const char *path, char *const argv[], int in, int report, const sigset_t *mask)
{
	int error;

	child_restore_limit();
	signal(SIGXFSZ, SIG_DFL);
	if (dup2(in, STDIN_FILENO) != -1) {
		sigprocmask(SIG_SETMASK, mask, NULL);
		execvp(path, argv);
	}
	error = errno;
	(void)!write(report, &error, sizeof(error));
	_exit(127);
}

/* Waits for the command wherever our process ends before its time. */
static void
abandon(void)
{
	if (command.pid == 0)
		return;
	close(command.in);
	while (waitpid(command.pid, NULL, 0) == -1 && errno == EINTR)
		continue;
}

FILE *
command_start(const char *path, char *const argv[])
{
	static const cookie_io_functions_t functions = {.write = write_in};
	int in[2], report[2], error = 0;
	sigset_t old;
	FILE *stream;

	if (pipe2(in, O_CLOEXEC) == -1 || pipe2(report, O_CLOEXEC) == -1)
		err(2, "%s", argv[0]);
	command.in = in[1];
	command.unread = in[0];
	handle_signals();
	block_signals(&old);
	if ((command.pid = fork()) == -1)
		err(2, "%s", argv[0]);
	if (command.pid == 0)
		become(path, argv, in[0], report[1], &old);
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(report[1]);
	while (read(report[0], &error, sizeof(error)) == -1 && errno == EINTR)
		continue;
	close(report[0]);
	if (error != 0) {
		waitpid(command.pid, NULL, 0);
		command.pid = 0;
		cannot_run(argv[0], path, error);
	}
	atexit(abandon);

	/* With our reading end we would wait for a dead process. */
	if (fcntl(in[1], F_SETFL, O_NONBLOCK) == -1)
		err(2, "%s", argv[0]);
	stream = must(fopencookie(NULL, "w", functions));
	setvbuf(stream, NULL, _IOFBF, 65536);
	return stream;
}

void
command_end(FILE *stream, struct command_end *end)
{
	siginfo_t info;
	sigset_t old;
	int left = 0;

	/* Its input ends with what is left in the stream. */
	(void)fclose(stream);
	close(command.in);
	while (waitid(P_PID, (id_t)command.pid, &info, WEXITED | WNOWAIT) == -1 && errno == EINTR)
		continue;

	/* No signal goes to another process that gets its number. */
	block_signals(&old);
	waitpid(command.pid, &end->status, 0);
	command.pid = 0;
	for (size_t i = 0; i < HANDLED; i++)
		sigaction(handled[i], &command.old[i], NULL);
	sigprocmask(SIG_SETMASK, &old, NULL);

	end->unread = command.short_of || ioctl(command.unread, FIONREAD, &left) == -1 || left > 0;
	end->signal = command.signal;
	close(command.unread);
}
