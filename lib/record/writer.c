#include "record/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "sync/ctx.h"

#define IOVS IOV_MAX

/*
 * What a write takes that does not wait: the call, and the copying of a byte,
 * in tenths of ns.  Measured with a pipe whose reader is faster.
 */
#define WRITE_CALL (5 * CLOCK_US)
#define WRITE_BYTE 6

/*
 * How much is written to a pipe at a time.  The reader is woken when there is
 * something; had it to wait until the pipe is full, it would take turns with
 * us, and neither would ever work while the other one does.  Measured with
 * records of 194 bytes, two processors, and cat as the reader: 50 to 66 ms,
 * with a larger one 46 or 175.
 */
#define PIPE_CHUNK 8192

/* between two tries to lock a pipe */
#define PAUSE_MIN (50 * CLOCK_US)
#define PAUSE_MAX (250 * CLOCK_US)

struct writer {
	int fd;
	int n;     /* iovecs queued */
	bool pipe; /* the fd is one, which other processes may write to */
	bool torn; /* see writer_is_torn() */
	bool held; /* the lock on the pipe is ours */
	uint64_t bytes;
	struct iovec iov[IOVS];
};

struct writer *
writer_new(int fd)
{
	struct writer *w = calloc(1, sizeof(*w));
	struct stat st;

	if (w == NULL)
		return NULL;
	w->fd = fd;
	w->pipe = fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
	return w;
}

void
writer_free(struct writer *w)
{
	free(w);
}

int
writer_put(struct writer *w, struct ctx *ctx, const char *data, size_t len)
{
	struct iovec *last = w->n > 0 ? &w->iov[w->n - 1] : NULL;

	if (last != NULL && (const char *)last->iov_base + last->iov_len == data) {
		last->iov_len += len;
		return 0;
	}
	if (w->n == IOVS && writer_flush(w, ctx) == -1)
		return -1;
	/* writev(2) only reads the bytes, but struct iovec has no const. */
	w->iov[w->n++] = (struct iovec){.iov_base = (void *)(uintptr_t)data, .iov_len = len};
	return 0;
}

/*
 * Steps over n written bytes.  Returns the first iovec that is not finished;
 * *begin is where that one began, or NULL if none of it has been written.
 */
static struct iovec *
advance(struct iovec *iov, size_t n, const char **begin)
{
	while (n > 0 && n >= iov->iov_len) {
		n -= iov->iov_len;
		iov++;
		*begin = NULL;
	}
	if (*begin == NULL && n > 0)
		*begin = iov->iov_base;
	if (n > 0) {
		iov->iov_base = (char *)iov->iov_base + n;
		iov->iov_len -= n;
	}
	return iov;
}

static int
wait_writable(int fd, struct ctx *ctx)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	if (ctx_poll(ctx, &p, 1, CLOCK_NEVER) == -1)
		return -1;
	if (ctx_state(ctx) != CTX_LIVE) {
		errno = ECANCELED;
		return -1;
	}
	return 0;
}

/*
 * How many of the last bytes written belong to an unfinished line: an iovec
 * begins with a line, and [begin, at) of it has been written.
 */
static size_t
torn_bytes(const char *begin, const char *at)
{
	const char *lf;

	if (begin == NULL || begin == at)
		return 0;
	lf = memrchr(begin, '\n', (size_t)(at - begin));
	return lf == NULL ? (size_t)(at - begin) : (size_t)(at - lf - 1);
}

