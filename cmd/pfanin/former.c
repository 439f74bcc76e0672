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

static bool
has_text(const struct bookmark *b, int fd, const struct stat *st)
{
	return b->head.len > 0 && (uint64_t)st->st_size >= b->done.offset &&
	    fingerprint_holds(&b->head, fd);
}

static bool
is_better(const struct found *a, const struct found *b)
{
	if (b->fd == -1 || a->itself != b->itself)
		return b->fd == -1 || a->itself;
	return is_later(&a->st.st_mtim, &b->st.st_mtim);
}

/* Opens an entry that has the text; its fd is -1 if it does not. */
static struct found
look_at(int folder, const struct dirent *d, const struct bookmark *b)
{
	static const int how = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	const char *slash = strrchr(b->path, '/');
	struct found f = {.fd = -1};

	/* Results may be beside the log, and begin with the same text. */
	if (d->d_ino != b->inode && !copies_is_name(slash == NULL ? b->path : slash + 1, d->d_name))
		return f;
	if (d->d_type != DT_REG && d->d_type != DT_UNKNOWN && d->d_ino != b->inode)
		return f;
	if ((f.fd = openat(folder, d->d_name, how)) == -1)
		return f;
	if (fstat(f.fd, &f.st) == 0 && S_ISREG(f.st.st_mode) && has_text(b, f.fd, &f.st)) {
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
	const char *slash = strrchr(b->path, '/');
	char *folder =
	    slash == NULL ? strdup(".") : strndup(b->path, (size_t)(slash - b->path) + 1);
	DIR *dir = folder != NULL ? opendir(folder) : NULL;
	struct found best = {.fd = -1}, f;
	struct dirent *d;

	free(folder);
	while (dir != NULL && (d = readdir(dir)) != NULL) {
		if ((f = look_at(dirfd(dir), d, b)).fd == -1)
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
