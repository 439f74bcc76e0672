#include "deadfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct line {
	const char *data;
	size_t len;
};

struct deadfile {
	char *path;
	int fd;
	_Atomic bool reopen;
	struct line *lines;
	size_t n, room;
	char *buf; /* the batch in one piece, for one write(2) */
	size_t buf_size;
};

static int
open_file(const char *path)
{
	struct stat st;
	int how = O_RDWR; /* to look at the tail */

	/* A pipe must not be kept alive by its own writer. */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		how = O_WRONLY;
	return open(path, how | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
}

struct deadfile *
deadfile_open(const char *path)
{
	struct deadfile *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->fd = -1;
	if ((d->path = strdup(path)) == NULL || (d->fd = open_file(path)) == -1) {
		deadfile_close(d);
		return NULL;
	}
	return d;
}

void
deadfile_close(struct deadfile *d)
{
	int saved = errno;

	if (d == NULL)
		return;
	if (d->fd != -1)
		close(d->fd);
	free(d->lines);
	free(d->buf);
	free(d->path);
	free(d);
	errno = saved;
}

int
deadfile_put(struct deadfile *d, const char *line, size_t len)
{
	if (d->n == d->room) {
		size_t room = d->room == 0 ? 64 : 2 * d->room;
		struct line *lines = reallocarray(d->lines, room, sizeof(*lines));

		if (lines == NULL)
			return -1;
		d->lines = lines;
		d->room = room;
	}
	d->lines[d->n++] = (struct line){line, len};
	return 0;
}

static int
reopen_if_asked(struct deadfile *d)
{
	int fd;

	if (!atomic_exchange(&d->reopen, false))
		return 0;
	if ((fd = open_file(d->path)) == -1)
		return -1;
	close(d->fd);
	d->fd = fd;
	return 0;
}

/* Whether the file ends inside a line: somebody was killed in the middle of a write. */
static bool
has_torn_tail(int fd, off_t size)
{
	char last;

	return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

static ssize_t
gather(struct deadfile *d, bool torn)
{
	size_t len = torn ? 1 : 0;
	char *at;

	for (size_t i = 0; i < d->n; i++)
		len += d->lines[i].len;
	if (len > d->buf_size) {
		char *buf = realloc(d->buf, len);

		if (buf == NULL)
			return -1;
		d->buf = buf;
		d->buf_size = len;
	}
	at = d->buf;
	if (torn)
		*at++ = '\n';
	for (size_t i = 0; i < d->n; i++)
		at = mempcpy(at, d->lines[i].data, d->lines[i].len);
	return (ssize_t)len;
}

static int
write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
append(struct deadfile *d)
{
	struct stat st;
	ssize_t len;
	int saved;

	if (fstat(d->fd, &st) == -1)
		return -1;
	if ((len = gather(d, S_ISREG(st.st_mode) && has_torn_tail(d->fd, st.st_size))) == -1)
		return -1;
	if (write_all(d->fd, d->buf, (size_t)len) == 0 &&
	    (!S_ISREG(st.st_mode) || fdatasync(d->fd) == 0))
		return 0;
	saved = errno;
	if (S_ISREG(st.st_mode) && ftruncate(d->fd, st.st_size) == -1)
		saved = errno;
	errno = saved;
	return -1;
}

static int
lock(int fd, int how)
{
	int error;

	do {
		error = flock(fd, how);
	} while (error == -1 && errno == EINTR);
	return error;
}

int
deadfile_commit(struct deadfile *d)
{
	int error = -1, saved;

	if (reopen_if_asked(d) == 0 && lock(d->fd, LOCK_EX) == 0) {
		error = d->n > 0 ? append(d) : 0;
		saved = errno;
		(void)lock(d->fd, LOCK_UN);
	} else
		saved = errno;
	d->n = 0;
	errno = saved;
	return error;
}

void
deadfile_reopen(struct deadfile *d)
{
	atomic_store(&d->reopen, true);
}

const char *
deadfile_path(const struct deadfile *d)
{
	return d->path;
}
