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
#include "record/discard.h"
#include "record/rotate.h"

struct dead_line {
	const char *data;
	size_t len;
};

struct deadfile {
	char *path;
	struct deadfile_how how;
	int fd;
	bool regular;  /* if not, neither locked nor synced nor rotated */
	bool unsynced; /* lines have been appended without a sync */
	_Atomic bool reopen;
	struct dead_line *lines; /* the batch */
	size_t n, room;
	char *buf; /* lines in one piece, for a single write(2) */
	size_t buf_size;
	uint64_t discarded;
};

/*
 * Opens what is no regular file.  A pipe is opened for writing only, or its
 * writer would keep it alive; and without waiting for a reader, since nothing
 * could end that wait.
 */
static int
open_special(const char *path, int how)
{
	int fd = open(path, O_WRONLY | O_NONBLOCK | how), flags;

	if (fd != -1 && (flags = fcntl(fd, F_GETFL)) != -1)
		(void)fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	return fd;
}

/*
 * Opens the file, or creates it: like the one that has been open, if there is
 * one.  Returns the descriptor, or -1 with errno.
 */
static int
open_file(struct deadfile *d)
{
	static const int how = O_APPEND | O_CLOEXEC | O_NOCTTY;
	struct stat st, old;
	bool had = d->fd != -1 && d->regular && fstat(d->fd, &old) == 0;
	int fd;

	/* A file is opened for reading too, to see how its last line ends. */
	if (stat(d->path, &st) == 0 && !S_ISREG(st.st_mode))
		fd = open_special(d->path, how);
	else if ((fd = open(d->path, O_RDWR | how)) == -1 && errno == ENOENT) {
		if ((fd = rotate_create(d->path, O_RDWR | how, had ? &old : NULL)) == -1 ||
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

static struct deadfile *
new_deadfile(const char *name)
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
	struct deadfile *d = new_deadfile(path);

	if (d == NULL)
		return NULL;
	d->how = *how;
	if (rotate_is_planted(path))
		errno = EPERM;
	else
		d->fd = open_file(d);
	if (d->fd == -1) {
		deadfile_close(d);
		return NULL;
	}
	/* Without the right to make a cursor, letters are still kept. */
	if (d->regular)
		(void)rotate_claim(d->path);
	return d;
}

struct deadfile *
deadfile_on(int fd, const char *name)
{
	struct deadfile *d = new_deadfile(name);

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
		struct dead_line *lines = reallocarray(d->lines, room, sizeof(*lines));

		if (lines == NULL)
			return -1;
		d->lines = lines;
		d->room = room;
	}
	d->lines[d->n++] = (struct dead_line){line, len};
	return 0;
}

/* What can't be synced, such as a terminal, needs no sync. */
int
deadfile_sync(struct deadfile *d)
{
	if (d->unsynced && fdatasync(d->fd) == -1 && errno != EINVAL && errno != EROFS)
		return -1;
	d->unsynced = false;
	return 0;
}

/*
 * Opens the path again, and leaves the file that was open.  Later it can't be
 * synced any more.
 */
static int
reopen_file(struct deadfile *d)
{
	int fd = open_file(d);

	if (fd == -1)
		return -1;
	if (deadfile_sync(d) == -1) {
		close(fd);
		return -1;
	}
	close(d->fd);
	d->fd = fd;
	return 0;
}

/*
 * Locks the file that has the name now.  A file that lost its name while this
 * process waited for the lock has been rotated or removed: try the next one.
 */
static int
lock_file(struct deadfile *d)
{
	if (atomic_exchange(&d->reopen, false) && reopen_file(d) == -1)
		return -1;
	while (d->regular) {
		if (rotate_lock(d->fd, LOCK_EX) == -1)
			return -1;
		if (rotate_is_same(d->path, d->fd))
			return 0;
		if (reopen_file(d) == -1)
			return -1;
	}
	return 0;
}

/* Counts the letters in a file that was removed. */
static void
note_removed(void *arg, const char *path, int fd)
{
	struct deadfile *d = arg;
	uint64_t letters = 0;
	char line[512];

	if (fd == -1 || discard_count(fd, &letters) == -1) {
		snprintf(line, sizeof(line),
		    "%s was removed, as --keep says, and its letters could not be counted: %s",
		    path, strerror(errno));
		if (d->how.say != NULL)
			d->how.say(line);
	}
	d->discarded += letters;
}

/* FILE becomes FILE.1, and a new FILE is opened, which is not locked yet. */
static int
rotate_full(struct deadfile *d)
{
	unsigned keep = d->how.keep != 0 ? d->how.keep : UINT32_MAX;

	return rotate_file(d->path, keep, note_removed, d) == 0 ? reopen_file(d) : -1;
}

/* Whether the file ends inside a line. */
static bool
has_torn_tail(int fd, off_t size)
{
	char last;

	return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

static void
report_torn(const struct deadfile *d)
{
	char line[512];

	snprintf(line, sizeof(line),
	    "dead-letter file %s: "
	    "its last line is not whole, as after a power cut or a kill: closed off",
	    d->path);
	if (d->how.say != NULL)
		d->how.say(line);
}

/*
 * How many lines from `first` on go into the file now, which has this size:
 * one, all, or as many as fit.  0 if the file must be rotated first.  A line
 * that is longer than a whole file gets a file of its own.
 */
static size_t
lines_that_fit(const struct deadfile *d, size_t first, uint64_t size)
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

/*
 * Copies n lines into buf, after an LF if the file's last line is torn.
 * Returns the length, or -1 with errno ENOMEM.
 */
static ssize_t
gather_lines(struct deadfile *d, size_t first, size_t n, bool torn)
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

/* Appends n lines to the file, which is locked; if that fails, none of them. */
static int
append_lines(struct deadfile *d, size_t first, size_t n, const struct stat *st)
{
	bool torn = d->regular && has_torn_tail(d->fd, st->st_size);
	ssize_t len = gather_lines(d, first, n, torn);
	int saved;

	if (len == -1)
		return -1;
	if (torn)
		report_torn(d);
	/* Written and synced; or else cut off again. */
	if (io_write_all(d->fd, d->buf, (size_t)len) == 0 &&
	    (!d->regular || d->how.sync == DEADFILE_NONE || fdatasync(d->fd) == 0)) {
		d->unsynced = !d->regular || d->how.sync == DEADFILE_NONE;
		return 0;
	}
	saved = errno;
	if (d->regular && ftruncate(d->fd, st->st_size) == -1)
		saved = errno;
	errno = saved;
	return -1;
}

/*
 * One step of a commit, under the lock: appends the lines that go into the
 * file, or rotates it if not one of them does.  Returns how many lines were
 * appended, 0 after a rotation, or -1 with errno.
 */
static ssize_t
commit_some(struct deadfile *d, size_t first)
{
	struct stat st;
	size_t n = 0;
	int error, saved;

	/* Lock the file that has the name. */
	if (lock_file(d) == -1)
		return -1;
	/* See how many lines fit, and append them or rotate the file. */
	if ((error = fstat(d->fd, &st)) == 0) {
		n = lines_that_fit(d, first, (uint64_t)st.st_size);
		error = n == 0 ? rotate_full(d) : append_lines(d, first, n, &st);
	}
	/* Unlock it; after a rotation it is the new file, which has no lock. */
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

	/* Some lines at a time, until all are kept or a step fails. */
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

uint64_t
deadfile_discarded(const struct deadfile *d)
{
	return d->discarded;
}

const char *
deadfile_path(const struct deadfile *d)
{
	return d->path;
}
