#include "cursor.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "alloc.h"
#include "base/io.h"
#include "record/rotate.h"

/*
 * A line fills one block, and is overwritten in place: the disk holds the old
 * line or the new one.  Each is true by itself, and so is a mixture of them.
 */
#define BLOCK 512
#define KIND "cursor/1"

/* Reads a mark from a line.  False: it is not one. */
static bool
read_mark(struct cursor *c, const char *text, size_t len)
{
	const char *kind, *id;
	json_int_t inode, start, end, failed, max = INT64_MAX;
	json_t *object = json_loadb(text, len, 0, NULL);
	bool valid = json_unpack(object, "{s:s, s:s, s:I, s:I, s:I, s:I, s?I}", "pchan", &kind,
			 "id", &id, "failed", &failed, "inode", &inode, "start", &start, "end",
			 &end, "max_replays", &max) == 0 &&
	    strcmp(kind, KIND) == 0 && *id != '\0' && strlen(id) < sizeof(c->mark->id);

	if (valid) {
		struct mark *mark = &c->mark[c->n++];

		strcpy(mark->id, id);
		mark->failed = failed;
		mark->place.inode = (uint64_t)inode;
		mark->place.start = (uint64_t)start;
		mark->place.end = (uint64_t)end;
		if (max != INT64_MAX && (uint64_t)max < c->max_replays)
			c->max_replays = (uint64_t)max;
	}
	json_decref(object);
	return valid;
}

/* Reads the cursor; an empty file is a cursor that is not set. */
static void
read_cursor(struct cursor *c)
{
	char text[BLOCK];
	bool broken = false;
	ssize_t n;

	for (off_t at = 0; (n = pread(c->fd, text, BLOCK, at)) > 0; at += BLOCK) {
		c->mark = grow(c->mark, c->n + 1, sizeof(*c->mark));
		broken |= !read_mark(c, text, (size_t)n);
	}
	if (n == -1)
		err(2, "%s", c->path);
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

void
cursor_open(struct cursor *c, const char *file, bool moves)
{
	static const int how = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	struct stat st;
	bool exists;

	*c = (struct cursor){.fd = -1, .max_replays = UINT64_MAX};
	if (strcmp(file, "-") == 0)
		return;
	exists = stat(file, &st) == 0;
	if (exists && !S_ISREG(st.st_mode))
		return;
	if (asprintf(&c->path, "%s.cursor", file) == -1)
		errx(2, "out of memory");

	/* Only a command that moves the cursor makes it: no file, no cursor. */
	c->fd = open(c->path, (moves ? O_RDWR | O_CREAT : O_RDONLY) | how, 0644);
	if (c->fd == -1 && errno == ELOOP)
		errx(2, "%s: is a symbolic link: remove it", c->path);
	if (c->fd == -1 && (moves || errno != ENOENT))
		err(2, "%s", c->path);
	if (c->fd == -1)
		return;
	check_owner(c, exists ? &st : NULL);
	if (moves && rotate_lock(c->fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno == EWOULDBLOCK)
			errx(2, "%s: another replay or purge of this file is running", file);
		err(2, "%s", c->path);
	}
	read_cursor(c);
}

void
cursor_seek(const struct cursor *c, struct store *store, size_t file)
{
	if (c->n > 0 && !store_seek(store, file, c->mark, c->n))
		warnx("%s: %s gone: nothing counts as replayed", c->path,
		    c->n == 1 ? "the letter that it names is" : "the letters that it names are");
}

void
cursor_close(struct cursor *c)
{
	if (c->fd != -1)
		close(c->fd);
	free(c->mark);
	free(c->path);
}

void
cursor_set(struct cursor *c, struct mark *marks, size_t n)
{
	free(c->mark);
	c->mark = marks;
	c->n = n;
}

/* Writes a mark as a line, with blanks up to the end of the block. */
static void
format_mark(const struct cursor *c, const struct mark *mark, char block[BLOCK])
{
	const struct place *place = &mark->place;
	json_t *object = must(json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "pchan", KIND, "id",
	    mark->id, "failed", (json_int_t)mark->failed, "inode", (json_int_t)place->inode,
	    "start", (json_int_t)place->start, "end", (json_int_t)place->end));
	size_t len;

	if (c->max_replays != UINT64_MAX &&
	    json_object_set_new(object, "max_replays", json_integer((json_int_t)c->max_replays)) ==
		-1)
		errx(2, "out of memory");
	memset(block, ' ', BLOCK);
	block[BLOCK - 1] = '\n';
	len = json_dumpb(object, block, BLOCK - 1, JSON_COMPACT);
	json_decref(object);
	if (len == 0 || len >= BLOCK)
		errx(2, "%s: the cursor does not fit into %d bytes", c->path, BLOCK);
}

void
cursor_save(const struct cursor *c)
{
	size_t size = c->n * BLOCK;
	char *text = must(malloc(size + 1));

	for (size_t i = 0; i < c->n; i++)
		format_mark(c, &c->mark[i], text + i * BLOCK);

	/* The file is on the disk, and so is its name, as it may be new. */
	if (lseek(c->fd, 0, SEEK_SET) == -1 || io_write_all(c->fd, text, size) == -1 ||
	    ftruncate(c->fd, (off_t)size) == -1 || fdatasync(c->fd) == -1 ||
	    rotate_sync(c->path) == -1)
		err(2, "%s", c->path);
	free(text);
}
