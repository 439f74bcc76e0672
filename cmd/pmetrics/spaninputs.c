#include "spaninputs.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "metrics/rundir.h"
#include "trace/spanfile.h"

#define TRIES 10 /* to list a directory while files change */
#define COPY_SIZE (64 * 1024)

struct input {
	char *name;
	int fd;
	off_t start;
};

struct spaninputs {
	struct input *input;
	size_t n;
	int status;
};

static void
note_status(struct spaninputs *s, int status)
{
	s->status = status > s->status ? status : s->status;
}

/* Takes the descriptor over.  -1 with errno ENOMEM. */
static int
add(struct spaninputs *s, const char *name, int fd)
{
	struct input in = {.fd = fd, .start = lseek(fd, 0, SEEK_CUR)};
	struct input *more = reallocarray(s->input, s->n + 1, sizeof(*more));

	if (more != NULL)
		s->input = more;
	if (more == NULL || (in.name = strdup(name)) == NULL) {
		close(fd);
		errno = ENOMEM;
		return -1;
	}
	s->input[s->n++] = in;
	return 0;
}

static void
drop_from(struct spaninputs *s, size_t n)
{
	while (s->n > n) {
		s->n--;
		close(s->input[s->n].fd);
		free(s->input[s->n].name);
	}
}

void
spaninputs_free(struct spaninputs *s)
{
	if (s == NULL)
		return;
	drop_from(s, 0);
	free(s->input);
	free(s);
}

int
spaninputs_status(const struct spaninputs *s)
{
	return s->status;
}

/* A descriptor of a temporary file with the rest of this one; or -1. */
static int
copy_rest(int from, const char *name, struct spaninputs *s)
{
	FILE *file = tmpfile();
	static char data[COPY_SIZE];
	ssize_t n;
	int fd;

	if (file == NULL)
		return -1;
	fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, 0);
	fclose(file);
	if (fd == -1)
		return -1;
	while ((n = read(from, data, sizeof(data))) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			warn("trace: %s", name);
			note_status(s, 2);
			break;
		}
		if (io_write_all(fd, data, (size_t)n) == -1) {
			close(fd);
			return -1;
		}
	}
	if (lseek(fd, 0, SEEK_SET) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
open_file(struct spaninputs *s, const char *file, bool again)
{
	const bool is_stdin = strcmp(file, "-") == 0;
	const char *name = is_stdin ? "standard input" : file;
	int fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
			  : open(file, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	int copy;

	if (fd == -1 || fstat(fd, &st) == -1) {
		warn("trace: %s", name);
		note_status(s, 2);
		if (fd != -1)
			close(fd);
		return 0;
	}
	if (again && !S_ISREG(st.st_mode)) {
		copy = copy_rest(fd, name, s);
		close(fd);
		if ((fd = copy) == -1)
			return -1;
	}
	return add(s, name, fd);
}

struct spaninputs *
spaninputs_open(char **files, size_t n, bool again)
{
	struct spaninputs *s = calloc(1, sizeof(*s));
	int error;

	for (size_t i = 0; s != NULL && i < n; i++)
		if (open_file(s, files[i], again) == -1) {
			error = errno;
			spaninputs_free(s);
			errno = error;
			return NULL;
		}
	return s;
}

/* 0; 1: the file is another one now, or gone; -1 with errno. */
static int
open_entry(struct spaninputs *s, int dir, const char *path, const struct spanfile_entry *e)
{
	int fd = openat(dir, e->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	char *name;
	int result;

	if (fd == -1)
		return errno == ENOENT || errno == ELOOP ? 1 : -1;
	if (fstat(fd, &st) == -1 || st.st_ino != e->ino || !S_ISREG(st.st_mode)) {
		close(fd);
		return 1;
	}
	if (asprintf(&name, "%s/%s", path, e->name) == -1) {
		close(fd);
		return -1;
	}
	result = add(s, name, fd);
	free(name);
	return result;
}

/* 0; 1: files changed meanwhile; -1 with errno. */
static int
open_entries(struct spaninputs *s, int dir, const char *path)
{
	struct spanfile_entry *list;
	ssize_t n = spanfile_list(dir, &list);
	int result = 0, changed = 0, error;

	if (n == -1)
		return -1;
	for (ssize_t i = 0; i < n && result != -1; i++) {
		result = open_entry(s, dir, path, &list[i]);
		changed |= result == 1;
	}
	error = errno;
	free(list);
	errno = error;
	return result == -1 ? -1 : changed;
}

/* A file that moves while it is looked for must not be missed. */
static int
open_directory(struct spaninputs *s, const char *path, bool on_tmpfs)
{
	char why[RUNDIR_WHY_SIZE];
	int dir = rundir_open(path, false, on_tmpfs, why), result = 1, error;
	const size_t before = s->n;

	if (dir == -1)
		return rundir_lacks_means(errno) ? -1 : 0;
	for (int i = 0; i < TRIES && result == 1; i++) {
		drop_from(s, before);
		result = open_entries(s, dir, path);
	}
	error = errno;
	close(dir);
	errno = error;
	return result == -1 ? -1 : 0;
}

/* Each stage may have two files. */
static void
allow_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

struct spaninputs *
spaninputs_open_runs(void)
{
	struct spaninputs *s = calloc(1, sizeof(*s));
	struct rundir_list list;
	int result = 0, error;

	if (s == NULL || rundir_list(&list) == -1) {
		free(s);
		return NULL;
	}
	allow_files();
	for (size_t i = 0; i < list.n && result == 0; i++)
		result = open_directory(s, list.path[i], !list.named);
	error = errno;
	rundir_list_free(&list);
	if (result == 0)
		return s;
	spaninputs_free(s);
	errno = error;
	return NULL;
}

static void
tell_rejects(struct spaninputs *s, const char *name, const struct spanlines_rejects *rejects)
{
	char more[64] = "";

	if (rejects->n > 1)
		snprintf(more, sizeof(more), "; nor %s %" PRIu64 " more",
		    rejects->n > 2 ? "are" : "is", rejects->n - 1);
	warnx("trace: %s: line %" PRIu64 " is not OTLP/JSON: %s%s", name, rejects->line,
	    rejects->why, more);
	note_status(s, 1);
}

/* With `tell`, what is wrong is told. */
static int
read_input(struct spaninputs *s, const struct input *in, const struct spanlines_use *use, bool tell)
{
	struct spanlines_rejects rejects = {0};

	if (spanlines_read(in->fd, use, &rejects) == -1)
		return -1;
	if (rejects.error != 0 && tell) {
		errno = rejects.error;
		warn("trace: %s", in->name);
		note_status(s, 2);
	}
	if (rejects.n > 0 && tell)
		tell_rejects(s, in->name, &rejects);
	return 0;
}

int
spaninputs_read(struct spaninputs *s, spanview_fn *fn, void *arg)
{
	const struct spanlines_use use = {.fn = fn, .arg = arg};

	for (size_t i = 0; i < s->n; i++)
		if (read_input(s, &s->input[i], &use, true) == -1)
			return -1;
	return 0;
}

int
spaninputs_read_again(struct spaninputs *s, spanlines_skips *skips, spanview_fn *fn, void *arg)
{
	const struct spanlines_use use = {.skips = skips, .fn = fn, .arg = arg};

	for (size_t i = 0; i < s->n; i++)
		if (lseek(s->input[i].fd, s->input[i].start, SEEK_SET) == -1 ||
		    read_input(s, &s->input[i], &use, false) == -1)
			return -1;
	return 0;
}
