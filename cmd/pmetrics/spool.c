#include "spool.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "bundle.h"
#include "metrics/rundir.h"
#include "shipped.h"
#include "shiplines.h"
#include "spooldir.h"

#define DIRS 8
#define PATIENCE CLOCK_S /* for counting what is left */

/* How far a file is filled into the bundle. */
struct filled {
	struct spooldir *dir;
	struct shipped_file file;
};

struct spool {
	struct spooldir dir[DIRS];
	size_t n;
	struct filled *filled;
	size_t n_filled, room;
	size_t live;
	uint64_t broken;
	bool told;
};

struct spool *
spool_new(void)
{
	return calloc(1, sizeof(struct spool));
}

void
spool_free(struct spool *s)
{
	for (size_t i = 0; i < s->n; i++)
		spooldir_close(&s->dir[i]);
	free(s->filled);
	free(s);
}

/* The directories. */

static bool
is_open(const struct spool *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->dir[i].path, path) == 0)
			return true;
	return false;
}

/* Closes directories that were removed; others may have their names now. */
static void
close_removed(struct spool *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct stat st;

		if (fstat(s->dir[i].fd, &st) == 0 && st.st_nlink == 0)
			spooldir_close(&s->dir[i]);
		else
			s->dir[kept++] = s->dir[i];
	}
	s->n = kept;
}

int
spool_open(struct spool *s)
{
	char why[RUNDIR_WHY_SIZE];
	struct rundir_list list;
	int result = 0;

	close_removed(s);
	if (rundir_list(&list) == -1)
		err(2, "ship");
	for (size_t i = 0; i < list.n && result == 0 && s->n < DIRS; i++) {
		int fd;

		if (is_open(s, list.path[i]))
			continue;
		fd = rundir_open(list.path[i], false, !list.named, why);
		if (fd != -1)
			result = spooldir_open(&s->dir[s->n], list.path[i], fd);
		if (fd != -1 && result == 0)
			s->n++;
		else if (fd == -1 && list.named && errno != ENOENT && !s->told) {
			warnx("ship: %s", why);
			s->told = true;
		}
	}
	rundir_list_free(&list);
	return result;
}

/* Filling. */

static void
tell_broken(struct spool *s, const struct spooldir *d, const char *name)
{
	if (s->broken++ == 0)
		warnx("ship: %s/%s: a line is no export request: such lines are left out", d->path,
		    name);
}

/* What became of one file. */
enum filling { FILLED, FULL, REMAINS };

/*
 * Adds lines until the bundle is full, or at the end of what is there.  A tail
 * is a line that its stage is writing, or was when it was killed.
 */
static enum filling
add_lines(struct spool *s, struct bundle *b, struct spooldir *d, const struct spanfile_entry *e,
    struct shiplines *lines)
{
	for (;;) {
		const char *line;
		size_t len;
		enum shiplines_kind kind = shiplines_next(lines, &line, &len);
		enum bundle_added added = BUNDLE_BROKEN;

		if (kind == SHIPLINES_END)
			return FILLED;
		if (kind == SHIPLINES_ERROR)
			return REMAINS;
		if (kind == SHIPLINES_TAIL && !spooldir_is_complete(e)) {
			shiplines_back(lines);
			return REMAINS;
		}
		if (kind != SHIPLINES_LONG)
			added = bundle_add(b, line, len, (size_t)(d - s->dir), e->tool);
		if (added == BUNDLE_ERROR)
			err(2, "ship");
		if (added == BUNDLE_BROKEN)
			tell_broken(s, d, e->name);
		if (added == BUNDLE_FULL) {
			shiplines_back(lines);
			return FULL;
		}
	}
}

static void
note(struct spool *s, struct spooldir *d, const struct shipped_file *place)
{
	if (s->n_filled == s->room) {
		struct filled *more = reallocarray(s->filled, s->room + 64, sizeof(*more));

		if (more == NULL)
			err(2, "ship");
		s->filled = more;
		s->room += 64;
	}
	s->filled[s->n_filled++] = (struct filled){.dir = d, .file = *place};
}

