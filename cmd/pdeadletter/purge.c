/*
 * pdeadletter purge: removes letters.
 *
 * First all letters are read, to see which go.  Then each file that loses
 * letters is copied without them to a spare file, which is synced and takes the
 * file's name; a file that a rotation has numbered, and that would be empty, is
 * removed instead.  So a kill at any moment leaves each file either as it was
 * or as it shall be.  The lock on FILE is held all the time: no other process
 * appends or rotates.
 */

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "base/io.h"
#include "cursor.h"
#include "job.h"
#include "json/json.h"
#include "record/rotate.h"
#include "series.h"
#include "spare.h"
#include "store.h"

/* A run of letters that go: offsets of its first byte and behind its last. */
struct range {
	uint64_t start, end;
};

/* What is cut out of one file. */
struct cut {
	char *path;
	uint64_t inode;     /* of the file */
	uint64_t new_inode; /* of the file that replaces it, else as above */
	uint64_t bytes;     /* cut out up to the letter being looked at */
	struct range *range;
	size_t n;
	/* What stays: how many letters, and which of them were replayed. */
	uint64_t letters;
	struct memory memory;
};

/* Why letters stay, of which most were not replayed. */
enum why { NOT_REPLAYED, NOT_SELECTED, NOT_WHOLE, WHYS };

static const char *const why_text[WHYS] = {
    [NOT_REPLAYED] = "not replayed",
    [NOT_SELECTED] = "not selected",
    [NOT_WHOLE] = "not whole, and left out by replay",
};

struct purge {
	struct job *job;
	const char *file;
	int fd;   /* FILE, locked */
	int stem; /* the FILE that would rotate this one, locked; or -1 */
	struct cursor cursor;
	struct cut *cut; /* one for each file that has letters */
	size_t n;
	uint64_t letters, removed;
	uint64_t piped; /* of those removed, replayed into a pipe */
	uint64_t stay[WHYS];
};

/* Returns the cut of the letter's file; letters come file by file. */
static struct cut *
cut_of(struct purge *p, const struct item *e)
{
	if (p->n == 0 || strcmp(p->cut[p->n - 1].path, e->path) != 0) {
		p->cut = grow(p->cut, p->n + 1, sizeof(*p->cut));
		p->cut[p->n++] = (struct cut){.path = must(strdup(e->path)),
		    .inode = e->place.inode,
		    .new_inode = e->place.inode,
		    .memory = memory_new(e->place.inode)};
	}
	return &p->cut[p->n - 1];
}

/* Notes that the letter goes; neighbours make one range. */
static void
note_removal(struct cut *c, const struct place *at)
{
	if (c->n == 0 || c->range[c->n - 1].end != at->start) {
		c->range = grow(c->range, c->n + 1, sizeof(*c->range));
		c->range[c->n++] = (struct range){at->start, at->start};
	}
	c->range[c->n - 1].end = at->end;
	c->bytes += at->end - at->start;
}

/* Whether a replay can have printed the letter's record. */
static bool
is_whole(const struct item *e)
{
	const char *payload;
	char *owned;
	size_t len;

	if (e->view.truncated.len == strlen("true") ||
	    envelope_payload(e->line, e->len, &payload, &len, &owned) == -1)
		return false;
	free(owned);
	return true;
}

/* Whether the letter goes; else *why says why it stays. */
static bool
goes(struct purge *p, const struct item *e, enum why *why)
{
	bool all = p->job->force;

	if (!all && !e->replayed)
		*why = NOT_REPLAYED;
	else if (!all && !is_whole(e))
		*why = NOT_WHOLE;
	else if (!select_takes(&p->job->select, e))
		*why = NOT_SELECTED;
	else
		return true;
	return false;
}

/* Notes that the letter stays: its place in the file will be another one. */
static void
note_stay(struct cut *c, const struct item *e)
{
	struct mark mark;

	c->letters++;
	if (!e->replayed) {
		memory_skip(&c->memory);
		return;
	}
	store_mark(e, &mark);
	mark.start -= c->bytes;
	mark.end -= c->bytes;
	memory_pass(&c->memory, c->letters - 1, &mark);
	c->memory.piped = c->memory.piped || e->piped;
}

