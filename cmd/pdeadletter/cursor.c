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

/* One block, overwritten in place: the disk holds the old line or the new. */
#define SIZE 512
#define KIND "cursor/1"

/* Reads the cursor; an empty file is a cursor that is not set. */
static void
read_cursor(struct cursor *c)
{
	char text[SIZE];
	ssize_t n = pread(c->fd, text, sizeof(text), 0);
	const char *kind, *id;
	json_int_t inode, start, end, failed, max = INT64_MAX;
	json_t *object;

	if (n == -1)
		err(2, "%s", c->path);
	if (n == 0)
		return;
	object = json_loadb(text, (size_t)n, 0, NULL);
	if (json_unpack(object, "{s:s, s:s, s:I, s:I, s:I, s:I, s?I}", "pchan", &kind, "id", &id,
		"failed", &failed, "inode", &inode, "start", &start, "end", &end, "max_replays",
		&max) == 0 &&
	    strcmp(kind, KIND) == 0 && strlen(id) < sizeof(c->mark.id)) {
		strcpy(c->mark.id, id);
		c->mark.failed = failed;
		c->mark.place.inode = (uint64_t)inode;
		c->mark.place.start = (uint64_t)start;
		c->mark.place.end = (uint64_t)end;
		c->max_replays = max == INT64_MAX ? UINT64_MAX : (uint64_t)max;
		c->set = true;
	} else
		warnx("%s: not a valid cursor: nothing counts as replayed", c->path);
	json_decref(object);
}

void
cursor_open(struct cursor *c, const char *file, bool moves)
{
	struct stat st;

	*c = (struct cursor){.fd = -1, .max_replays = UINT64_MAX};
	if (strcmp(file, "-") == 0)
		return;
	if (stat(file, &st) == 0 && !S_ISREG(st.st_mode))
		return;
	if (asprintf(&c->path, "%s.cursor", file) == -1)
		errx(2, "out of memory");

	/* Only a command that moves the cursor makes it: no file, no cursor. */
	c->fd = open(c->path, (moves ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (c->fd == -1 && (moves || errno != ENOENT))
		err(2, "%s", c->path);
	if (c->fd == -1)
		return;
	if (moves && rotate_lock(c->fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno == EWOULDBLOCK)
			errx(2, "%s: another replay or purge of this file is running", file);
		err(2, "%s", c->path);
	}
	read_cursor(c);
}

void
cursor_seek(struct cursor *c, struct store *store)
{
	if (!c->set || store_seek(store, &c->mark))
		return;
	warnx("%s: the letter that it names is gone: nothing counts as replayed", c->path);
	c->set = false;
}

void
cursor_close(struct cursor *c)
{
	if (c->fd != -1)
		close(c->fd);
	free(c->path);
}

void
cursor_save(struct cursor *c)
{
	const struct place *place = &c->mark.place;
	char text[SIZE];
	json_t *object;
	size_t len;

	if (!c->set) {
		if (ftruncate(c->fd, 0) == -1 || fsync(c->fd) == -1)
			err(2, "%s", c->path);
		return;
	}
	object = must(json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "pchan", KIND, "id", c->mark.id,
	    "failed", (json_int_t)c->mark.failed, "inode", (json_int_t)place->inode, "start",
	    (json_int_t)place->start, "end", (json_int_t)place->end));
	if (c->max_replays != UINT64_MAX &&
	    json_object_set_new(object, "max_replays", json_integer((json_int_t)c->max_replays)) ==
		-1)
		errx(2, "out of memory");

	/* Blanks up to the end of the block, so that no old line shows. */
	memset(text, ' ', sizeof(text));
	text[SIZE - 1] = '\n';
	len = json_dumpb(object, text, SIZE - 1, JSON_COMPACT);
	json_decref(object);
	if (len == 0 || len >= SIZE)
		errx(2, "%s: the cursor does not fit into %d bytes", c->path, SIZE);

	/* The file is on the disk, and so is its name, as it may be new. */
	if (pwrite(c->fd, text, SIZE, 0) != SIZE || fdatasync(c->fd) == -1 ||
	    rotate_sync(c->path) == -1)
		err(2, "%s", c->path);
}
