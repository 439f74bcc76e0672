#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lastline.h"
#include "proc/leftover.h"
#include "record/writer.h"

static bool
is_stdout(const char *path)
{
	return strcmp(path, "-") == 0;
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Whether we may write to what is there, or create files in the folder. */
static bool
may_write(const char *path, int mode)
{
	return faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0;
}

/*
 * Whether a file can be created at the path, as far as its folder goes.  That
 * of a link's target is left to open(2).
 */
static int
check_folder(const char *path, char *error, size_t size)
{
	char copy[PATH_MAX], *folder;
	struct stat st;
	bool is_link = lstat(path, &st) == 0;

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		errno = ENAMETOOLONG;
	else if (path[strlen(path) - 1] == '/')
		errno = EISDIR;
	else if (stat(folder = dirname(copy), &st) == 0) {
		if (S_ISDIR(st.st_mode) && (is_link || may_write(folder, W_OK | X_OK)))
			return 0;
		if (!S_ISDIR(st.st_mode))
			errno = ENOTDIR;
	}
	snprintf(error, size, "output %s: %s", path, strerror(errno));
	return -1;
}

/* What is there; st_mode is 0 if nothing is. */
static int
look_at(const char *path, struct stat *st, char *error, size_t size)
{
	*st = (struct stat){0};
	if (is_stdout(path))
		return fstat(STDOUT_FILENO, st);
	if (stat(path, st) == -1) {
		*st = (struct stat){0};
		if (errno == ENOENT)
			return check_folder(path, error, size);
		snprintf(error, size, "output %s: %s", path, strerror(errno));
		return -1;
	}
	if (S_ISDIR(st->st_mode)) {
		snprintf(error, size, "output %s: %s", path, strerror(EISDIR));
		return -1;
	}
	if (S_ISSOCK(st->st_mode)) {
		snprintf(error, size, "output %s is a socket, which can't be opened", path);
		return -1;
	}
	if (!may_write(path, W_OK)) {
		snprintf(error, size, "output %s: %s", path, strerror(errno));
		return -1;
	}
	return 0;
}

/* Whether it is a standard stream of ours, and a pipe. */
static bool
is_our_pipe(const char *path, const struct stat *st, char *error, size_t size)
{
	static const char *const what[] = {
	    "standard input: choose another file", "standard output: that is --to -"};

	for (int fd = STDIN_FILENO; fd <= STDOUT_FILENO; fd++) {
		struct stat our;

		if (is_stdout(path) || fstat(fd, &our) == -1 || !S_ISFIFO(our.st_mode) ||
		    !is_same(st, &our))
			continue;
		snprintf(error, size, "output %s is %s", path, what[fd]);
		return true;
	}
	return false;
}

int
output_check(const char *const *paths, size_t n, char *error, size_t size)
{
	struct stat *st = calloc(n, sizeof(*st));
	int result = -1;

	if (st == NULL) {
		snprintf(error, size, "out of memory");
		return -1;
	}
	for (size_t i = 0; i < n; i++) {
		if (look_at(paths[i], &st[i], error, size) == -1 ||
		    is_our_pipe(paths[i], &st[i], error, size))
			goto out;
		/* Those that do not exist are compared by cli_check_files(). */
		for (size_t j = 0; j < i; j++)
			if (st[i].st_mode != 0 && is_same(&st[i], &st[j])) {
				snprintf(error, size,
				    "outputs %s and %s are the same file: choose another one",
				    paths[j], paths[i]);
				goto out;
			}
	}
	result = 0;
out:
	free(st);
	return result;
}

static bool
is_fifo(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
}

int
output_open(struct output *o, const char *path)
{
	int fd;

	*o = (struct output){.path = path, .fd = -1, .fifo = -1};
	if (is_stdout(path)) {
		o->kind = OUTPUT_STDOUT;
		return 0;
	}
	/* Our own descriptor, even of /dev/fd/N: others see no O_NONBLOCK. */
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
	if (fd != -1)
		return output_set_fd(o, fd);
	if (errno != ENXIO || !is_fifo(path))
		return -1;
	/* Nobody reads it yet. */
	o->kind = OUTPUT_FIFO;
	o->fifo = open(path, O_PATH | O_CLOEXEC);
	return o->fifo == -1 ? -1 : 0;
}

int
output_set_fd(struct output *o, int fd)
{
	struct stat st;

	if ((o->writer = writer_new(fd)) == NULL || fstat(fd, &st) == -1) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	o->fd = fd;
	o->line_is_open = lastline_is_open(fd);
	o->kind = S_ISREG(st.st_mode) ? OUTPUT_FILE
	    : S_ISFIFO(st.st_mode)    ? OUTPUT_FIFO
				      : OUTPUT_OTHER;
	return 0;
}

int
output_reopen(struct output *o)
{
	const char *path = o->path;
	struct metrics_link *link = o->link;
	int result;

	output_close(o);
	result = output_open(o, path);
	o->link = link;
	if (result == -1)
		return -1;
	if (o->fd != -1)
		return 0;
	output_close(o);
	errno = ENXIO;
	return -1;
}

void
output_close(struct output *o)
{
	writer_free(o->writer);
	o->writer = NULL;
	if (o->fd != -1)
		close(o->fd);
	if (o->fifo != -1)
		close(o->fifo);
	o->fd = o->fifo = -1;
}

bool
output_is_writable(const struct output *o)
{
	struct pollfd p = {
	    .fd = o->kind == OUTPUT_STDOUT ? STDOUT_FILENO : o->fd, .events = POLLOUT};

	return poll(&p, 1, 0) != 0;
}

bool
output_has_reader(const struct output *o)
{
	struct pollfd p = {.fd = o->fd};

	return poll(&p, 1, 0) != 1 || (p.revents & POLLERR) == 0;
}

/*
 * tee(2) copies what is in the pipe into one of our own, where it is counted.
 */
static uint64_t
count_lines(int reader)
{
	uint64_t lines = 0;
	int copy[2];

	if (pipe2(copy, O_CLOEXEC | O_NONBLOCK) == -1)
		return 0;
	(void)fcntl(copy[1], F_SETPIPE_SZ, fcntl(reader, F_GETPIPE_SZ));
	if (tee(reader, copy[1], INT_MAX, SPLICE_F_NONBLOCK) > 0)
		lines = leftover_lines(copy[0]);
	close(copy[0]);
	close(copy[1]);
	return lines;
}

void
output_unread(const struct output *o, uint64_t *bytes, uint64_t *lines)
{
	int n = 0, reader;

	*bytes = *lines = 0;
	if (ioctl(o->fd, FIONREAD, &n) == -1 || n <= 0 || (reader = leftover_open(o->fd)) == -1)
		return;
	*bytes = (uint64_t)n;
	*lines = count_lines(reader);
	close(reader);
}