/* A regular file keeps whole lines only; elsewhere the line stays torn. */
static void
cut_torn_line(struct writer *w, size_t torn)
{
	int saved = errno;
	struct stat st;
	off_t at;

	if (torn == 0)
		return;
	if (fstat(w->fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (at = lseek(w->fd, 0, SEEK_CUR)) == st.st_size &&
	    ftruncate(w->fd, at - (off_t)torn) == 0) {
		(void)lseek(w->fd, at - (off_t)torn, SEEK_SET);
		w->bytes -= torn;
	} else
		w->torn = true;
	errno = saved;
}

static int
set_lock(const struct writer *w, short how)
{
	struct flock lock = {.l_type = how, .l_whence = SEEK_SET};

	return fcntl(w->fd, F_SETLK, &lock);
}

/* False: another process has the lock. */
static bool
try_lock(struct writer *w)
{
	if (!w->held)
		w->held = set_lock(w, F_WRLCK) == 0;
	return w->held || (errno != EAGAIN && errno != EACCES);
}

/*
 * A write(2) of more than PIPE_BUF bytes to a pipe may be mixed with those of
 * other processes.  The lock keeps out those that take it, too: other stages.
 * Where pipes have no locks, there is none.
 *
 * F_SETLKW would wait under no context, and not see that the reader leaves.  So
 * the lock is tried again after short sleeps, until the holder has written, and
 * a holder that is stopped is waited for as a reader that does not read.
 */
static int
lock_pipe(struct writer *w, struct ctx *ctx)
{
	int64_t pause = PAUSE_MIN;

	while (w->pipe && !try_lock(w)) {
		struct pollfd p = {.fd = w->fd};
		int n = ctx_poll(ctx, &p, 1, clock_after(clock_now(), pause));

		if (n == -1)
			return -1;
		if (ctx_state(ctx) != CTX_LIVE) {
			errno = ECANCELED;
			return -1;
		}
		if (n > 0) /* there is no reader: let the write fail */
			break;
		pause = pause * 2 < PAUSE_MAX ? pause * 2 : PAUSE_MAX;
	}
	return 0;
}

static void
unlock_pipe(struct writer *w)
{
	int saved = errno;

	if (w->held)
		(void)set_lock(w, F_UNLCK);
	w->held = false;
	errno = saved;
}

/* Writes as much as is good at a time: of the last iovec maybe a part. */
static ssize_t
write_some(const struct writer *w, struct iovec *iov, size_t n)
{
	size_t left = w->pipe ? PIPE_CHUNK : SIZE_MAX, whole, len;
	ssize_t written;

	for (whole = 0; whole < n && iov[whole].iov_len <= left; whole++)
		left -= iov[whole].iov_len;
	if (whole == n || left == 0)
		return writev(w->fd, iov, (int)whole);
	len = iov[whole].iov_len;
	iov[whole].iov_len = left;
	written = writev(w->fd, iov, (int)whole + 1);
	iov[whole].iov_len = len;
	return written;
}

/*
 * Not io_write_all(): this one writes iovecs, waits under a context and takes
 * back a torn line.
 */
static int
write_iovecs(struct writer *w, struct ctx *ctx)
{
	struct iovec *iov = w->iov, *end = w->iov + w->n;
	const char *begin = iov->iov_base;

	while (iov < end) {
		ssize_t n = write_some(w, iov, (size_t)(end - iov));

		if (n >= 0) {
			iov = advance(iov, (size_t)n, &begin);
			w->bytes += (uint64_t)n;
		} else if (errno == EINTR || (errno == EAGAIN && wait_writable(w->fd, ctx) == 0)) {
			continue;
		} else {
			cut_torn_line(w, torn_bytes(begin, iov->iov_base));
			return -1;
		}
	}
	return 0;
}

int64_t
writer_copying(const struct writer *w)
{
	size_t bytes = 0;

	for (int i = 0; i < w->n; i++)
		bytes += w->iov[i].iov_len;
	return WRITE_CALL + (int64_t)(bytes / 10) * WRITE_BYTE;
}

bool
writer_claim(struct writer *w, size_t len)
{
	struct pollfd p = {.fd = w->fd, .events = POLLOUT};

	if (!w->pipe || len > PIPE_BUF || !try_lock(w))
		return false;
	/* Under the lock, so that no other stage fills the pipe afterwards. */
	if (poll(&p, 1, 0) == 1 && p.revents == POLLOUT)
		return true;
	unlock_pipe(w);
	return false;
}

int
writer_flush(struct writer *w, struct ctx *ctx)
{
	int error = 0;

	if (w->n > 0 && (error = lock_pipe(w, ctx)) == 0)
		error = write_iovecs(w, ctx);
	unlock_pipe(w);
	w->n = 0;
	return error;
}

bool
writer_is_torn(const struct writer *w)
{
	return w->torn;
}

uint64_t
writer_bytes(const struct writer *w)
{
	return w->bytes;
}
