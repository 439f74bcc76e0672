#include "series.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "record/envelope.h"
#include "record/reader.h"
#include "record/record.h"
#include "record/rotate.h"

/* Adds an open file to the series, which owns both path and fd from then on. */
static struct series_file *
add_file(struct series *s, char *path, int fd)
{
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1)
		err(2, "%s", path);
	if (S_ISDIR(st.st_mode))
		errx(2, "%s: is a directory", path);
	s->file = grow(s->file, s->n + 1, sizeof(*s->file));
	s->file[s->n] = (struct series_file){.path = path,
	    .fd = fd,
	    .size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : UINT64_MAX,
	    .inode = st.st_ino,
	    .written = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec};
	return &s->file[s->n++];
}

int
series_lock(const char *path, int how)
{
	struct stat st;
	int fd;

	while ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)) != -1) {
		if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
			return fd;
		if (rotate_lock(fd, how) == -1)
			err(2, "%s", path);

		/* It may have been rotated while we waited for the lock. */
		if (rotate_is_same(path, fd))
			return fd;
		close(fd);
	}
	return -1;
}

/* Whether this is a file whose letters are read. */
static bool
is_read(const struct rotated *file)
{
	return file->kind == ROTATE_NUMBERED || file->kind == ROTATE_DATED;
}

void
series_must_exist(const char *path)
{
	struct rotated *list;
	bool any = false;
	size_t n;

	if (strcmp(path, "-") == 0 || access(path, F_OK) == 0)
		return;
	if (errno != ENOENT || rotate_list(path, &list, &n) == -1)
		err(2, "%s", path);
	for (size_t i = 0; i < n; i++)
		any = any || is_read(&list[i]);
	rotate_free(list, n);
	errno = ENOENT;
	if (!any)
		err(2, "%s", path);
}

static void
close_files(struct series *s)
{
	while (s->n > 0) {
		close(s->file[--s->n].fd);
		free(s->file[s->n].path);
	}
}

/*
 * When the file's first letter failed; or when the file was written, if that
 * letter does not say.
 */
static int64_t
begin_of(const struct series_file *f)
{
	char *head = must(malloc(ENVELOPE_ROOM));
	ssize_t n = pread(f->fd, head, ENVELOPE_ROOM, 0);
	const char *lf = n > 0 ? memchr(head, '\n', (size_t)n) : NULL;
	struct envelope_view view = {0};
	int64_t failed;

	if (n > 0)
		envelope_look(head, lf != NULL ? (size_t)(lf - head) : (size_t)n, &view);
	failed = envelope_time(&view.failed);
	free(head);
	return failed != 0 ? failed : f->written / 1000;
}

static int
compare_files(const void *a, const void *b)
{
	const struct series_file *x = a, *y = b;

	if (x->begins != y->begins)
		return x->begins < y->begins ? -1 : 1;
	if (x->written != y->written)
		return x->written < y->written ? -1 : 1;
	if (x->number != y->number)
		return x->number > y->number ? -1 : 1;
	return strcmp(x->path, y->path);
}

/* Opens a rotated file.  False: it has lost its name meanwhile. */
static bool
open_rotated(struct series *s, const struct rotated *file)
{
	int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);
	struct series_file *f;

	if (fd == -1 && errno == ENOENT)
		return false;
	f = add_file(s, must(strdup(file->path)), fd);
	f->number = file->number;
	f->begins = begin_of(f);
	return true;
}

/* Opens those of the listed files that are read, and orders them. */
static bool
open_listed(struct series *s, const struct rotated *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_read(&list[i]) && !open_rotated(s, &list[i]))
			return false;
	if (s->n > 0)
		qsort(s->file, s->n, sizeof(*s->file), compare_files);
	return true;
}

/* Warns about the files of one kind that are left out: how many, and why. */
static void
warn_left_out(const struct rotated *list, size_t n, enum rotate_kind kind, const char *why)
{
	const char *first = NULL;
	size_t others = 0;

	for (size_t i = 0; i < n; i++) {
		if (list[i].kind != kind)
			continue;
		if (first == NULL)
			first = list[i].path;
		else
			others++;
	}
	if (first != NULL && others == 0)
		warnx("left out %s: %s", first, why);
	else if (first != NULL)
		warnx("left out %s and %zu more: %s", first, others, why);
}

static void
warn_about_others(const struct rotated *list, size_t n)
{
	warn_left_out(list, n, ROTATE_COMPRESSED,
	    "compressed: use zcat, xzcat, zstdcat or bzcat, and `pdeadletter ... -'");
	warn_left_out(list, n, ROTATE_CLAIMED,
	    "a FILE of its own, as its name with " ROTATE_CLAIM
	    " says: name it too, or remove that file");
	warn_left_out(list, n, ROTATE_IRREGULAR, "not a regular file");
}

/*
 * Opens FILE and those it was rotated to so that they belong together: none is
 * missed, and none is opened twice under two names.
 */
static void
open_all(struct series *s, const char *path, bool locked)
{
	struct rotated *list = NULL;
	size_t n = 0;
	bool again;
	int fd = -1;

	do {
		close_files(s);
		rotate_free(list, n);
		if (fd != -1)
			close(fd);

		/* While FILE is locked no process appends or rotates. */
		fd = locked ? open(path, O_RDONLY | O_CLOEXEC) : series_lock(path, LOCK_SH);
		if (fd == -1 && errno != ENOENT)
			err(2, "%s", path);
		if (rotate_list(path, &list, &n) == -1)
			err(2, "%s", path);

		/*
		 * Without FILE there is no lock.  But a process that rotates
		 * makes FILE first: if there is one now, start again.
		 */
		again = !open_listed(s, list, n) || (fd == -1 && access(path, F_OK) == 0);
	} while (again);
	warn_about_others(list, n);
	rotate_free(list, n);

	/* FILE is the newest.  What is appended now is not read. */
	if (fd != -1) {
		add_file(s, must(strdup(path)), fd);
		if (!locked)
			(void)rotate_lock(fd, LOCK_UN);
	} else if (s->n == 0) {
		errno = ENOENT;
		err(2, "%s", path);
	}
}

void
series_open(struct series *s, const char *path, bool locked)
{
	*s = (struct series){0};
	if (strcmp(path, "-") == 0)
		add_file(
		    s, must(strdup("standard input")), fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
	else
		open_all(s, path, locked);
}

void
series_close(struct series *s)
{
	close_files(s);
	free(s->file);
}

struct reader *
series_reader(const struct series_file *file)
{
	struct reader_limits limits = {.max = READER_NO_LIMIT};

	return must(reader_new(file->fd, &limits));
}

bool
series_line(const struct series_file *file, struct reader *reader, struct record *line)
{
	ssize_t n;

	while (!reader_line(reader, line)) {
		if ((n = reader_fill(reader)) == -1)
			err(2, "%s", file->path);
		if (n == 0 && !reader_rest(reader, line))
			return false;
		if (n == 0)
			break;
	}
	if (line->offset < file->size)
		return true;
	record_free(line); /* appended after the file was opened */
	return false;
}
