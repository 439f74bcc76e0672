#include "stage/samefile.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/rotate.h"

/* What a file is, whatever name it was given. */
struct identity {
	bool exists, other; /* other: not a regular file */
	dev_t dev;
	ino_t ino;
	char path[PATH_MAX]; /* without links; "" if it is not known */
};

/* The path of a file that need not exist: its folder's, and its last part. */
static void
resolve_name(const char *name, char *path)
{
	char copy[PATH_MAX], folder[PATH_MAX];

	if (realpath(name, path) != NULL)
		return;
	*path = '\0';
	if (strlen(name) >= sizeof(copy))
		return;
	strcpy(copy, name);
	if (realpath(dirname(copy), folder) == NULL)
		return;
	strcpy(copy, name);
	if (snprintf(path, PATH_MAX, "%s/%s", folder, basename(copy)) >= PATH_MAX)
		*path = '\0';
}

static void
resolve_fd(int fd, char *path)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	path[n > 0 ? n : 0] = '\0';
}

static void
identify(const struct samefile *f, struct identity *id)
{
	struct stat st;

	*id = (struct identity){.exists = true};
	if (f->path == NULL) {
		id->other = fstat(f->fd, &st) == -1 || !S_ISREG(st.st_mode);
		resolve_fd(f->fd, id->path);
	} else {
		id->exists = stat(f->path, &st) == 0;
		id->other = id->exists && !S_ISREG(st.st_mode);
		resolve_name(f->path, id->path);
	}
	if (id->exists && !id->other) {
		id->dev = st.st_dev;
		id->ino = st.st_ino;
	}
}

static bool
is_same(const struct identity *a, const struct identity *b)
{
	if (a->exists && b->exists)
		return a->dev == b->dev && a->ino == b->ino;
	return a->exists == b->exists && *a->path != '\0' && strcmp(a->path, b->path) == 0;
}

/* Whether it is a rotated file (FILE.1, FILE-20261125) or FILE.cursor. */
static bool
is_beside(const struct identity *file, const struct identity *other)
{
	size_t len = strlen(file->path);
	const char *rest = other->path + len;

	if (len == 0 || strncmp(other->path, file->path, len) != 0)
		return false;
	if (strcmp(rest, ".cursor") == 0)
		return true;
	return rotate_suffix(rest) != ROTATE_NONE && !rotate_is_claimed(other->path);
}

static const char *
space_before(const char *path)
{
	return path != NULL ? " " : "";
}

static const char *
text_of(const char *path)
{
	return path != NULL ? path : "";
}

/* Says that a, which is written, is no file of its own.  False: it is one. */
static bool
find_clash(const struct samefile *a, const struct identity *a_id, const struct samefile *b,
    const struct identity *b_id, char *error, size_t size)
{
	if (a_id->other || b_id->other)
		return false;
	if (is_same(a_id, b_id))
		snprintf(error, size, "%s%s%s and %s%s%s are the same file: choose another one",
		    a->role, space_before(a->path), text_of(a->path), b->role,
		    space_before(b->path), text_of(b->path));
	else if (b->series && is_beside(b_id, a_id))
		snprintf(error, size, "%s is %s, which belongs to %s %s: choose another file",
		    a->role, a_id->path, b->role, text_of(b->path));
	else
		return false;
	return true;
}

int
samefile_check(const struct samefile *files, size_t n, char *error, size_t size)
{
	struct identity *ids = malloc(n * sizeof(*ids));
	bool found = false;

	if (ids == NULL) {
		snprintf(error, size, "out of memory");
		return -1;
	}
	for (size_t i = 0; i < n; i++)
		identify(&files[i], &ids[i]);
	for (size_t i = 0; i < n && !found; i++)
		for (size_t j = 0; j < n && !found; j++)
			found = i != j && files[i].written &&
			    find_clash(&files[i], &ids[i], &files[j], &ids[j], error, size);
	free(ids);
	return found ? -1 : 0;
}
