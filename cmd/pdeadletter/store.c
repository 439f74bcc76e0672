#include "store.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "json/json.h"
#include "record/reader.h"
#include "record/record.h"
#include "record/rotate.h"

#define LETTER_HEAD "{\"pchan\":\"dead-letter/1\""

/* One file, of which the first `size` bytes are read. */
struct store_file {
	char *path;
	int fd;
	uint64_t size;
	ino_t inode;
};

/* A FILE and those it was rotated to, oldest first. */
struct series {
	struct store_file *part;
	size_t n, at;          /* parts; the one being read */
	struct reader *reader; /* of that part; NULL: not opened yet */
	struct record record;  /* the line of `next` */
	struct item next;      /* the letter to be returned next */
	bool has_next;
	/* So many parts were replayed to their end, and one up to an offset. */
	size_t seen;
	uint64_t seen_end;
};

struct store {
	struct series *series; /* in the order of store_open()'s list */
	size_t n;
	size_t given;  /* the series of the letter returned last; n: none yet */
	uint64_t torn; /* lines */
};

/* Adds an open file to the series, which owns both path and fd from then on. */
static void
add_part(struct series *r, char *path, int fd)
{
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1)
		err(2, "%s", path);
	if (S_ISDIR(st.st_mode))
		errx(2, "%s: is a directory", path);
	r->part = grow(r->part, r->n + 1, sizeof(*r->part));
	r->part[r->n++] = (struct store_file){.path = path,
	    .fd = fd,
	    .size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : UINT64_MAX,
	    .inode = st.st_ino};
}

int
store_lock(const char *path, int how)
{
	struct stat st;
	int fd;

	while ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)) != -1) {
		if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
			return fd;
		if (rotate_lock(fd, how) == -1)
			err(2, "%s", path);

		/* It may have been rotated while we waited for the lock. */
		if (rotate_is_same(path, fd))
			return fd;
		close(fd);
	}
	return -1;
}

void
store_must_exist(const char *path)
{
	unsigned *numbers;
	size_t n;

	if (strcmp(path, "-") == 0 || access(path, F_OK) == 0)
		return;
	if (errno != ENOENT || rotate_list(path, &numbers, &n) == -1)
		err(2, "%s", path);
	free(numbers);
	errno = ENOENT;
	if (n == 0)
		err(2, "%s", path);
}

static void
close_part(struct store_file *p)
{
	close(p->fd);
	free(p->path);
}

static void
close_parts(struct series *r)
{
	while (r->n > 0)
		close_part(&r->part[--r->n]);
}

static void
open_rotated(struct series *r, const char *path)
{
	unsigned *numbers;
	size_t n;
	char *name;

	if (rotate_list(path, &numbers, &n) == -1)
		err(2, "%s", path);
	for (size_t i = 0; i < n; i++) {
		name = must(rotate_name(path, numbers[i]));
		add_part(r, name, open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY));
	}
	free(numbers);
}

/*
 * Opens FILE and those it was rotated to so that they belong together: none is
 * missed, and none is opened twice under two names.
 */
static void
open_series(struct series *r, const char *path, bool locked)
{
	int fd;

	do {
		close_parts(r);

		/* While FILE is locked no process appends or rotates. */
		fd = locked ? open(path, O_RDONLY | O_CLOEXEC) : store_lock(path, LOCK_SH);
		if (fd == -1 && errno != ENOENT)
			err(2, "%s", path);
		open_rotated(r, path);

		/*
		 * Without FILE there is no lock.  But a process that rotates
		 * makes FILE first: if there is one now, start again.
		 */
	} while (fd == -1 && access(path, F_OK) == 0);

	/* FILE is the newest part.  What is appended now is not read. */
	if (fd != -1) {
		add_part(r, must(strdup(path)), fd);
		if (!locked)
			(void)rotate_lock(fd, LOCK_UN);
	} else if (r->n == 0)
		err(2, "%s", path);
}

static void
open_operand(struct series *r, const char *path, bool locked)
{
	if (strcmp(path, "-") == 0)
		add_part(r, must(strdup("standard input")), dup(STDIN_FILENO));
	else
		open_series(r, path, locked);
}

struct store *
store_open(char **files, bool locked)
{
	struct store *s = must(calloc(1, sizeof(*s)));

	while (files[s->n] != NULL)
		s->n++;
	s->given = s->n;
	s->series = must(calloc(s->n, sizeof(*s->series)));
	for (size_t i = 0; i < s->n; i++)
		open_operand(&s->series[i], files[i], locked);
	return s;
}

void
store_close(struct store *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct series *r = &s->series[i];

		record_free(&r->record);
		reader_free(r->reader);
		close_parts(r);
		free(r->part);
	}
	if (s->torn > 0)
		warnx("%ju incomplete line%s skipped", (uintmax_t)s->torn, s->torn == 1 ? "" : "s");
	free(s->series);
	free(s);
}

void
store_mark(const struct item *e, struct mark *mark)
{
	struct envelope_id id;

	envelope_identity(e->line, e->len, &id);
	strcpy(mark->id, id.id);
	mark->place = e->place;
	mark->failed = e->failed;
}

