#include "proc/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define PIPE_SIZE (64 * 1024)     /* what a pipe holds */
#define PATIENCE (100 * CLOCK_MS) /* between SIGTERM and SIGKILL */

extern char **environ;

/* What the children get back; set before threads start. */
static struct rlimit old_limit;
static bool limit_raised;

int
child_raise_limit(size_t fds, size_t *most)
{
	struct rlimit rl;
	size_t want = fds + 32; /* and the standard ones, files, libraries' */

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return -1;
	if (want <= rl.rlim_cur)
		return 0;
	if (want > rl.rlim_max) {
		*most = rl.rlim_max > 32 ? rl.rlim_max - 32 : 0;
		errno = EMFILE;
		return -1;
	}
	old_limit = rl;
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		return -1;
	limit_raised = true;
	return 0;
}

static int
can_execute(const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1)
		return errno == ENOTDIR ? ENOENT : errno;
	if (!S_ISREG(st.st_mode) || access(path, X_OK) == -1)
		return EACCES;
	return 0;
}

static char *
find_in(const char *dirs, const char *command, int *error)
{
	char *path;

	*error = ENOENT;
	for (const char *dir = dirs, *end; dir != NULL; dir = *end == ':' ? end + 1 : NULL) {
		int why;

		end = strchrnul(dir, ':');
		/* An empty directory is the current one. */
		if (asprintf(&path, "%.*s%s%s", (int)(end - dir), dir, end == dir ? "" : "/",
			command) == -1) {
			*error = ENOMEM;
			return NULL;
		}
		if ((why = can_execute(path)) == 0)
			return path;
		if (why == EACCES)
			*error = EACCES;
		free(path);
	}
	return NULL;
}

char *
child_find(const char *command)
{
	const char *dirs = getenv("PATH");
	char *path = NULL;
	int error;

	if (*command == '\0')
		error = ENOENT;
	else if (strchr(command, '/') == NULL)
		path =
		    find_in(dirs != NULL ? dirs : "/usr/local/bin:/usr/bin:/bin", command, &error);
	else if ((error = can_execute(command)) == 0)
		return strdup(command);
	if (path == NULL)
		errno = error;
	return path;
}

void
child_init(struct child *c)
{
	c->pid = 0;
	c->pidfd = c->in = c->out = c->err = -1;
	c->status = 0;
	c->log_len = 0;
}

/*
 * In the child after vfork(2): it shares our memory, so nothing but system calls, and no
 * way out but exec and _exit.
 */
static void __attribute__((noreturn)) become(const char *path, char *const argv[],
    char *const sh_argv[], const int fds[3], volatile int *error)
{
	/* As the kernel has it: all zero is SIG_DFL; sigaction(3) would leave out those glibc uses. */
	static const unsigned long by_default[8];
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		syscall(SYS_rt_sigaction, sig, by_default, NULL, NSIG / 8);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* should we be killed */
	if (limit_raised)
		setrlimit(RLIMIT_NOFILE, &old_limit);
	for (int fd = 0; fd < 3; fd++)
		if (dup2(fds[fd], fd) == -1)
			goto out;
	close_range(3, UINT_MAX, 0); /* what we inherited ourselves */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(path, argv, environ);
	if (errno == ENOEXEC)
		execve("/bin/sh", sh_argv, environ);
out:
	*error = errno;
	_exit(127);
}

/* Only the child leaves this function by another way than its end. */
static pid_t __attribute__((noinline)) start(const char *path, char *const argv[],
    char *const sh_argv[], const int fds[3], volatile int *error)
{
	pid_t pid = vfork();

	if (pid == 0)
		become(path, argv, sh_argv, fds, error);
	return pid;
}

/* The arguments of the shell for a script without #!: malloc'd. */
static char **
script_argv(const char *path, char *const argv[])
{
	char **sh;
	size_t n = 0;

	while (argv[n] != NULL)
		n++;
	if ((sh = calloc(n + 3, sizeof(*sh))) == NULL)
		return NULL;
	sh[0] = (char *)(uintptr_t) "sh";
	sh[1] = (char *)(uintptr_t)path;
	for (size_t i = 1; i < n; i++)
		sh[i + 1] = argv[i];
	return sh;
}

