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

#define RESERVED_FDS 32           /* stdio, our files, those of libraries */
#define PIPE_SIZE (64 * 1024)     /* what a pipe holds */
#define PATIENCE (100 * CLOCK_MS) /* between SIGTERM and SIGKILL */

/* between two looks at a log that is full */
#define PAUSE_MIN CLOCK_MS
#define PAUSE_MAX (32 * CLOCK_MS)

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

extern char **environ;

/* The limit that children get; set before threads start. */
static struct rlimit old_limit;
static bool limit_raised;

int
child_raise_limit(size_t fds, size_t *most)
{
	struct rlimit rl;
	size_t want = fds + RESERVED_FDS;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return -1;
	if (want <= rl.rlim_cur)
		return 0;
	if (want > rl.rlim_max) {
		*most = rl.rlim_max > RESERVED_FDS ? rl.rlim_max - RESERVED_FDS : 0;
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

void
child_restore_limit(void)
{
	if (limit_raised)
		setrlimit(RLIMIT_NOFILE, &old_limit);
}

/* Returns 0, or the errno of execve(2). */
static int
check_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1)
		return errno == ENOTDIR ? ENOENT : errno;
	if (!S_ISREG(st.st_mode) || access(path, X_OK) == -1)
		return EACCES;
	return 0;
}

/* Looks for the command in directories that colons separate. */
static char *
find_in(const char *dirs, const char *command, int *error)
{
	char *path;

	*error = ENOENT;
	for (const char *dir = dirs, *end; dir != NULL; dir = *end == ':' ? end + 1 : NULL) {
		int why;

		end = strchrnul(dir, ':');
		/* An empty name is the current directory. */
		if (asprintf(&path, "%.*s%s%s", (int)(end - dir), dir, end == dir ? "" : "/",
			command) == -1) {
			*error = ENOMEM;
			return NULL;
		}
		if ((why = check_executable(path)) == 0)
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
		path = find_in(dirs != NULL ? dirs : DEFAULT_PATH, command, &error);
	else if ((error = check_executable(command)) == 0)
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
	c->exited = false;
	c->status = CHILD_UNKNOWN;
	c->log_len = 0;
	c->writer = (struct log_writer){0};
	c->log_pause = 0;
}

/*
 * What the child does from vfork(2) to exec.  It shares our memory until it
 * leaves by exec or _exit.  So it makes nothing but system calls, and reports a
 * failure by writing to our *error.  The calls are raw where ThreadSanitizer
 * would intercept them: there vfork(2) is fork(2), and a lock that another
 * thread held at that moment would never be released in the child.
 */

static _Noreturn void
leave(void)
{
	for (;;)
		syscall(SYS_exit_group, 127);
}

/*
 * Gets a group of its own, and the default dispositions.  All signals are
 * blocked.  Those that came while the child was in our group are for us alone:
 * a SIGTSTP would stop it for good, as nobody knows yet whom to continue.
 */
static void
leave_our_group(void)
{
	/* The kernel's struct sigaction; all zero is SIG_DFL. */
	static const unsigned long by_default[8];
	static const uint64_t every = UINT64_MAX;
	static const struct timespec no_time;

	setpgid(0, 0);
	while (syscall(SYS_rt_sigtimedwait, &every, NULL, &no_time, NSIG / 8) > 0)
		continue;

	/* All signals: sigaction(3) would refuse those that glibc uses. */
	for (int sig = 1; sig < NSIG; sig++)
		syscall(SYS_rt_sigaction, sig, by_default, NULL, NSIG / 8);
}

/* What is to be started. */
struct program {
	const char *path;
	char *const *argv, *const *env;
	char *const *sh_argv; /* if it turns out to be a script without #! */
	const int *fds;       /* its 0, 1 and 2 */
};

/* Becomes the program. */
static _Noreturn void
become(const struct program *p, pid_t parent, volatile int *error)
{
	static const uint64_t none;

	leave_our_group();

	/*
	 * It must not outlive us, whatever signals it ignores.  We may have
	 * died before it asked for that.
	 */
	syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		leave();

	/* The limit of open files with which we were started. */
	child_restore_limit();

	/* The pipes, and no other descriptor that we have inherited. */
	for (int fd = 0; fd < 3; fd++)
		if (syscall(SYS_dup3, p->fds[fd], fd, 0) == -1)
			goto out;
	syscall(SYS_close_range, 3, UINT_MAX, 0);

	/* Signals only now, as their dispositions are the defaults. */
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, NSIG / 8);

	/* A file that is no program and has no #! is a shell script. */
	execve(p->path, p->argv, p->env);
	if (errno == ENOEXEC)
		execve("/bin/sh", p->sh_argv, p->env);
out:
	*error = errno;
	leave();
}

/*
 * Forks.  A function of its own, and not inlined, as the child runs on our
 * stack and must not return from the function that called vfork(2).
 */
static pid_t __attribute__((noinline)) fork_program(const struct program *p, volatile int *error)
{
	pid_t parent = getpid(), pid = vfork();

	if (pid == 0)
		become(p, parent, error);
	return pid;
}

/* Returns the shell's arguments for a script without #!, malloc'd. */
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

