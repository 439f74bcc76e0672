#include "record/rotate.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* FILE.n, or FILE itself for 0; malloc'd.  NULL with errno ENOMEM. */
static char *
name_of(const char *path, unsigned n)
{
	char *name;

	if (n == 0)
		return strdup(path);
	return asprintf(&name, "%s.%u", path, n) == -1 ? NULL : name;
}

/* The folder that the file is in, malloc'd. */
static char *
folder_of(const char *path)
{
	char *copy = strdup(path), *dir;

	if (copy == NULL)
		return NULL;
	dir = strdup(dirname(copy));
	free(copy);
	return dir;
}

/* Whether the text ends in this ending; then *len becomes the rest's length. */
static bool
ends_in(const char *text, size_t *len, const char *ending)
{
	size_t n = strlen(ending);

	if (*len <= n || strcmp(text + *len - n, ending) != 0)
		return false;
	*len -= n;
	return true;
}

enum rotate_kind
rotate_suffix(const char *suffix)
{
	static const char *const endings[] = {".gz", ".xz", ".zst", ".bz2"};
	enum rotate_kind kind = ROTATE_DATED;
	size_t len = strlen(suffix), digits = 0;

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (ends_in(suffix, &len, endings[i]))
			kind = ROTATE_COMPRESSED;
	if (len < 2 || (*suffix != '.' && *suffix != '-') || suffix[len - 1] == '-')
		return ROTATE_NONE;
	for (size_t i = 1; i < len; i++) {
		if (isdigit((unsigned char)suffix[i]))
			digits++;
		else if (suffix[i] != '-' || digits == 0)
			return ROTATE_NONE;
	}
	/* A date or a time has eight digits or more; a number has fewer. */
	if (digits >= 8 || strncmp(suffix, ".0", len) == 0)
		return kind;
	if (*suffix == '-' || suffix[1] == '0' || digits != len - 1)
		return ROTATE_NONE;
	return kind == ROTATE_COMPRESSED ? kind : ROTATE_NUMBERED;
}

bool
rotate_is_claimed(const char *path)
{
	struct stat st;
	char *name;
	bool claimed;

	if (asprintf(&name, "%s" ROTATE_CLAIM, path) == -1)
		return false;
	claimed = lstat(name, &st) == 0;
	free(name);
	return claimed;
}

size_t
rotate_stem(const char *path)
{
	const char *slash = strrchr(path, '/'), *at = slash != NULL ? slash + 1 : path;
	enum rotate_kind kind = ROTATE_NONE;

	while (kind == ROTATE_NONE && *at != '\0' && (at = strpbrk(at + 1, ".-")) != NULL)
		kind = rotate_suffix(at);
	return kind == ROTATE_NUMBERED || kind == ROTATE_DATED ? (size_t)(at - path) : 0;
}

