#include "record/rotate.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

char *
rotate_name(const char *path, unsigned n)
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

/* The number of BASE.N; 0 if the name is not such a name. */
static unsigned
number_of(const char *name, const char *base)
{
	size_t len = strlen(base);
	unsigned long n;
	char *end;

	if (strncmp(name, base, len) != 0 || name[len] != '.' || name[len + 1] == '0' ||
	    !isdigit((unsigned char)name[len + 1]))
		return 0;
	n = strtoul(name + len + 1, &end, 10);
	return *end == '\0' && n < UINT_MAX ? (unsigned)n : 0;
}

static int
add_number(unsigned **numbers, size_t *n, unsigned number)
{
	unsigned *more = reallocarray(*numbers, *n + 1, sizeof(*more));

	if (more == NULL)
		return -1;
	more[(*n)++] = number;
	*numbers = more;
	return 0;
}

static int
compare_descending(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return (x < y) - (x > y);
}

int
rotate_list(const char *path, unsigned **numbers, size_t *n)
{
	const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
	char *dir = folder_of(path);
	DIR *d = dir != NULL ? opendir(dir) : NULL;
	const struct dirent *entry;
	int error = d == NULL ? -1 : 0;

	*numbers = NULL;
	*n = 0;
	while (error == 0 && (entry = readdir(d)) != NULL) {
		unsigned number = number_of(entry->d_name, base);

		if (number > 0)
			error = add_number(numbers, n, number);
	}
	if (d != NULL)
		closedir(d);
	free(dir);
	if (error == 0 && *n > 0)
		qsort(*numbers, *n, sizeof(**numbers), compare_descending);
	return error;
}

/* Renames FILE.from to FILE.to; removes it if `to` is 0. */
static int
move_file(const char *path, unsigned from, unsigned to)
{
	char *old_name = rotate_name(path, from), *new_name = rotate_name(path, to);
	int error = -1;

	if (old_name != NULL && new_name != NULL)
		error = to == 0 ? unlink(old_name) : rename(old_name, new_name);
	free(old_name);
	free(new_name);
	return error;
}

/* The lowest number that is not in use; numbers are in descending order. */
static unsigned
first_gap(const unsigned *numbers, size_t n)
{
	unsigned gap = 1;

	while (n > 0 && numbers[n - 1] == gap) {
		gap++;
		n--;
	}
	return gap;
}

int
rotate_file(const char *path, unsigned keep)
{
	unsigned *numbers;
	size_t n, gone = 0;
	int error = rotate_list(path, &numbers, &n);

	/*
	 * Remove the oldest files.  This comes first, while FILE has its name:
	 * once FILE is renamed, its lock no longer keeps other processes out.
	 */
	for (; error == 0 && gone < n && n - gone >= keep; gone++)
		error = move_file(path, numbers[gone], 0);
	/*
	 * Move the others up by one, from the lowest gap down, so that no file
	 * is overwritten and their order holds at every point.  FILE itself is
	 * last.
	 */
	for (unsigned to = first_gap(numbers + gone, n - gone); error == 0 && to > 0; to--)
		error = move_file(path, to - 1, to);
	free(numbers);
	return error == 0 ? rotate_sync(path) : -1;
}

/* Looks at the newest rotated file.  False if there is none that we can see. */
static bool
stat_newest(const char *path, struct stat *st)
{
	unsigned *numbers;
	char *newest = NULL;
	bool seen = false;
	size_t n;

	if (rotate_list(path, &numbers, &n) == 0 && n > 0 &&
	    (newest = rotate_name(path, numbers[n - 1])) != NULL)
		seen = stat(newest, st) == 0 && S_ISREG(st->st_mode);
	free(newest);
	free(numbers);
	return seen;
}

int
rotate_create(const char *path, int flags)
{
	struct stat st;
	bool like = stat_newest(path, &st);
	int fd = open(path, flags | O_CREAT, like ? 0600 : 0666), saved;

	if (fd == -1 || !like)
		return fd;
	/* The owner if we are allowed to change it; the mode in any case. */
	(void)!fchown(fd, st.st_uid, st.st_gid);
	if (fchmod(fd, st.st_mode & 07777) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
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
