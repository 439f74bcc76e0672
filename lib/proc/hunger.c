#include "proc/hunger.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEPTH_MAX 8 /* generations of descendants to look at */

void
hunger_open(struct probe *h, pid_t pid, int in)
{
	char path[64];
	struct stat st;

	h->pid = pid;
	h->pipe = fstat(in, &st) == 0 ? st.st_ino : 0;
	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	h->syscall_fd = open(path, O_RDONLY | O_CLOEXEC);
}

void
hunger_close(struct probe *h)
{
	if (h->syscall_fd != -1)
		close(h->syscall_fd);
	h->syscall_fd = -1;
}

static bool
pipe_is_empty(int in)
{
	int n;

	return ioctl(in, FIONREAD, &n) == 0 && n == 0;
}

/* What a thread is doing. */
struct doing {
	long call; /* the system call it is blocked in; -1: it is running */
	long arg;  /* the call's first argument */
};

static bool
parse_doing(const char *text, struct doing *d)
{
	char *end;

	*d = (struct doing){-1, -1};
	if (strncmp(text, "running", 7) == 0)
		return true;
	d->call = strtol(text, &end, 10);
	if (end == text)
		return false;
	d->arg = strtol(end, NULL, 16);
	return true;
}

static bool
read_doing(int fd, struct doing *d)
{
	char text[256];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return false;
	text[n] = '\0';
	return parse_doing(text, d);
}

/*
 * Whether the call does not tell for what the thread sleeps.  A poll(2), or a
 * futex(2) with a limit, that SIGSTOP and SIGCONT have interrupted is
 * restart_syscall(2) from then on.
 */
static bool
sleeps_unclearly(long call)
{
	switch (call) {
	case SYS_futex:
	case SYS_restart_syscall:
	case SYS_ppoll:
	case SYS_pselect6:
	case SYS_epoll_pwait:
	case SYS_rt_sigsuspend:
	case SYS_rt_sigtimedwait:
#ifdef SYS_poll
	case SYS_poll:
	case SYS_select:
	case SYS_epoll_wait:
	case SYS_pause:
#endif
		return true;
	default:
		return false;
	}
}

static bool
waits_for_child(long call)
{
	return call == SYS_wait4 || call == SYS_waitid;
}

static bool
is_read(long call)
{
	return call == SYS_read || call == SYS_readv;
}

enum hunger
hunger_look(const struct probe *h, int in)
{
	struct doing d;

	if (!pipe_is_empty(in))
		return HUNGER_NONE;
	if (h->syscall_fd == -1 || !read_doing(h->syscall_fd, &d))
		return HUNGER_UNKNOWN;
	if (is_read(d.call))
		return d.arg == STDIN_FILENO ? HUNGER_SURE : HUNGER_UNKNOWN;
	return waits_for_child(d.call) || sleeps_unclearly(d.call) ? HUNGER_UNKNOWN : HUNGER_NONE;
}

/* What a search has seen so far, of any thread. */
struct sight {
	ino_t pipe;    /* the inode of the child's input pipe */
	bool reads_it; /* one waits for input from that pipe */
	bool running;  /* one uses a processor */
	bool blocked;  /* one waits for something that is no input */
	bool unclear;  /* one may wait for anything */
};

/*
 * A thread is blocked in reading.  If that is the child's input pipe, it waits
 * for input.  If it is another pipe, it may be a later part of a pipeline that
 * waits for an earlier one: neither hungry nor at work.  If it is anything
 * else, such as a file or a socket, its thread is blocked.
 */
static void
look_at_reader(struct sight *s, pid_t pid, long fd)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/fd/%ld", (int)pid, fd);
	if (stat(path, &st) == -1)
		s->unclear = true;
	else if (!S_ISFIFO(st.st_mode))
		s->blocked = true;
	else if (st.st_ino == s->pipe)
		s->reads_it = true;
}

/*
 * A thread that is in no call, or in one that does not sleep, is running.  A
 * nanosleep(2) beside the main thread means nothing: many runtimes keep a timer
 * there.
 */
static void
look_at_thread(struct sight *s, pid_t pid, pid_t tid)
{
	char path[64];
	struct doing d;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", (int)pid, (int)tid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1 || !read_doing(fd, &d))
		s->unclear = true;
	else if (d.call == -1)
		s->running = true;
	else if (is_read(d.call))
		look_at_reader(s, pid, d.arg);
	else if (sleeps_unclearly(d.call))
		s->unclear = true;
	else if (!waits_for_child(d.call) &&
	    !(tid != pid && (d.call == SYS_nanosleep || d.call == SYS_clock_nanosleep)))
		s->blocked = true;
	if (fd != -1)
		close(fd);
}

static void look_at_process(struct sight *, pid_t, int depth);

/* The processes that this thread has started. */
static void
look_at_children(struct sight *s, pid_t pid, pid_t tid, int depth)
{
	char path[64];
	FILE *f;
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)tid);
	if ((f = fopen(path, "re")) == NULL)
		return;
	while (fscanf(f, "%d", &child) == 1)
		look_at_process(s, child, depth + 1);
	fclose(f);
}

/*
 * Looks at each thread of the process and, through the thread that started
 * them, at its children.
 */
static void
look_at_process(struct sight *s, pid_t pid, int depth)
{
	char path[64];
	struct dirent *e;
	DIR *dir;

	/* What cannot be looked at may be at work. */
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	if (depth > DEPTH_MAX || (dir = opendir(path)) == NULL) {
		s->unclear = true;
		return;
	}

	/* One that is running is enough: then the child is not hungry. */
	while ((e = readdir(dir)) != NULL && !s->running) {
		pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);

		if (tid <= 0)
			continue; /* "." and ".." */
		look_at_thread(s, pid, tid);
		look_at_children(s, pid, tid, depth);
	}
	closedir(dir);
}

enum hunger
hunger_search(const struct probe *h, int in)
{
	struct sight s = {.pipe = h->pipe};

	if (!pipe_is_empty(in))
		return HUNGER_NONE;
	look_at_process(&s, h->pid, 0);
	/*
	 * One that is blocked may do the child's work, a query over the
	 * network, or have nothing to do with the input.  Where another one
	 * waits for input, nobody can tell.
	 */
	if (s.running || (s.blocked && !s.reads_it))
		return HUNGER_NONE;
	return s.reads_it && !s.blocked && !s.unclear ? HUNGER_SURE : HUNGER_UNKNOWN;
}

bool
hunger_has_let_go(const struct probe *h)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/fd/0", (int)h->pid);
	if (stat(path, &st) == -1)
		return errno == ENOENT;
	return !S_ISFIFO(st.st_mode) || st.st_ino != h->pipe;
}

/* Opens a reading end of the pipe that is the child's stdin; -1: none. */
static int
open_stdin(const struct probe *h)
{
	char path[64];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/fd/0", (int)h->pid);
	/* The child may have put another file there. */
	if (stat(path, &st) == -1 || !S_ISFIFO(st.st_mode) || st.st_ino != h->pipe)
		return -1;
	if ((fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) == -1)
		return -1;
	if (fstat(fd, &st) == 0 && st.st_ino == h->pipe)
		return fd;
	close(fd);
	return -1;
}

ssize_t
hunger_unread(const struct probe *h, int in)
{
	int fd = in != -1 ? in : open_stdin(h), n = -1;

	if (fd == -1 || ioctl(fd, FIONREAD, &n) == -1)
		n = -1;
	if (fd != -1 && fd != in)
		close(fd);
	return n;
}
