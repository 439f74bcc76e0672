#include "trace/append.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"

#define PATIENCE CLOCK_S /* with another writer */
#define PAUSE_MIN CLOCK_MS
#define PAUSE_MAX (32 * CLOCK_MS)

/* Takes over the descriptor; -1, and it is closed: with its error, or ours. */
static int
use(struct append *a, int fd, enum append_kind kind)
{
	int saved;

	*a = (struct append){.kind = kind, .fd = fd, .wake = -1};
	atomic_init(&a->until, CLOCK_NEVER);
	if (fd != -1 && (a->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) != -1) {
		a->blocks = (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
		return 0;
	}
	saved = errno;
	if (fd != -1)
		close(fd);
	a->fd = -1;
	errno = saved;
	return -1;
}

void
append_own(struct append *a, int fd)
{
	*a = (struct append){.kind = APPEND_OWN, .fd = fd, .wake = -1};
}

static bool
is_regular(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/*
 * Whether that is the regular file that is our standard error.  With a position
 * of its own what is written to one of them would overwrite the other's.
 */
static bool
is_stderr(const struct stat *st)
{
	struct stat own;

	return fstat(STDERR_FILENO, &own) == 0 && S_ISREG(st->st_mode) &&
	    st->st_dev == own.st_dev && st->st_ino == own.st_ino;
}

int
append_open(struct append *a, const char *path)
{
	/* Without waiting for a pipe's reader: nothing could end that wait. */
	static const int how = O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
	struct stat st;
	int fd;

	if (stat(path, &st) == 0 && is_stderr(&st))
		return append_to(a, STDERR_FILENO);
	/* With a reading end in our hands a pipe would never break. */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return use(a, open(path, O_WRONLY | how), APPEND_STREAM);
	/* A file is opened for reading, too, to see how its last line ends. */
	fd = open(path, O_RDWR | O_CREAT | how, 0600);
	if (fd == -1 && errno == EACCES)
		fd = open(path, O_WRONLY | O_CREAT | how, 0600);
	return use(a, fd, APPEND_SHARED);
}

int
append_to(struct append *a, int fd)
{
	char path[32];
	int own;

	if (is_regular(fd))
		return use(a, fcntl(fd, F_DUPFD_CLOEXEC, 3), APPEND_GIVEN);
	/* Others that have the descriptor should wait, even if we don't. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	return use(a, own != -1 ? own : fcntl(fd, F_DUPFD_CLOEXEC, 3), APPEND_STREAM);
}

/*
 * Waits until the descriptor takes bytes (-1: none), or the time is over, which
 * is no later than `until` says.  False: it is over.
 */
static bool
wait_for(struct append *a, int fd, int64_t deadline)
{
	struct timespec left;
	int n;

	do {
		int64_t until = atomic_load(&a->until);
		bool hurried = until != CLOCK_NEVER;
		struct pollfd p[2] = {{.fd = fd, .events = POLLOUT},
		    {.fd = hurried ? -1 : a->wake, .events = POLLIN}};

		until = clock_earlier(until, deadline);
		n = ppoll(p, 2, clock_left(until, &left), NULL);
		if (p[0].revents != 0 && n > 0)
			return true;
		if (clock_now() >= until)
			return false;
	} while (n >= 0 || errno == EINTR);
	return false;
}

/* False with EAGAIN: another writer has the lock. */
static bool
lock(struct append *a)
{
	int64_t deadline = clock_now() + PATIENCE, pause = PAUSE_MIN;

	if (a->kind != APPEND_SHARED && a->kind != APPEND_STREAM)
		return true;
	while (flock(a->fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return a->kind == APPEND_STREAM; /* it has no locks */
		/* There is no call that waits for a lock and ends in time. */
		(void)wait_for(a, -1, clock_earlier(clock_now() + pause, deadline));
		pause = 2 * pause < PAUSE_MAX ? 2 * pause : PAUSE_MAX;
		if (clock_now() >= clock_earlier(deadline, atomic_load(&a->until))) {
			errno = EAGAIN;
			return false;
		}
	}
	return true;
}

static void
unlock(struct append *a)
{
	int saved = errno;

	if (a->kind == APPEND_SHARED || a->kind == APPEND_STREAM)
		(void)flock(a->fd, LOCK_UN);
	errno = saved;
}

/* One write of two parts; a stream is waited for. */
static ssize_t
write_some(struct append *a, const struct iovec part[2])
{
	struct iovec cut[2] = {part[0], part[1]};

	if (a->kind == APPEND_STREAM && a->blocks) {
		/* What poll(2) promises room for, so that it does not wait. */
		if (!wait_for(a, a->fd, CLOCK_NEVER)) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (cut[0].iov_len > PIPE_BUF)
			cut[0].iov_len = PIPE_BUF;
		if (cut[0].iov_len + cut[1].iov_len > PIPE_BUF)
			cut[1].iov_len = PIPE_BUF - cut[0].iov_len;
	}
	return writev(a->fd, cut, 2);
}

/* Writes both parts.  Returns how many bytes; less than all: with errno. */
static size_t
write_parts(struct append *a, struct iovec part[2])
{
	size_t done = 0, first;

	while (part[0].iov_len + part[1].iov_len > 0) {
		ssize_t n = write_some(a, part);

		if (n >= 0) {
			done += (size_t)n;
			first = (size_t)n < part[0].iov_len ? (size_t)n : part[0].iov_len;
			part[0].iov_base = (char *)part[0].iov_base + first;
			part[0].iov_len -= first;
			part[1].iov_base = (char *)part[1].iov_base + ((size_t)n - first);
			part[1].iov_len -= (size_t)n - first;
		} else if (errno == EAGAIN) {
			if (wait_for(a, a->fd, CLOCK_NEVER))
				continue;
			errno = ETIMEDOUT;
			break;
		} else if (errno != EINTR)
			break;
	}
	return done;
}

/* Whether the file, of this size, ends inside a line. */
static bool
is_torn(const struct append *a, off_t size)
{
	char last;

	if (size == 0)
		return false;
	return pread(a->fd, &last, 1, size - 1) == 1 ? last != '\n' : a->torn;
}

/* Takes back the bytes that were written last. */
static bool
take_back(struct append *a, size_t n)
{
	struct stat st;

	return fstat(a->fd, &st) == 0 && ftruncate(a->fd, st.st_size - (off_t)n) == 0;
}

int
append_line(struct append *a, const char *line, size_t len)
{
	bool is_file = a->kind == APPEND_OWN || a->kind == APPEND_SHARED;
	struct iovec part[2];
	struct stat st;
	size_t done;
	int saved;

	if (!lock(a))
		return -1;
	/* See what others have left. */
	if (a->kind == APPEND_SHARED && fstat(a->fd, &st) == 0)
		a->torn = is_torn(a, st.st_size);
	/* Append the line, after an LF if the last one lacks it. */
	part[0] = (struct iovec){(char[]){'\n'}, a->torn ? 1 : 0};
	part[1] = (struct iovec){(void *)(uintptr_t)line, len};
	len += part[0].iov_len;
	done = write_parts(a, part);
	/* Take back a part of it. */
	saved = errno;
	if (done == len)
		a->torn = false;
	else if (done > 0 && (!is_file || !take_back(a, done)))
		a->torn = !(a->torn && done == 1);
	unlock(a);
	errno = saved;
	return done == len ? 0 : -1;
}

void
append_hurry(struct append *a, int64_t until)
{
	atomic_store(&a->until, until);
	(void)eventfd_write(a->wake, 1);
}

void
append_close(struct append *a)
{
	if (a->fd != -1)
		close(a->fd);
	if (a->wake != -1)
		close(a->wake);
	a->fd = a->wake = -1;
}
