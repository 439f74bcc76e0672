#include "cursor.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "alloc.h"
#include "record/rotate.h"

#define KIND "cursor/2"
#define OLD_KIND "cursor/1" /* up to 0.3: the front only, with max_replays */

/* Reads the members of a mark.  False: they are not one. */
static bool
read_mark(struct mark *mark, json_t *object)
{
	const char *id;
	json_int_t start, end, failed;

	if (json_unpack(object, "{s:s, s:I, s:I, s:I}", "id", &id, "failed", &failed, "start",
		&start, "end", &end) != 0 ||
	    *id == '\0' || strlen(id) >= sizeof(mark->id))
		return false;
	strcpy(mark->id, id);
	mark->failed = failed;
	mark->start = (uint64_t)start;
	mark->end = (uint64_t)end;
	return true;
}

static bool
read_singles(struct memory *m, json_t *object)
{
	const char *runs, *check;
	json_int_t letters;
	json_t *last;
	char *end;

	if (json_unpack(object, "{s:I, s:s, s:s, s:o}", "letters", &letters, "runs", &runs, "check",
		&check, "last", &last) != 0 ||
	    letters <= 0 || !read_mark(&m->last, last))
		return false;
	m->check = strtoull(check, &end, 16);
	m->singles = (uint64_t)letters;
	return *end == '\0' && memory_read_runs(m, runs);
}

static bool
read_old(struct memory *m, json_t *object)
{
	json_int_t max;

	if (json_unpack(object, "{s:I}", "max_replays", &max) == 0 && max > 0)
		m->max_replays = (uint64_t)max;
	m->piped = true; /* or not: that was not told then */
	m->has_front = read_mark(&m->front, object);
	return m->has_front;
}

/* Reads a line, which is about one file.  False: it is not valid. */
static bool
read_line(struct cursor *c, const char *line, size_t len)
{
	json_t *object = json_loadb(line, len, 0, NULL), *front = NULL, *singles = NULL;
	struct memory m = memory_new(0);
	const char *kind = "";
	json_int_t inode;
	int piped = 0;
	bool valid = json_unpack(object, "{s:s, s:I, s?b, s?o, s?o}", "pchan", &kind, "inode",
			 &inode, "piped", &piped, "front", &front, "singles", &singles) == 0;

	m.inode = valid ? (uint64_t)inode : 0;
	m.piped = piped != 0;
	if (valid && strcmp(kind, OLD_KIND) == 0)
		valid = read_old(&m, object);
	else if (valid) {
		m.has_front = front != NULL;
		valid = strcmp(kind, KIND) == 0 && (front == NULL || read_mark(&m.front, front)) &&
		    (singles == NULL || read_singles(&m, singles)) && memory_any(&m);
	}
	json_decref(object);
	if (!valid) {
		memory_free(&m);
		return false;
	}
	c->memory = grow(c->memory, c->n + 1, sizeof(*c->memory));
	c->memory[c->n++] = m;
	return true;
}

/* Reads the cursor; an empty file is a cursor that is not set. */
static void
read_cursor(struct cursor *c)
{
	int copy = fcntl(c->fd, F_DUPFD_CLOEXEC, 3);
	FILE *file = copy != -1 ? fdopen(copy, "r") : NULL;
	char *line = NULL;
	size_t size = 0;
	bool broken = false;
	ssize_t len;

	if (file == NULL)
		err(2, "%s", c->path);
	while ((len = getline(&line, &size, file)) > 0)
		broken |= !read_line(c, line, (size_t)len);
	if (ferror(file))
		err(2, "%s", c->path);
	fclose(file);
	free(line);
	if (broken)
		warnx("%s: not a valid cursor: %s counts as replayed", c->path,
		    c->n == 0 ? "nothing" : "not all that was replayed");
}

/* Ends the process unless the cursor is one that can be believed. */
static void
check_owner(const struct cursor *c, const struct stat *file)
{
	struct stat st;

	if (fstat(c->fd, &st) == -1)
		err(2, "%s", c->path);
	if (!S_ISREG(st.st_mode) || st.st_nlink > 1)
		errx(2, "%s: is not a regular file with one name: remove it", c->path);
	if (st.st_uid != geteuid() && st.st_uid != 0 && (file == NULL || st.st_uid != file->st_uid))
		errx(2,
		    "%s: belongs to another user and is not believed: remove it, or change "
		    "its owner",
		    c->path);
}

/*
 * Opens the cursor and, if it will be saved, locks it.  False: it has lost its
 * name to a new one meanwhile.
 */
static bool
open_locked(struct cursor *c, const char *file, const struct stat *st, bool saves)
{
	static const int how = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

	/* Only a command that saves the cursor makes it: no file, no cursor. */
	c->fd = open(c->path, (saves ? O_RDWR | O_CREAT : O_RDONLY) | how, 0644);
	if (c->fd == -1 && errno == ELOOP)
		errx(2, "%s: is a symbolic link: remove it", c->path);
	if (c->fd == -1 && (saves || errno != ENOENT))
		err(2, "%s", c->path);
	if (c->fd == -1)
		return true;
	if (saves && rotate_lock(c->fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno == EWOULDBLOCK)
			errx(2, "%s: another replay or purge of this file is running", file);
		err(2, "%s", c->path);
	}
	if (saves && !rotate_is_same(c->path, c->fd)) {
		close(c->fd);
		return false;
	}
	check_owner(c, st);
	return true;
}