/* False: the bundle is full. */
static bool
fill_from(struct spool *s, struct bundle *b, struct spooldir *d, const struct spanfile_entry *e)
{
	struct shipped_file place;
	struct shiplines lines;
	uint64_t before;
	enum filling filling;
	int fd = spooldir_open_file(d, e, &place);

	if (fd == -1)
		return true;
	before = place.offset;
	shiplines_begin(&lines, fd, place.offset);
	filling = add_lines(s, b, d, e, &lines);
	if (lines.offset > before) {
		place.offset = lines.offset;
		place.check = shipped_check(fd, place.offset);
		note(s, d, &place);
	} else if (filling == FILLED && spooldir_is_complete(e))
		spooldir_remove(d, e);
	shiplines_end(&lines);
	close(fd);
	return filling != FULL;
}

void
spool_fill(struct spool *s, struct bundle *b)
{
	bool room = true;

	s->n_filled = 0;
	s->live = 0;
	for (size_t i = 0; i < s->n; i++) {
		struct spooldir *d = &s->dir[i];

		if (!spooldir_list(d))
			continue;
		for (size_t k = 0; k < d->n; k++) {
			s->live += d->entry[k].live;
			if (room && spooldir_is_due(d, &d->entry[k]))
				room = fill_from(s, b, d, &d->entry[k]);
		}
	}
}

/* Settling. */

/* Which of the spans were rejected is not told: the first ones. */
static void
count(struct spool *s, const struct bundle *b, uint64_t rejected)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct bundle_owner *o = &b->owner[i];
		uint64_t n = rejected < o->spans ? rejected : o->spans;

		rejected -= n;
		if (shipped_count(&s->dir[o->place].memory, o->stage, o->tool, o->pipeline,
			o->spans - n, n) == -1)
			err(2, "ship");
	}
}

void
spool_settle(struct spool *s, const struct bundle *b, uint64_t rejected)
{
	count(s, b, rejected);
	for (size_t i = 0; i < s->n_filled; i++)
		if (shipped_set(&s->filled[i].dir->memory, &s->filled[i].file) == -1)
			err(2, "ship");
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < s->n_filled; k++)
			if (s->filled[k].dir == &s->dir[i]) {
				spooldir_save(&s->dir[i]);
				break;
			}
	s->n_filled = 0;
}

size_t
spool_live(const struct spool *s)
{
	return s->live;
}

uint64_t
spool_broken(const struct spool *s)
{
	return s->broken;
}

/* What is left. */

static uint64_t
count_file(struct spooldir *d, const struct spanfile_entry *e, int64_t until, bool *more)
{
	struct shipped_file place;
	struct shiplines lines;
	enum shiplines_kind kind;
	const char *line;
	uint64_t spans = 0;
	size_t len;
	int fd = spooldir_open_file(d, e, &place);

	if (fd == -1)
		return 0;
	shiplines_begin(&lines, fd, place.offset);
	do {
		kind = shiplines_next(&lines, &line, &len);
		if (kind == SHIPLINES_LINE || kind == SHIPLINES_TAIL)
			spans += bundle_count(line, len);
	} while (kind < SHIPLINES_END && clock_now() < until);
	*more = *more || kind < SHIPLINES_END;
	shiplines_end(&lines);
	close(fd);
	return spans;
}

uint64_t
spool_left(struct spool *s, bool *more)
{
	const int64_t until = clock_after(clock_now(), PATIENCE);
	uint64_t spans = 0;

	*more = false;
	for (size_t i = 0; i < s->n; i++) {
		struct spooldir *d = &s->dir[i];

		if (spooldir_list(d))
			for (size_t k = 0; k < d->n; k++)
				spans += count_file(d, &d->entry[k], until, more);
	}
	return spans;
}

char *
spool_places(const struct spool *s)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < s->n; i++)
		fprintf(out, "%s%s", i > 0 ? ", " : "", s->dir[i].path);
	return fclose(out) == 0 ? text : NULL;
}