int
rotate_claim(const char *path)
{
	char *name;
	int fd;

	if (rotate_stem(path) == 0)
		return 0;
	if (asprintf(&name, "%s" ROTATE_CLAIM, path) == -1)
		return -1;
	fd = open(name, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	free(name);
	if (fd == -1)
		return errno == EEXIST ? 0 : -1;
	close(fd);
	return 0;
}

/*
 * What the file with such a name is.  NONE: it is gone, or cannot be looked at.
 */
static enum rotate_kind
kind_of_file(const char *path, enum rotate_kind by_name)
{
	struct stat st;

	if (lstat(path, &st) == -1)
		return ROTATE_NONE;
	if (!S_ISREG(st.st_mode))
		return ROTATE_IRREGULAR;
	return by_name != ROTATE_COMPRESSED && rotate_is_claimed(path) ? ROTATE_CLAIMED : by_name;
}

/* Adds the file FILE<suffix>.  -1 with errno ENOMEM. */
static int
add_file(struct rotated **list, size_t *n, const char *path, const char *suffix)
{
	struct rotated *more, file = {.kind = rotate_suffix(suffix)};

	if (file.kind == ROTATE_NUMBERED)
		file.number = (unsigned)strtoul(suffix + 1, NULL, 10);
	if ((more = reallocarray(*list, *n + 1, sizeof(*more))) == NULL)
		return -1;
	*list = more;
	if (asprintf(&file.path, "%s%s", path, suffix) == -1)
		return -1;
	if ((file.kind = kind_of_file(file.path, file.kind)) == ROTATE_NONE)
		free(file.path);
	else
		more[(*n)++] = file;
	return 0;
}

int
rotate_list(const char *path, struct rotated **list, size_t *n)
{
	const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
	char *dir = folder_of(path);
	DIR *d = dir != NULL ? opendir(dir) : NULL;
	const struct dirent *entry;
	size_t len = strlen(base);
	int error = d == NULL ? -1 : 0;

	*list = NULL;
	*n = 0;
	while (error == 0 && (entry = readdir(d)) != NULL)
		if (strncmp(entry->d_name, base, len) == 0 &&
		    rotate_suffix(entry->d_name + len) != ROTATE_NONE)
			error = add_file(list, n, path, entry->d_name + len);
	if (d != NULL)
		closedir(d);
	free(dir);
	return error;
}

void
rotate_free(struct rotated *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i].path);
	free(list);
}

/* Renames FILE.from to FILE.to. */
static int
move_file(const char *path, unsigned from, unsigned to)
{
	char *old_name = name_of(path, from), *new_name = name_of(path, to);
	int error = -1;

	if (old_name != NULL && new_name != NULL)
		error = rename(old_name, new_name);
	free(old_name);
	free(new_name);
	return error;
}

/* Removes FILE.number, and says so. */
static int
remove_file(
    const char *path, unsigned number, void (*removed)(void *, const char *, int), void *arg)
{
	char *name = name_of(path, number);
	int fd, error = -1, why;

	if (name == NULL)
		return -1;
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	why = errno;
	if ((error = unlink(name)) == 0) {
		errno = why;
		removed(arg, name, fd);
	}
	why = errno;
	if (fd != -1)
		close(fd);
	free(name);
	errno = why;
	return error;
}

/* The files of the series from FILE.1 up to the first number that is free. */
struct run {
	unsigned *number;
	size_t n;
	unsigned free;
};

static int
find_run(const char *path, struct run *run)
{
	enum rotate_kind kind;
	unsigned *more;
	char *name;

	for (run->free = 1;; run->free++) {
		if ((name = name_of(path, run->free)) == NULL)
			return -1;
		kind = kind_of_file(name, ROTATE_NUMBERED);
		free(name);
		if (kind == ROTATE_NONE)
			return errno == ENOENT ? 0 : -1;
		if (kind != ROTATE_NUMBERED)
			continue; /* its number is taken */
		if ((more = reallocarray(run->number, run->n + 1, sizeof(*more))) == NULL)
			return -1;
		run->number = more;
		run->number[run->n++] = run->free;
	}
}

int
rotate_file(const char *path, unsigned keep, void (*removed)(void *, const char *, int), void *arg)
{
	struct run run = {0};
	int error = find_run(path, &run);

	/*
	 * Remove the oldest files.  This comes first, while FILE has its name:
	 * once FILE is renamed, its lock no longer keeps other processes out.
	 */
	for (; error == 0 && run.n > 0 && run.n >= keep; run.n--) {
		run.free = run.number[run.n - 1];
		error = remove_file(path, run.free, removed, arg);
	}
	/*
	 * Move each of the others to the next number, the oldest first, so that
	 * no file is overwritten and their order holds at every point.  FILE
	 * itself is last.
	 */
	for (; error == 0 && run.n > 0; run.n--) {
		error = move_file(path, run.number[run.n - 1], run.free);
		run.free = run.number[run.n - 1];
	}
	if (error == 0)
		error = move_file(path, 0, run.free);
	free(run.number);
	return error == 0 ? rotate_sync(path) : -1;
}

