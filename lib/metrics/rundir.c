#include "metrics/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Adds the path, which is the list's from now on, unless it is there. */
static int
add(struct rundir_list *list, char *path)
{
	char **more;

	if (path == NULL)
		return -1;
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->path[i], path) == 0) {
			free(path);
			return 0;
		}
	if ((more = reallocarray(list->path, list->n + 1, sizeof(*more))) == NULL) {
		free(path);
		return -1;
	}
	list->path = more;
	list->path[list->n++] = path;
	return 0;
}

static char *__attribute__((format(printf, 1, 2))) format(const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	return n == -1 ? NULL : text;
}

/* The value of a variable that is set and not empty; else NULL. */
static const char *
variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

static int
add_usual(struct rundir_list *list)
{
	const char *runtime = variable("XDG_RUNTIME_DIR");
	unsigned uid = geteuid();

	if (runtime != NULL && *runtime == '/' && add(list, format("%s/pchan", runtime)) == -1)
		return -1;
	if (add(list, format("/run/user/%u/pchan", uid)) == -1 ||
	    (uid == 0 && add(list, strdup("/run/pchan")) == -1))
		return -1;
	return add(list, format("/dev/shm/pchan-%u", uid));
}

int
rundir_list(struct rundir_list *list)
{
	const char *metrics = variable("PCHAN_METRICS"), *named = variable("PCHAN_RUN_DIR");

	*list = (struct rundir_list){
	    .named = named != NULL, .off = metrics != NULL && strcmp(metrics, "off") == 0};
	if (list->off)
		return 0;
	if ((named != NULL ? add(list, strdup(named)) : add_usual(list)) == 0)
		return 0;
	rundir_list_free(list);
	errno = ENOMEM;
	return -1;
}

int
rundir_list_users(struct rundir_list *list)
{
	static const char *const patterns[] = {"/run/user/*/pchan", "/dev/shm/pchan-*"};
	int result = 0;

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]) && result == 0; i++) {
		glob_t found;
		int error = glob(patterns[i], GLOB_NOSORT, NULL, &found);

		for (size_t k = 0; error == 0 && k < found.gl_pathc && result == 0; k++)
			result = add(list, strdup(found.gl_pathv[k]));
		if (error == 0)
			globfree(&found);
		else if (error == GLOB_NOSPACE)
			result = -1;
	}
	if (result == -1)
		errno = ENOMEM;
	return result;
}

void
rundir_list_free(struct rundir_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->path[i]);
	free(list->path);
	list->path = NULL;
	list->n = 0;
}

static bool
is_tmpfs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 &&
	    ((unsigned long)fs.f_type == TMPFS_MAGIC || (unsigned long)fs.f_type == RAMFS_MAGIC);
}

/*
 * What is wrong with the parent of a directory that nobody has named; NULL:
 * nothing.  After su(1), $XDG_RUNTIME_DIR is somebody else's.
 */
static const char *
judge_parent(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return strerror(errno);
	if (!is_tmpfs(fd))
		return "is not on a tmpfs";
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return "the folder that it would be in belongs to another user";
	if ((st.st_mode & 022) != 0 && (st.st_mode & S_ISVTX) == 0)
		return "anybody may rename what is in its folder";
	return NULL;
}

/* Makes the directory.  0; or -1 with errno, and *why or NULL. */
static int
make_directory(const char *path, bool on_tmpfs, const char **why)
{
	char *copy = strdup(path);
	int parent;

	*why = NULL;
	if (copy == NULL)
		return -1;
	parent = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	if (parent == -1)
		return -1;
	if (on_tmpfs)
		*why = judge_parent(parent);
	close(parent);
	errno = EPERM;
	if (*why != NULL)
		return -1;
	if (mkdir(path, 0700) == -1)
		return errno == EEXIST ? 0 : -1;
	/* The umask may have taken away what the owner needs. */
	return chmod(path, 0700);
}

/* What is wrong with a directory; NULL: nothing. */
static const char *
judge(int fd, bool on_tmpfs)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return strerror(errno);
	if (st.st_uid != geteuid())
		return "belongs to another user";
	if ((st.st_mode & 077) != 0)
		return "other users may enter it (chmod 700)";
	if (on_tmpfs && !is_tmpfs(fd))
		return "is not on a tmpfs";
	return NULL;
}

/* open(2) of what is a directory, and no link to one. */
static int
open_directory(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static const char *
explain(const char *path, int error)
{
	struct stat st;

	/* O_DIRECTORY makes this ENOTDIR for a link, too. */
	if ((error == ENOTDIR || error == ELOOP) && lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		return "is a symbolic link";
	return strerror(error);
}

/* A path without a slash at its end, of which a link would be followed. */
static int
open_plain(const char *path, bool make, bool on_tmpfs, const char **why)
{
	int fd = open_directory(path), error;

	if (fd == -1 && errno == ENOENT && make && make_directory(path, on_tmpfs, why) == 0)
		fd = open_directory(path);
	if (fd == -1) {
		error = errno;
		if (*why == NULL)
			*why = explain(path, error);
		errno = error;
		return -1;
	}
	if ((*why = judge(fd, on_tmpfs)) == NULL)
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

int
rundir_open(const char *path, bool make, bool on_tmpfs, char why[RUNDIR_WHY_SIZE])
{
	char *plain = strdup(path);
	const char *text = NULL;
	int fd, error;

	if (plain == NULL) {
		snprintf(why, RUNDIR_WHY_SIZE, "out of memory");
		return -1;
	}
	for (size_t len = strlen(plain); len > 1 && plain[len - 1] == '/'; len--)
		plain[len - 1] = '\0';
	fd = open_plain(plain, make, on_tmpfs, &text);
	error = errno;
	free(plain);
	if (fd == -1)
		snprintf(why, RUNDIR_WHY_SIZE, "%s: %s", path, text);
	errno = error;
	return fd;
}

void
rundir_describe(const char *path, bool on_tmpfs, char text[RUNDIR_WHY_SIZE])
{
	int fd = rundir_open(path, false, on_tmpfs, text);

	if (fd == -1 && errno != ENOENT)
		return;
	if (fd != -1)
		close(fd);
	snprintf(text, RUNDIR_WHY_SIZE, "%s", path);
}

bool
rundir_lacks_means(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM;
}

bool
rundir_may_have(int dir, size_t n)
{
	struct stat st;

	/* Elsewhere the size is another one: on ZFS, the number of entries. */
	return !is_tmpfs(dir) || fstat(dir, &st) == -1 || st.st_size <= 0 ||
	    (uintmax_t)st.st_size > 20 * (n + 2);
}
