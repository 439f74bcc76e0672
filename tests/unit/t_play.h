#ifndef T_PLAY_H
#define T_PLAY_H

/*
 * A test that plays the other side of a helper, which runs in a child: it has
 * the ends of the pipes that are the child's stdin and stdout, and of one more,
 * on which the child tells what it sees.
 */

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t.h"

#define PLAY_LIMIT 30 /* s, until a child that hangs is killed */

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define PLAY_MEMORY 0 /* a sanitizer's memory tells nothing */
#else
#define PLAY_MEMORY 1
#endif

struct play {
	pid_t pid;
	int in, out, told; /* of the child: to write to, and to read from */
};

static int play_told; /* the child's end */

static void
play_pipe(int fds[2], bool socket)
{
	if (socket)
		CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	else
		CHECK(pipe(fds) == 0);
}

/*
 * Begins; stdout is a pipe or a socket, and stdin is `file` if that is not -1.
 */
static struct play
play(void (*run)(const void *), const void *arg, bool socket, int file)
{
	int in[2], out[2], told[2];
	struct play p;

	play_pipe(in, false);
	play_pipe(out, socket);
	play_pipe(told, false);
	if ((p.pid = fork()) == 0) {
		alarm(PLAY_LIMIT);
		t_failures = 0;
		signal(SIGPIPE, SIG_IGN);
		dup2(file != -1 ? file : in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		close(in[0]);
		close(in[1]);
		close(out[0]);
		close(out[1]);
		close(told[0]);
		play_told = told[1];
		run(arg);
		exit(t_failures != 0);
	}
	CHECK(p.pid > 0);
	close(in[0]);
	close(out[1]);
	close(told[1]);
	p.in = in[1];
	p.out = out[0];
	p.told = told[0];
	return p;
}

/* The child tells something. */
static void __attribute__((format(printf, 1, 2))) tell(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vdprintf(play_told, fmt, ap);
	va_end(ap);
}

static inline void
play_close(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

static inline void
play_write(const struct play *p, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(p->in, text, len);

		if (CHECK(n > 0))
			return;
		text += n;
		len -= (size_t)n;
	}
}

/* Without memory a test ends. */
static inline char *
grow(char *text, size_t room)
{
	char *more = realloc(text, room);

	if (more == NULL)
		abort();
	return more;
}

/* Up to the end: malloc'd, with a NUL. */
static char *
play_read_all(int fd, size_t *len)
{
	size_t room = 1 << 16;
	char *text = malloc(room);
	ssize_t n;

	*len = 0;
	while ((n = read(fd, text + *len, room - *len - 1)) > 0)
		if ((*len += (size_t)n) == room - 1)
			text = grow(text, room *= 2);
	CHECK(n == 0);
	text[*len] = '\0';
	return text;
}

/* The next line, without its LF.  False: the end. */
static bool
play_line(int fd, char *line, size_t size)
{
	size_t len = 0;

	while (len < size - 1 && read(fd, line + len, 1) == 1) {
		if (line[len] == '\n') {
			line[len] = '\0';
			return true;
		}
		len++;
	}
	line[len] = '\0';
	return false;
}

/* The next line that the child tells. */
static inline bool
play_is_told(const struct play *p, const char *want)
{
	char line[200];

	return play_line(p->told, line, sizeof(line)) && strcmp(line, want) == 0;
}

/* Closes all, and waits for its end: the exit status, or -1. */
static int
play_end(struct play *p)
{
	int status = -1;

	play_close(&p->in);
	play_close(&p->out);
	play_close(&p->told);
	waitpid(p->pid, &status, 0);
	CHECK(WIFEXITED(status), "killed by signal %d", WTERMSIG(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The most memory that this process has had, in KiB. */
static inline long
play_memory(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

static void
play_ignore(int sig)
{
	(void)sig;
}

/*
 * What the caller of a step waits for, too: readiness, and a signal that says
 * nothing.  step() waits without a limit, and returns whether it goes on.
 */
static __attribute__((unused)) void
play_more(bool (*step)(void *arg, struct pollfd *more, size_t n), void *arg)
{
	struct sigaction action = {.sa_handler = play_ignore};
	struct itimerval timer = {{0, 20000}, {0, 20000}};
	struct pollfd more[2];
	int a[2], b[2];

	CHECK(pipe(a) == 0 && pipe(b) == 0 && write(b[1], "x", 1) == 1);
	more[0] = (struct pollfd){.fd = a[0], .events = POLLIN, .revents = POLLIN};
	more[1] = (struct pollfd){.fd = b[0], .events = POLLIN};
	CHECK(step(arg, more, 2));
	CHECK(more[0].revents == 0 && more[1].revents == POLLIN);
	more[0].revents = POLLIN;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	CHECK(step(arg, more, 1), "a signal");
	CHECK(more[0].revents == 0, "nothing is there");
}

#endif