void
cursor_open(struct cursor *c, const char *file, bool saves)
{
	struct stat st;
	bool exists;

	*c = (struct cursor){.fd = -1};
	if (strcmp(file, "-") == 0)
		return;
	exists = stat(file, &st) == 0;
	if (exists && !S_ISREG(st.st_mode))
		return;
	if (asprintf(&c->path, "%s.cursor", file) == -1)
		errx(2, "out of memory");
	while (!open_locked(c, file, exists ? &st : NULL, saves))
		continue;
	if (c->fd != -1)
		read_cursor(c);
}

void
cursor_seek(const struct cursor *c, struct store *store, size_t file)
{
	if (c->n > 0 && !store_recall(store, file, c->memory, c->n))
		warnx("%s: %s gone: nothing counts as replayed", c->path,
		    c->n == 1 ? "the letter that it names is" : "the letters that it names are");
}

void
cursor_close(struct cursor *c)
{
	if (c->fd != -1)
		close(c->fd);
	for (size_t i = 0; i < c->n; i++)
		memory_free(&c->memory[i]);
	free(c->memory);
	free(c->path);
}

static json_t *
pack_mark(const struct mark *mark)
{
	return must(
	    json_pack("{s:s, s:I, s:I, s:I}", "id", mark->id, "failed", (json_int_t)mark->failed,
		"start", (json_int_t)mark->start, "end", (json_int_t)mark->end));
}

static json_t *
pack_singles(const struct memory *m)
{
	char check[17], *runs = memory_runs(m);
	json_t *object;

	snprintf(check, sizeof(check), "%016" PRIx64, m->check);
	object = must(json_pack("{s:I, s:s, s:s, s:o}", "letters", (json_int_t)m->singles, "runs",
	    runs, "check", check, "last", pack_mark(&m->last)));
	free(runs);
	return object;
}

/* Writes the line of a file.  -1 with errno. */
static int
write_line(FILE *file, const struct memory *m)
{
	json_t *object =
	    must(json_pack("{s:s, s:I}", "pchan", KIND, "inode", (json_int_t)m->inode));
	int error = 0;

	if (m->piped)
		error = json_object_set_new(object, "piped", json_true());
	if (m->has_front && error == 0)
		error = json_object_set_new(object, "front", pack_mark(&m->front));
	if (m->singles > 0 && error == 0)
		error = json_object_set_new(object, "singles", pack_singles(m));
	if (error == -1)
		errx(2, "out of memory");
	error = json_dumpf(object, file, JSON_COMPACT) == -1 || fputc('\n', file) == EOF ? -1 : 0;
	json_decref(object);
	return error;
}

/*
 * Makes a file in which to write the new cursor, with the old one's rights; it
 * is locked, as it will be the cursor.
 */
static FILE *
make_new(const struct cursor *c, const char *path)
{
	struct stat st;
	FILE *file;
	int fd;

	/* Whoever left one was killed: we have the lock. */
	if (fstat(c->fd, &st) == -1 || (unlink(path) == -1 && errno != ENOENT))
		return NULL;
	if ((fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) == -1)
		return NULL;
	(void)!fchown(fd, st.st_uid, st.st_gid);
	if (fchmod(fd, st.st_mode & 0666) == 0 && rotate_lock(fd, LOCK_EX) == 0 &&
	    (file = fdopen(fd, "w")) != NULL)
		return file;
	close(fd);
	return NULL;
}

/* Writes the lines, syncs them, and puts the file in the cursor's place. */
static int
replace_cursor(struct cursor *c, const char *path, struct memory *const *m, size_t n)
{
	FILE *file = make_new(c, path);
	int error = file == NULL ? -1 : 0, fd, saved;

	for (size_t i = 0; i < n && error == 0; i++)
		error = write_line(file, m[i]);
	if (error == 0)
		error = fflush(file) == EOF || fsync(fileno(file)) == -1 ? -1 : 0;
	if (error == 0)
		error = rename(path, c->path);
	if (error == 0)
		error = rotate_sync(c->path);
	saved = errno;
	if (error == 0 && (fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, 3)) != -1) {
		close(c->fd);
		c->fd = fd; /* and has the lock, as the same open file */
	}
	if (file != NULL)
		fclose(file);
	errno = saved;
	return error;
}

void
cursor_save(struct cursor *c, struct memory *const *m, size_t n)
{
	char *path;

	if (asprintf(&path, "%s.new", c->path) == -1)
		errx(2, "out of memory");
	if (replace_cursor(c, path, m, n) == -1) {
		int error = errno;

		(void)unlink(path);
		errno = error;
		err(2, "%s", c->path);
	}
	free(path);
}