/* Whether that letter stands there; the last one of a file may lack its LF. */
static bool
is_there(const struct store_file *p, const struct mark *mark)
{
	const struct place *place = &mark->place;
	struct envelope_id found = {.id = ""};
	struct envelope_view view = {0};
	ssize_t len, n;
	char *line;
	bool same;

	if (place->start >= place->end || p->size == UINT64_MAX || place->end > p->size + 1)
		return false;
	len = (ssize_t)(place->end - place->start - 1);
	line = must(malloc((size_t)len + 1));
	n = pread(p->fd, line, (size_t)len + 1, (off_t)place->start);
	if ((n == len || (n == len + 1 && line[len] == '\n')) &&
	    envelope_kind(line, (size_t)len) == ENVELOPE_LETTER) {
		envelope_identity(line, (size_t)len, &found);
		envelope_look(line, (size_t)len, &view);
	}
	same = strcmp(found.id, mark->id) == 0 && envelope_time(&view.failed) == mark->failed;
	free(line);
	return same;
}

bool
store_seek(struct store *s, const struct mark *mark)
{
	struct series *r = &s->series[mark->place.file];

	for (size_t i = 0; i < r->n; i++)
		if (r->part[i].inode == mark->place.inode && is_there(&r->part[i], mark)) {
			r->seen = i;
			r->seen_end = mark->place.end;
			return true;
		}
	return false;
}

/*
 * Whether the line is what a power cut or a kill has left of a letter: its
 * beginning, possibly empty, and NULs.  A filter may have put blanks into the
 * beginning.
 */
static bool
is_torn(const struct record *line)
{
	static const char head[] = LETTER_HEAD;
	size_t len = strnlen(line->data, line->len), at = 0;
	struct json_error e;

	for (size_t i = 0; i < len && at < strlen(head); i++)
		if (strchr(" \t\r", line->data[i]) == NULL && line->data[i] != head[at++])
			return false;
	return !json_check(line->data, line->len, &e);
}

/*
 * Makes the line just read the series' next letter.  False: it is not a letter;
 * blank lines and torn ones are skipped, any other ends the process.
 */
static bool
take_letter(struct store *s, struct series *r)
{
	struct record *line = &r->record;
	struct item *e = &r->next;

	if (envelope_kind(line->data, line->len) == ENVELOPE_LETTER) {
		e->line = line->data;
		e->len = line->len;
		envelope_look(e->line, e->len, &e->view);
		e->place = (struct place){(size_t)(r - s->series), r->part[r->at].inode,
		    line->offset, line->offset + line->len + 1};
		e->path = r->part[r->at].path;
		e->replayed = r->at < r->seen || (r->at == r->seen && e->place.end <= r->seen_end);
		e->failed = envelope_time(&e->view.failed);
		return true;
	}
	if (!json_blank(line->data, line->len)) {
		if (!is_torn(line))
			errx(2, "%s: line %ju is not a dead letter: is this a dead-letter file?",
			    r->part[r->at].path, (uintmax_t)line->line);
		s->torn++;
	}
	record_free(line);
	return false;
}

/* Reads the next line of the part being read.  False: the part has ended. */
static bool
read_part_line(struct series *r)
{
	struct reader_limits limits = {.max = READER_NO_LIMIT};
	const struct store_file *p = &r->part[r->at];
	ssize_t n;

	if (r->reader == NULL)
		r->reader = must(reader_new(p->fd, &limits));
	while (!reader_line(r->reader, &r->record)) {
		if ((n = reader_fill(r->reader)) == -1)
			err(2, "%s", p->path);
		if (n == 0 && !reader_rest(r->reader, &r->record))
			return false;
		if (n == 0)
			break;
	}
	if (r->record.offset < p->size)
		return true;
	record_free(&r->record); /* appended after the file was opened */
	return false;
}

/* Reads on to the series' next letter, from part to part. */
static void
load_next(struct store *s, struct series *r)
{
	record_free(&r->record);
	r->has_next = false;
	while (r->at < r->n) {
		if (!read_part_line(r)) {
			reader_free(r->reader);
			r->reader = NULL;
			r->at++;
		} else if (take_letter(s, r)) {
			r->has_next = true;
			return;
		}
	}
}

bool
store_next(struct store *s, struct item *e)
{
	const struct series *first = NULL;

	/*
	 * Every series has its next letter at hand, but for the one whose
	 * letter was returned last; at first, none has.
	 */
	for (size_t i = 0; i < s->n; i++)
		if (s->given == s->n || s->given == i)
			load_next(s, &s->series[i]);

	/* The earliest of these letters; of equal ones, the first operand's. */
	for (size_t i = 0; i < s->n; i++)
		if (s->series[i].has_next &&
		    (first == NULL || s->series[i].next.failed < first->next.failed))
			first = &s->series[i];
	if (first == NULL)
		return false;

	/* Its line must live until the next call, so load the next one then. */
	s->given = (size_t)(first - s->series);
	*e = first->next;
	return true;
}