/* Reads all letters, to see which go, and which of the others were replayed. */
static void
look_at_letters(struct purge *p)
{
	char *files[] = {must(strdup(p->file)), NULL};
	struct store_how how = {.locked = true, .skip_foreign = p->job->skip_foreign};
	struct store *store = store_open(files, &how);
	enum why why = NOT_REPLAYED;
	struct item e;

	cursor_seek(&p->cursor, store, 0);
	for (; store_next(store, &e); p->letters++) {
		struct cut *c = cut_of(p, &e);

		if (goes(p, &e, &why)) {
			note_removal(c, &e.place);
			p->removed++;
			p->piped += e.piped;
		} else {
			note_stay(c, &e);
			p->stay[why]++;
		}
	}
	if (store_close(store) != 0)
		exit(2);
	free(files[0]);
}

static int
copy_range(int from, int to, uint64_t start, uint64_t end)
{
	char buf[65536];

	while (start < end) {
		size_t want = end - start < sizeof(buf) ? end - start : sizeof(buf);
		ssize_t n = pread(from, buf, want, (off_t)start);

		if (n <= 0)
			return n == 0 ? 0 : -1;
		if (io_write_all(to, buf, (size_t)n) == -1)
			return -1;
		start += (uint64_t)n;
	}
	return 0;
}

/* Processes that may append to the old file may append to the new one. */
static int
give_rights(int fd, const struct stat *old)
{
	return fchown(fd, old->st_uid, old->st_gid) == 0 ? fchmod(fd, old->st_mode & 0666) : -1;
}

/*
 * Copies what lies between the ranges, and syncs it.  The time of the last
 * letter stays: it says where the file stands among the others.
 */
static int
copy_rest(const struct cut *c, int from, int to, const struct stat *st)
{
	uint64_t at = 0;

	if (give_rights(to, st) == -1)
		return -1;
	for (size_t i = 0; i < c->n; i++) {
		if (copy_range(from, to, at, c->range[i].start) == -1)
			return -1;
		at = c->range[i].end;
	}
	if (copy_range(from, to, at, (uint64_t)st->st_size) == -1)
		return -1;
	if (futimens(to, (const struct timespec[]){{.tv_nsec = UTIME_OMIT}, st->st_mtim}) == -1)
		return -1;
	return fsync(to);
}

/*
 * Whether the path still is the file we have open; else errno is ESTALE.  Our
 * lock does not keep logrotate(8) from renaming the file.
 */
static bool
is_same_file(const char *path, int fd)
{
	if (rotate_is_same(path, fd))
		return true;
	errno = ESTALE;
	return false;
}

/* Puts a copy without the cut letters in the file's place. */
static void
replace_file(const struct purge *p, struct cut *c, int from, const struct stat *st)
{
	struct stat made;
	char *name;
	int to = spare_open(p->file, &name);

	/* The old file keeps its name until the new one is on the disk. */
	if (to == -1 || copy_rest(c, from, to, st) == -1 || fstat(to, &made) == -1 ||
	    close(to) == -1 || !is_same_file(c->path, from) || rename(name, c->path) == -1) {
		int error = errno;

		(void)unlink(name);
		errno = error;
		err(2, "%s is unchanged: %s", c->path, name);
	}
	c->new_inode = made.st_ino;
	free(name);
}

/* Cuts the letters out of a file, durably. */
static void
apply_cut(const struct purge *p, struct cut *c)
{
	int fd = open(c->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1)
		err(2, "%s", c->path);
	if (st.st_ino != c->inode)
		errx(2, "%s: was replaced while its letters were read", c->path);

	/*
	 * FILE itself stays even if it becomes empty: it carries the lock.  A
	 * file with a date was made by another program, which will remove it.
	 */
	if ((uint64_t)st.st_size == c->bytes &&
	    rotate_suffix(c->path + strlen(p->file)) == ROTATE_NUMBERED) {
		if (!is_same_file(c->path, fd) || unlink(c->path) == -1)
			err(2, "%s", c->path);
	} else
		replace_file(p, c, fd, &st);
	close(fd);
	if (rotate_sync(c->path) == -1)
		err(2, "%s", c->path);
}