static int
spawn(struct child *c, const char *path, char *const argv[], const int fds[3])
{
	char **sh_argv = script_argv(path, argv);
	volatile int error = 0;
	sigset_t all, old;

	if (sh_argv == NULL)
		return -1;
	/* No handler of ours may run in memory that the child shares. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	c->pid = start(path, argv, sh_argv, fds, &error);
	if (c->pid == -1)
		error = errno;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	free(sh_argv);
	if (error == 0 && (c->pidfd = pidfd_open(c->pid, 0)) != -1)
		return 0;
	if (c->pid > 0) {
		error = error != 0 ? error : errno;
		kill(-c->pid, SIGKILL);
		while (waitpid(c->pid, NULL, 0) == -1 && errno == EINTR)
			continue;
	}
	c->pid = 0;
	errno = error;
	return -1;
}

static void
close_fd(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

/* ends[0] is read from, ends[1] written to; `ours` is nonblocking. */
static int
open_pipe(int ends[2], int ours)
{
	if (pipe2(ends, O_CLOEXEC) == -1) {
		ends[0] = ends[1] = -1;
		return -1;
	}
	return fcntl(ends[ours], F_SETFL, O_NONBLOCK) == -1 ? -1 : 0;
}

int
child_spawn(struct child *c, const char *path, char *const argv[])
{
	int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1};
	int saved, error = -1;

	child_init(c);
	if (open_pipe(in, 1) == 0 && open_pipe(out, 0) == 0 && open_pipe(err, 0) == 0)
		error = spawn(c, path, argv, (int[]){in[0], out[1], err[1]});
	saved = errno;
	close_fd(&in[0]);
	close_fd(&out[1]);
	close_fd(&err[1]);
	c->in = in[1];
	c->out = out[0];
	c->err = err[0];
	if (error == -1)
		child_close(c);
	errno = saved;
	return error;
}

void
child_close_in(struct child *c)
{
	close_fd(&c->in);
}

/* Keeps the last CHILD_LOG bytes. */
static void
remember(struct child *c, const char *data, size_t len)
{
	size_t drop;

	if (len > CHILD_LOG) {
		data += len - CHILD_LOG;
		len = CHILD_LOG;
	}
	drop = c->log_len + len > CHILD_LOG ? c->log_len + len - CHILD_LOG : 0;
	memmove(c->log, c->log + drop, c->log_len - drop);
	c->log_len -= drop;
	memcpy(c->log + c->log_len, data, len);
	c->log_len += len;
}

static void
pass_on(const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, data, len);

		if (n == -1 && errno == EAGAIN)
			poll(&(struct pollfd){.fd = STDERR_FILENO, .events = POLLOUT}, 1, -1);
		else if (n == -1 && errno != EINTR)
			return; /* nobody listens */
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
}

bool
child_read_log(struct child *c)
{
	char buf[4096];
	ssize_t n = 0;

	if (c->err == -1)
		return false;
	/* No more than was there at first: somebody may write faster than we read. */
	for (size_t got = 0; got < PIPE_SIZE; got += (size_t)n) {
		if ((n = read(c->err, buf, sizeof(buf))) <= 0)
			break;
		remember(c, buf, (size_t)n);
		pass_on(buf, (size_t)n);
	}
	if (n > 0)
		return true;
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return true;
	close_fd(&c->err);
	return false;
}

void
child_kill(struct child *c, int sig)
{
	if (c->pid > 0)
		kill(-c->pid, sig);
}

void
child_reap(struct child *c)
{
	siginfo_t si;

	if (c->pid == 0)
		return;
	/* While the leader is a zombie its group's number can't be another's. */
	while (waitid(P_PIDFD, (id_t)c->pidfd, &si, WEXITED | WNOWAIT) == -1 && errno == EINTR)
		continue;
	child_kill(c, SIGKILL);
	while (waitpid(c->pid, &c->status, 0) == -1 && errno == EINTR)
		continue;
	c->pid = 0;
	child_read_log(c);
	close_fd(&c->in);
	close_fd(&c->err);
	close_fd(&c->pidfd);
}

void
child_stop(struct child *c)
{
	struct pollfd p = {.fd = c->pidfd, .events = POLLIN};
	int64_t until = clock_after(clock_now(), PATIENCE);
	struct timespec left;

	if (c->pid == 0)
		return;
	child_kill(c, SIGTERM);
	child_kill(c, SIGCONT); /* a stopped one would not hear it */
	while (ppoll(&p, 1, clock_left(until, &left), NULL) == -1 && errno == EINTR)
		continue;
	child_kill(c, SIGKILL);
	child_reap(c);
}

void
child_close(struct child *c)
{
	close_fd(&c->in);
	close_fd(&c->out);
	close_fd(&c->err);
	close_fd(&c->pidfd);
}
