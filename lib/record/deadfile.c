#include "record/deadfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "record/rotate.h"

struct line {
	const char *data;
	size_t len;
};

struct deadfile {
	char *path;
	struct deadfile_how how;
	int fd;
	bool regular; /* else it is neither locked nor synced nor rotated */
	_Atomic bool reopen;
	struct line *lines;
	size_t n, room;
	char *buf; /* lines in one piece, for one write(2) */
	size_t buf_size;
};

/* Opens the file, or a new one. */
static int
open_file(struct deadfile *d)
{
	static const int how = O_APPEND | O_CLOEXEC | O_NOCTTY;
	struct stat st;
	int fd;

	/* A pipe must not be kept alive by its own writer; of a file the tail is read, too. */
	if (stat(d->path, &st) == 0 && !S_ISREG(st.st_mode))
		fd = open(d->path, O_WRONLY | how);
	else if ((fd = open(d->path, O_RDWR | how)) == -1 && errno == ENOENT) {
		if ((fd = rotate_create(d->path, O_RDWR | how)) == -1 ||
		    (d->how.sync != DEADFILE_NONE && rotate_sync(d->path) == -1))
			goto failed;
	}
	if (fd == -1 || fstat(fd, &st) == -1)
		goto failed;
	d->regular = S_ISREG(st.st_mode);
	return fd;
failed:
	if (fd != -1)
		close(fd);
	return -1;
}

static struct deadfile *new (const char *name)
{
	struct deadfile *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->fd = -1;
	if ((d->path = rotate_resolve(name)) != NULL)
		return d;
	free(d);
	return NULL;
}

struct deadfile *
deadfile_open(const char *path, const struct deadfile_how *how)
{
	struct deadfile *d = new (path);

	if (d == NULL)
		return NULL;
	d->how = *how;
	if ((d->fd = open_file(d)) != -1)
		return d;
	deadfile_close(d);
	return NULL;
}

struct deadfile *
deadfile_on(int fd, const char *name)
{
	struct deadfile *d = new (name);

	if (d == NULL)
		return NULL;
	if ((d->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3)) != -1)
		return d;
	deadfile_close(d);
	return NULL;
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
change_file(struct deadfile *d)
{
	int fd = open_file(d);

	if (fd == -1)
		return -1;
	close(d->fd);
	d->fd = fd;
	return 0;
}

/* Locks the file that has the name now. */
static int
lock(struct deadfile *d)
{
	if (atomic_exchange(&d->reopen, false) && change_file(d) == -1)
		return -1;
	while (d->regular) {
		if (rotate_lock(d->fd, LOCK_EX) == -1)
			return -1;
		if (rotate_is_same(d->path, d->fd))
			return 0;
		if (change_file(d) == -1)
			return -1;
	}
	return 0;
}

/* FILE becomes FILE.1, and a new one is opened, not locked yet. */
static int
rotate(struct deadfile *d)
{
	unsigned keep = d->how.keep != 0 ? d->how.keep : UINT32_MAX;

	return rotate_file(d->path, keep) == 0 ? change_file(d) : -1;
}

/* Whether the file ends inside a line. */
static bool
has_torn_tail(int fd, off_t size)
{
	char last;

	return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

static void
tell_torn(const struct deadfile *d)
{
	char line[512];

	snprintf(line, sizeof(line),
	    "dead-letter file %s: its last line is not whole, as after a power cut or a kill: "
	    "closed off",
	    d->path);
	if (d->how.say != NULL)
		d->how.say(line);
}

/* How many lines from `first` on go into the file now: one, all, or what fits. */
static size_t
portion(const struct deadfile *d, size_t first, uint64_t size)
{
	size_t n = 0;

	if (d->how.sync == DEADFILE_RECORD)
		return d->how.max_size != 0 && size > 0 &&
			size + d->lines[first].len > d->how.max_size
		    ? 0
		    : 1;
	if (d->how.max_size == 0 || !d->regular)
		return d->n - first;
	for (; first + n < d->n; n++) {
		size += d->lines[first + n].len;
		if (size > d->how.max_size && (n > 0 || size > d->lines[first].len))
			break;
	}
	return n;
}

static ssize_t
gather(struct deadfile *d, size_t first, size_t n, bool torn)
{
	size_t len = torn ? 1 : 0;
	char *at;

	for (size_t i = 0; i < n; i++)
		len += d->lines[first + i].len;
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
	for (size_t i = 0; i < n; i++)
		at = mempcpy(at, d->lines[first + i].data, d->lines[first + i].len);
	return (ssize_t)len;
}

/* Appends n lines to the file, which is locked, or none. */
static int
append(struct deadfile *d, size_t first, size_t n, const struct stat *st)
{
	bool torn = d->regular && has_torn_tail(d->fd, st->st_size);
	ssize_t len = gather(d, first, n, torn);
	int saved;

	if (len == -1)
		return -1;
	if (torn)
		tell_torn(d);
	if (io_write_all(d->fd, d->buf, (size_t)len) == 0 &&
	    (!d->regular || d->how.sync == DEADFILE_NONE || fdatasync(d->fd) == 0))
		return 0;
	saved = errno;
	if (d->regular && ftruncate(d->fd, st->st_size) == -1)
		saved = errno;
	errno = saved;
	return -1;
}

/* Appends what goes into one file.  Returns how many lines that is, 0 after a rotation; -1: failed. */
static ssize_t
commit_some(struct deadfile *d, size_t first)
{
	struct stat st;
	size_t n = 0;
	int error, saved;

	if (lock(d) == -1)
		return -1;
	if ((error = fstat(d->fd, &st)) == 0) {
		n = portion(d, first, (uint64_t)st.st_size);
		error = n == 0 ? rotate(d) : append(d, first, n, &st);
	}
	saved = errno;
	if (d->regular)
		(void)rotate_lock(d->fd, LOCK_UN);
	errno = saved;
	return error == -1 ? -1 : (ssize_t)n;
}

int
deadfile_commit(struct deadfile *d, size_t *kept)
{
	ssize_t n = 0;

	for (*kept = 0; *kept < d->n && n != -1; *kept += n > 0 ? (size_t)n : 0)
		n = commit_some(d, *kept);
	d->n = 0;
	return n == -1 ? -1 : 0;
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