/* Starts the program and opens its pidfd. */
static int
start_program(struct child *c, struct program *p)
{
	char **sh_argv = script_argv(p->path, p->argv);
	volatile int error = 0;
	sigset_t all, old;

	if (sh_argv == NULL)
		return -1;
	p->sh_argv = sh_argv;

	/* Block signals: no handler of ours may run in the memory we share. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);

	/* When this returns the child has called exec or _exit. */
	running_begin_start();
	c->pid = fork_program(p, &error);
	if (c->pid == -1)
		error = errno;
	running_end_start(&c->running, c->pid);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	free(sh_argv);

	/* Without a pidfd its exit would go unnoticed. */
	if (error == 0 && (c->pidfd = pidfd_open(c->pid, 0)) != -1)
		return 0;

	/* Leave no process behind. */
	if (c->pid > 0) {
		error = error != 0 ? error : errno;
		kill(-c->pid, SIGKILL);
		running_leave(&c->running);
		while (waitpid(c->pid, NULL, 0) == -1 && errno == EINTR)
			continue;
		running_remove(&c->running);
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

/* ends[0] is read from, ends[1] written to; ends[ours] is made nonblocking. */
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
child_spawn(struct child *c, const char *path, char *const argv[], char *const env[])
{
	int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1};
	int saved, error = -1;

	child_init(c);

	/* Its ends of the pipes become 0, 1 and 2, and are closed here. */
	if (open_pipe(in, 1) == 0 && open_pipe(out, 0) == 0 && open_pipe(err, 0) == 0)
		error = start_program(c,
		    &(struct program){.path = path,
			.argv = argv,
			.env = env != NULL ? env : environ,
			.fds = (int[]){in[0], out[1], err[1]}});
	saved = errno;
	close_fd(&in[0]);
	close_fd(&out[1]);
	close_fd(&err[1]);

	/* Our ends stay, or are closed if it could not be started. */
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

/* Appends to the log, which keeps the last CHILD_LOG bytes. */
static void
keep_log(struct child *c, const char *data, size_t len)
{
	size_t drop;

	c->log_total += len;
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
close_err(struct child *c)
{
	log_leave(&c->writer);
	close_fd(&c->err);
}

static bool
pause_if_full(struct child *c)
{
	int64_t longer = c->log_pause * 2;

	if (!log_is_full()) {
		c->log_pause = 0;
		return false;
	}
	c->log_pause = longer < PAUSE_MIN ? PAUSE_MIN : longer > PAUSE_MAX ? PAUSE_MAX : longer;
	return true;
}

/* Reads until the log is full, if `waits`. */
static bool
read_log(struct child *c, bool waits)
{
	char buf[4096];
	ssize_t n = 0;

	if (c->err == -1 || !waits)
		c->log_pause = 0;
	if (c->err == -1)
		return false;
	/* At most a pipe full: the child may write faster than we read. */
	for (size_t got = 0; got < PIPE_SIZE; got += (size_t)n) {
		if (waits && pause_if_full(c))
			return true;
		if ((n = read(c->err, buf, sizeof(buf))) <= 0)
			break;
		keep_log(c, buf, (size_t)n);
		log_pass(&c->writer, buf, (size_t)n);
	}
	if (n > 0)
		return true;
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return true;
	close_err(c);
	return false;
}

bool
child_read_log(struct child *c)
{
	return read_log(c, true);
}

bool
child_read_full_log(struct child *c)
{
	return read_log(c, false);
}

int64_t
child_log_pause(const struct child *c)
{
	return c->log_pause;
}

void
child_reap(struct child *c)
{
	pid_t pid;

	if (c->pid == 0)
		return;
	running_leave(&c->running);
	while ((pid = waitpid(c->pid, &c->status, 0)) == -1 && errno == EINTR)
		continue;
	if (pid == -1)
		c->status = CHILD_UNKNOWN;
	running_remove(&c->running);
	c->pid = 0;
	c->exited = false;
	child_read_full_log(c);
	close_fd(&c->in);
	close_err(c);
	close_fd(&c->pidfd);
}

int
child_stopped_by(const struct child *c)
{
	siginfo_t si = {0};

	if (c->pid == 0 ||
	    waitid(P_PIDFD, (id_t)c->pidfd, &si, WSTOPPED | WNOHANG | WNOWAIT) == -1 ||
	    si.si_pid == 0)
		return 0;
	return si.si_status;
}

bool
child_is_out_of_reach(const struct child *c)
{
	struct pollfd p = {.fd = c->pidfd, .events = POLLIN};

	return c->pid != 0 && kill(c->pid, 0) == -1 && errno == EPERM && poll(&p, 1, 0) == 0;
}

void
child_stop(struct child *c)
{
	struct pollfd p = {.fd = c->pidfd, .events = POLLIN};
	int64_t until = clock_after(clock_now(), PATIENCE);
	struct timespec left;

	if (c->pid == 0)
		return;
	running_signal(&c->running, SIGTERM);
	/* Stopped, it would not act on SIGTERM. */
	running_signal(&c->running, SIGCONT);
	while (ppoll(&p, 1, clock_left(until, &left), NULL) == -1 && errno == EINTR)
		continue;
	running_signal(&c->running, SIGKILL);
	child_reap(c);
}

void
child_close(struct child *c)
{
	close_fd(&c->in);
	close_fd(&c->out);
	close_err(c);
	close_fd(&c->pidfd);
}