bool
rotate_trusts(const char *path, uid_t owner)
{
	char *dir = folder_of(path);
	struct stat st;
	bool trusts = owner == geteuid() || owner == 0 ||
	    (dir != NULL && stat(dir, &st) == 0 && st.st_uid == owner);

	free(dir);
	return trusts;
}

bool
rotate_is_planted(const char *path)
{
	char *dir = folder_of(path);
	struct stat st, folder;
	bool planted = dir != NULL && lstat(path, &st) == 0 && stat(dir, &folder) == 0 &&
	    (folder.st_mode & S_ISVTX) != 0 && (folder.st_mode & S_IWOTH) != 0 &&
	    !rotate_trusts(path, st.st_uid);

	free(dir);
	return planted;
}

static bool
is_newer(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec != b->st_mtim.tv_sec ? a->st_mtim.tv_sec > b->st_mtim.tv_sec
						      : a->st_mtim.tv_nsec > b->st_mtim.tv_nsec;
}

/*
 * Looks at the newest rotated file that says who may read the series.  False if
 * there is none that we can see.
 */
static bool
stat_newest(const char *path, struct stat *newest)
{
	struct rotated *list;
	struct stat st;
	bool seen = false;
	size_t n;

	if (rotate_list(path, &list, &n) == -1)
		n = 0;
	for (size_t i = 0; i < n; i++)
		if (list[i].kind <= ROTATE_DATED && lstat(list[i].path, &st) == 0 &&
		    S_ISREG(st.st_mode) && st.st_nlink == 1 && rotate_trusts(path, st.st_uid) &&
		    (!seen || is_newer(&st, newest))) {
			*newest = st;
			seen = true;
		}
	rotate_free(list, n);
	return seen;
}

int
rotate_create(const char *path, int flags, const struct stat *like)
{
	struct stat newest = {0};
	int fd = open(path, flags | O_CREAT | O_EXCL, 0600), saved;

	/*
	 * Another process was faster; or the name is a link to no file, and
	 * whoever made the link would choose where we create one.
	 */
	if (fd == -1 && errno == EEXIST)
		return open(path, flags | O_CREAT | O_NOFOLLOW, 0600);
	if (like == NULL && fd != -1 && stat_newest(path, &newest))
		like = &newest;
	if (fd == -1 || like == NULL)
		return fd;
	/* The owner if we are allowed to change it; the mode in any case. */
	(void)!fchown(fd, like->st_uid, like->st_gid);
	if (fchmod(fd, like->st_mode & 0666) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

const char *
rotate_explain(const char *path, int error)
{
	struct stat st;

	if (error == ELOOP && stat(path, &st) == -1 && errno == ENOENT)
		return "is a link to a file that does not exist; create that file first";
	if (error == EPERM && rotate_is_planted(path))
		return "belongs to another user, in a folder that anybody may write to; choose "
		       "another file";
	return strerror(error);
}

char *
rotate_resolve(const char *path)
{
	struct stat st;
	char *target;

	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && stat(path, &st) == 0 &&
	    S_ISREG(st.st_mode) && (target = realpath(path, NULL)) != NULL)
		return target;
	return strdup(path);
}

int
rotate_sync(const char *path)
{
	char *dir = folder_of(path);
	int fd = dir != NULL ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1, error = 0;

	/* A folder that we can write but not read cannot be synced. */
	if (fd == -1)
		error = dir != NULL && errno == EACCES ? 0 : -1;
	else if (fsync(fd) == -1 && errno != EINVAL)
		error = -1;
	if (fd != -1)
		close(fd);
	free(dir);
	return error;
}

int
rotate_is_same(const char *path, int fd)
{
	struct stat named, opened;

	return stat(path, &named) == 0 && fstat(fd, &opened) == 0 &&
	    named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

int
rotate_lock(int fd, int how)
{
	int error;

	do {
		error = flock(fd, how);
	} while (error == -1 && errno == EINTR);
	return error;
}