/* Remembers what was replayed of the letters that stay. */
static void
save_cursor(struct purge *p)
{
	struct memory **list = must(calloc(p->n + 1, sizeof(*list)));
	size_t n = 0;

	for (size_t i = p->n; i-- > 0;) {
		struct cut *c = &p->cut[i];

		c->memory.inode = c->new_inode;
		if (memory_any(&c->memory))
			list[n++] = &c->memory;
	}
	cursor_save(&p->cursor, list, n);
	free(list);
}

/* Says what was removed and, if letters stay, how many of them and why. */
static void
report(const struct purge *p)
{
	char kept[256] = "";
	size_t len = 0;

	for (int i = 0; i < WHYS; i++)
		if (p->stay[i] > 0)
			len += (size_t)snprintf(kept + len, sizeof(kept) - len, "%s%ju %s",
			    len > 0 ? ", " : "; kept: ", (uintmax_t)p->stay[i], why_text[i]);
	warnx("%s: %ju of %ju letters removed%s", p->file, (uintmax_t)p->removed,
	    (uintmax_t)p->letters, kept);
	if (p->piped > 0 && !p->job->force)
		warnx("%s: %s replayed into a pipe, and nothing proves that the reader succeeded "
		      "unless `set -o pipefail` was in force: see `replay FILE -- command`",
		    p->file, p->piped == 1 ? "1 of them was" : "some of them were");
}

/*
 * Opens and locks FILE.  If only rotated files are left, makes one, as there
 * must be a FILE to lock.
 */
static int
lock_series(const char *path)
{
	int fd;

	while ((fd = series_lock(path, LOCK_EX)) == -1 && errno == ENOENT) {
		if ((fd = rotate_create(path, O_WRONLY | O_CLOEXEC, NULL)) == -1)
			break;
		close(fd);
	}
	if (fd == -1)
		errx(2, "%s: %s", path, rotate_explain(path, errno));
	return fd;
}

/*
 * Locks the FILE to whose series the file seems to belong, if there is one:
 * otherwise a rotation could give the file's name to another one meanwhile.
 */
static int
lock_stem(const char *path)
{
	char *stem = must(strndup(path, rotate_stem(path)));
	struct stat st;
	int fd = -1;

	if (stat(stem, &st) == 0 && S_ISREG(st.st_mode))
		fd = series_lock(stem, LOCK_EX);
	free(stem);
	return fd;
}

static void
purge_file(struct purge *p)
{
	/* Lock out appenders, and other purges and replays. */
	p->stem = lock_stem(p->file);
	p->fd = lock_series(p->file);
	cursor_open(&p->cursor, p->file, true);
	spare_clean(p->file);

	/* Decide about every letter before anything is changed. */
	look_at_letters(p);

	/*
	 * Replace the files, then the cursor, which names places in the new
	 * files.  After a kill in between its letters may be gone: then, at
	 * worst, letters that stay are replayed again.
	 */
	for (size_t i = 0; i < p->n; i++)
		if (p->cut[i].n > 0)
			apply_cut(p, &p->cut[i]);
	if (p->removed > 0)
		save_cursor(p);

	cursor_close(&p->cursor);
	close(p->fd);
	if (p->stem != -1)
		close(p->stem);
	for (size_t i = 0; i < p->n; i++) {
		free(p->cut[i].path);
		free(p->cut[i].range);
		memory_free(&p->cut[i].memory);
	}
	free(p->cut);
	report(p);
}

int
job_purge(struct job *job)
{
	/* If one is missing, change none of them. */
	for (char **file = job->files; *file != NULL; file++)
		series_must_exist(*file);
	for (char **file = job->files; *file != NULL; file++) {
		struct purge p = {.job = job, .file = *file};

		if (strcmp(*file, "-") == 0)
			errx(2, "purge: standard input is not a file");
		purge_file(&p);
	}
	return 0;
}
