#include "former.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bookmark.h"
#include "copies.h"

/* What has been found best so far. */
struct found {
	int fd; /* -1: nothing */
	struct stat st;
	bool itself; /* it is the bookmark's file */
};

static bool
is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* The last part of the bookmark's path. */
static const char *
name_of(const struct bookmark *b)
{
	const char *slash = strrchr(b->path, '/');

	return slash == NULL ? b->path : slash + 1;
}

static DIR *
open_folder(const struct bookmark *b)
{
	size_t len = (size_t)(name_of(b) - b->path);
	char *folder = len == 0 ? strdup(".") : strndup(b->path, len);
	DIR *dir = folder != NULL ? opendir(folder) : NULL;

	free(folder);
	return dir;
}

static int
open_entry(DIR *dir, const struct dirent *d)
{
	return openat(dirfd(dir), d->d_name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static bool
is_itself(const struct bookmark *b, const struct stat *st)
{
	return st->st_dev == b->device && st->st_ino == b->inode;
}

/*
 * Whether the file can be the bookmark's.  One that was empty has no text to
 * know it by: nothing of it was read.
 */
static bool
is_known(const struct bookmark *b, const char *name, int fd, const struct stat *st)
{
	if (b->head.len == 0)
		return b->done.offset == 0 && is_itself(b, st) && copies_is_name(name_of(b), name);
	return (uint64_t)st->st_size >= b->done.offset && fingerprint_holds(&b->head, fd);
}

static bool
is_better(const struct found *a, const struct found *b)
{
	if (b->fd == -1 || a->itself != b->itself)
		return b->fd == -1 || a->itself;
	return is_later(&a->st.st_mtim, &b->st.st_mtim);
}

/* Opens an entry that can be the file; its fd is -1 if it can't. */
static struct found
look_at(DIR *dir, const struct dirent *d, const struct bookmark *b)
{
	struct found f = {.fd = -1};

	/* Results may be beside the log, and begin with the same text. */
	if (d->d_ino != b->inode && !copies_is_name(name_of(b), d->d_name))
		return f;
	if (d->d_type != DT_REG && d->d_type != DT_UNKNOWN && d->d_ino != b->inode)
		return f;
	if ((f.fd = open_entry(dir, d)) == -1)
		return f;
	if (fstat(f.fd, &f.st) == 0 && S_ISREG(f.st.st_mode) &&
	    is_known(b, d->d_name, f.fd, &f.st)) {
		f.itself = f.st.st_ino == b->inode;
		return f;
	}
	close(f.fd);
	f.fd = -1;
	return f;
}

int
former_open(const struct bookmark *b, bool (*wanted)(void *, int, const struct stat *), void *arg,
    struct stat *st)
{
	DIR *dir = open_folder(b);
	struct found best = {.fd = -1}, f;
	struct dirent *d;

	while (dir != NULL && (d = readdir(dir)) != NULL) {
		if ((f = look_at(dir, d, b)).fd == -1)
			continue;
		if (!is_better(&f, &best) || !wanted(arg, f.fd, &f.st)) {
			close(f.fd);
			continue;
		}
		if (best.fd != -1)
			close(best.fd);
		best = f;
	}
	if (dir != NULL)
		closedir(dir);
	*st = best.st;
	return best.fd;
}

int
former_open_renamed(const struct bookmark *b)
{
	DIR *dir = open_folder(b);
	struct dirent *d;
	struct stat st;
	int fd = -1;

	while (dir != NULL && fd == -1 && (d = readdir(dir)) != NULL) {
		if (d->d_ino != b->inode || (fd = open_entry(dir, d)) == -1)
			continue;
		if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || !is_itself(b, &st)) {
			close(fd);
			fd = -1;
		}
	}
	if (dir != NULL)
		closedir(dir);
	return fd;
}
