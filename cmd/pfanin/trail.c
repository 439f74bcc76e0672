#include "trail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "continuity.h"
#include "copies.h"
#include "record/reader.h"

void
trail_begin(struct trail *t, int fd, const char *path, struct reader_place at)
{
	*t = (struct trail){.fd = fd,
	    .path = path,
	    .state = TRAIL_SEEK,
	    .text.offset = at.offset,
	    .lines = at.lines,
	    .copy = -1};
}

void
trail_end(struct trail *t)
{
	if (t->copy != -1)
		close(t->copy);
	t->copy = -1;
}

static int
seek(struct trail *t, struct reader *r)
{
	uint64_t offset = t->text.offset;

	if (evidence_take(&t->text, t->fd, offset) == -1 ||
	    fingerprint_take(&t->head, t->fd, offset) == -1 ||
	    lseek(t->fd, (off_t)offset, SEEK_SET) == -1)
		return -1;
	t->size = offset;
	t->state = TRAIL_FILE;
	reader_set_fd(r, t->fd);
	reader_restart(r, (struct reader_place){offset, t->lines});
	t->lines = 0; /* of another text */
	return 0;
}

/* Whether the file has these bytes at the offset. */
static bool
has(const struct trail *t, uint64_t offset, const char *data, size_t n)
{
	char *there = malloc(n);
	bool same = there != NULL && pread(t->fd, there, n, (off_t)offset) == (ssize_t)n &&
	    memcmp(there, data, n) == 0;

	free(there);
	return same;
}

static int
find_facts(const struct trail *t, const char *data, size_t n, struct read_facts *facts)
{
	struct stat st;

	if (fstat(t->fd, &st) == -1)
		return -1;
	*facts =
	    (struct read_facts){.offset = t->text.offset, .n = n, .size = (uint64_t)st.st_size};
	facts->same_before = evidence_holds(&t->text, t->fd);
	facts->same_read = facts->same_before || has(t, t->text.offset, data, n);
	return 0;
}

/* The file was truncated: where its old text goes on, or its new one begins. */
static void
turn(struct trail *t, struct reader *r, struct trail_news *news)
{
	news->more = true;
	t->copy = copies_open(t->path, &t->text);
	if (t->copy != -1) {
		reader_set_fd(r, t->copy);
		t->state = TRAIL_COPY;
		return;
	}
	news->cut = true;
	news->lost = t->size > t->text.offset ? t->size - t->text.offset : 0;
	t->state = TRAIL_SEEK;
	t->text.offset = 0;
}

static ssize_t
fill_from_copy(struct trail *t, struct reader *r, struct trail_news *news)
{
	ssize_t n = reader_fill(r);

	news->more = true;
	if (n != 0)
		return n;
	trail_end(t);
	news->cut = true;
	t->state = TRAIL_SEEK;
	t->text.offset = 0;
	return 0;
}

ssize_t
trail_fill(struct trail *t, struct reader *r, struct trail_news *news)
{
	struct read_facts facts;
	enum continuity continuity;
	const char *data;
	ssize_t n;

	*news = (struct trail_news){0};
	if (t->state == TRAIL_COPY)
		return fill_from_copy(t, r, news);
	if ((t->state == TRAIL_SEEK && seek(t, r) == -1) || (n = reader_fill(r)) == -1)
		return -1;
	data = reader_filled(r, (size_t)n);
	if (find_facts(t, data, (size_t)n, &facts) == -1)
		return -1;
	continuity = continuity_of(&facts);
	if (continuity == CUT_BEFORE) {
		reader_unfill(r, (size_t)n);
		n = 0;
	}
	evidence_add(&t->text, data, (size_t)n);
	fingerprint_add(&t->head, data, (size_t)n);
	if (continuity == CONTINUES) {
		t->size = facts.size;
		news->more = n > 0;
	} else
		turn(t, r, news);
	return n;
}
