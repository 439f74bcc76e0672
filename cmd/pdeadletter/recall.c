#include "recall.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "json/json.h"
#include "memory.h"
#include "record/envelope.h"
#include "record/reader.h"
#include "record/record.h"
#include "series.h"

/* Fills in the mark of the letter on a line.  False: it is not a letter. */
static bool
mark_line(struct mark *mark, const char *line, size_t len, uint64_t start)
{
	struct envelope_id id;
	struct envelope_view view;

	if (envelope_kind_anywhere(line, len) != ENVELOPE_LETTER)
		return false;
	envelope_identity(line, len, &id);
	envelope_look(line, len, &view);
	strcpy(mark->id, id.id);
	mark->failed = envelope_time(&view.failed);
	mark->start = start;
	mark->end = start + len + 1;
	return true;
}

static bool
is_same_letter(const struct mark *a, const struct mark *b)
{
	return a->failed == b->failed && strcmp(a->id, b->id) == 0;
}

/* Whether that letter stands there; the last one of a file may lack its LF. */
static bool
is_there(const struct series_file *p, const struct mark *mark)
{
	struct mark found;
	ssize_t len, n;
	char *line;
	bool same;

	if (mark->start >= mark->end || p->size == UINT64_MAX || mark->end > p->size + 1)
		return false;
	len = (ssize_t)(mark->end - mark->start - 1);
	line = must(malloc((size_t)len + 1));
	n = pread(p->fd, line, (size_t)len + 1, (off_t)mark->start);
	same = (n == len || (n == len + 1 && line[len] == '\n')) &&
	    mark_line(&found, line, (size_t)len, mark->start) && is_same_letter(&found, mark);
	free(line);
	return same;
}

/*
 * Calls `look` for each letter of the file, in order, until one returns false.
 */
static void
walk(const struct series_file *file,
    bool (*look)(void *arg, uint64_t number, const struct mark *, const struct record *), void *arg)
{
	struct reader *reader = series_reader(file);
	uint64_t number = 0;
	struct record line;
	struct mark mark;
	bool more = true;

	while (more && series_line(file, reader, &line)) {
		if (mark_line(&mark, line.data, line.len, line.offset))
			more = look(arg, number++, &mark, &line);
		record_free(&line);
	}
	reader_free(reader);
	if (lseek(file->fd, 0, SEEK_SET) == -1)
		err(2, "%s", file->path);
}

/* The sum over those letters of the file that the memory has as single ones. */
struct sum {
	const struct memory *memory;
	uint64_t check;
};

static bool
add_to_sum(void *arg, uint64_t number, const struct mark *mark, const struct record *line)
{
	struct sum *sum = arg;

	(void)line;
	if (memory_has_single(sum->memory, number))
		sum->check += memory_check(mark);
	return mark->end < sum->memory->last.end;
}

/* Whether the single letters are those that the memory means, if any. */
static bool
singles_are_there(const struct series_file *file, const struct memory *m)
{
	struct sum sum = {.memory = m};

	if (m->singles == 0)
		return true;
	if (!is_there(file, &m->last))
		return false;
	walk(file, add_to_sum, &sum);
	return sum.check == m->check;
}

/*
 * Looks for the front of any of the memories, and says where it stands.  NULL:
 * there is none.
 */
static const struct memory *
find_front(const struct series_file *file, const struct memory *m, size_t n, struct mark *at)
{
	struct reader *reader = series_reader(file);
	const struct memory *found = NULL;
	struct record line;

	while (found == NULL && series_line(file, reader, &line)) {
		for (size_t i = 0; i < n && found == NULL; i++)
			if (m[i].has_front &&
			    memmem(line.data, line.len, m[i].front.id, strlen(m[i].front.id)) !=
				NULL &&
			    mark_line(at, line.data, line.len, line.offset) &&
			    is_same_letter(at, &m[i].front))
				found = &m[i];
		record_free(&line);
	}
	reader_free(reader);
	if (lseek(file->fd, 0, SEEK_SET) == -1)
		err(2, "%s", file->path);
	return found;
}

/* The letters up to the front of a cursor/1 that were not left out. */
struct conversion {
	const struct memory *from;
	struct memory *to;
};

static bool
convert_letter(void *arg, uint64_t number, const struct mark *mark, const struct record *line)
{
	struct conversion *c = arg;
	struct envelope_view view;

	envelope_look(line->data, line->len, &view);
	if (envelope_number(&view.replays) < c->from->max_replays)
		memory_pass(c->to, number, mark);
	else
		memory_skip(c->to);
	return mark->end < c->from->front.end;
}

/* Makes single letters of those behind the first one that was left out. */
static void
convert(struct memory *m, const struct series_file *file)
{
	struct memory old = *m;
	struct conversion c = {&old, m};

	*m = memory_new(old.inode);
	m->piped = old.piped;
	walk(file, convert_letter, &c);
	m->gap = m->grown = false;
}

static void
warn_forgotten(const struct series_file *file, const struct memory *m)
{
	warnx("%s was changed: %ju letters behind a gap count as not replayed", file->path,
	    (uintmax_t)m->singles);
}

/* Takes a memory whose front stands in the file, at this place. */
static void
take(struct memory *m, const struct series_file *file, const struct memory *from,
    const struct mark *front, bool singles)
{
	memory_copy(m, from);
	m->front = *front;
	if (from->singles > 0 && !singles) {
		memory_forget_singles(m);
		warn_forgotten(file, from);
	}
	if (from->max_replays != UINT64_MAX)
		convert(m, file);
}

/*
 * Takes a memory if its letters stand where it says.  Of the file itself, and
 * not a copy, its front is enough.
 */
static bool
take_in_place(struct memory *m, const struct series_file *file, const struct memory *from)
{
	bool singles;

	if (from->has_front && !is_there(file, &from->front))
		return false;
	singles = singles_are_there(file, from);
	if (!singles && (!from->has_front || from->inode != file->inode))
		return false;
	take(m, file, from, &from->front, singles);
	return true;
}

bool
recall_file(struct memory *m, const struct series_file *file, const struct memory *cursor, size_t n)
{
	const struct memory *found;
	struct mark front;

	/* The same file, perhaps under another name. */
	for (size_t i = 0; i < n; i++)
		if (cursor[i].inode == file->inode && take_in_place(m, file, &cursor[i]))
			return true;

	/* A copy. */
	for (size_t i = 0; i < n; i++)
		if (take_in_place(m, file, &cursor[i]))
			return true;

	/* It was edited, or a copy of it was. */
	if (file->size != UINT64_MAX && (found = find_front(file, cursor, n, &front)) != NULL) {
		take(m, file, found, &front, false);
		return true;
	}
	for (size_t i = 0; i < n; i++)
		if (cursor[i].inode == file->inode && cursor[i].singles > 0)
			warn_forgotten(file, &cursor[i]);
	return false;
}
