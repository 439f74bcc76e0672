#include "store.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "json/json.h"
#include "record/reader.h"
#include "record/record.h"
#include "series.h"

#define LETTER_HEAD "{\"pchan\":\"dead-letter/1\""

/* How far a file was replayed: up to a letter, unless none was. */
struct progress {
	bool any;
	struct mark mark;
};

/* The letters of a series, which are read file by file. */
struct feed {
	struct series series;
	struct progress *progress; /* of each of its files */
	size_t at;                 /* the file being read */
	struct reader *reader;     /* of that file; NULL: not opened yet */
	struct record record;      /* the line of `next` */
	struct item next;          /* the letter to be returned next */
	bool has_next;
};

struct store {
	struct feed *feed; /* in the order of store_open()'s list */
	size_t n;
	size_t given; /* the feed of the letter returned last; n: none yet */
	bool skip_foreign;
	uint64_t torn, foreign; /* lines */
	char *first_foreign;    /* "FILE: line 4"; NULL: there is none */
};

struct store *
store_open(char **files, const struct store_how *how)
{
	struct store *s = must(calloc(1, sizeof(*s)));

	while (files[s->n] != NULL)
		s->n++;
	s->given = s->n;
	s->skip_foreign = how->skip_foreign;
	s->feed = must(calloc(s->n, sizeof(*s->feed)));
	for (size_t i = 0; i < s->n; i++) {
		struct feed *f = &s->feed[i];

		series_open(&f->series, files[i], how->locked);
		f->progress = must(calloc(f->series.n, sizeof(*f->progress)));
	}
	return s;
}

/* Warns about lines that are not letters.  Returns the exit status. */
static int
report_foreign(const struct store *s)
{
	if (s->foreign == 0)
		return 0;
	if (!s->skip_foreign) {
		warnx("%s is not a dead letter: is this a dead-letter file? "
		      "(--skip-foreign goes on)",
		    s->first_foreign);
		return 2;
	}
	if (s->foreign == 1)
		warnx("%s is not a dead letter: skipped", s->first_foreign);
	else
		warnx("%s and %ju more are not dead letters: skipped", s->first_foreign,
		    (uintmax_t)s->foreign - 1);
	return 0;
}

int
store_close(struct store *s)
{
	int status;

	for (size_t i = 0; i < s->n; i++) {
		struct feed *f = &s->feed[i];

		record_free(&f->record);
		reader_free(f->reader);
		series_close(&f->series);
		free(f->progress);
	}
	if (s->torn > 0)
		warnx("%ju incomplete line%s skipped", (uintmax_t)s->torn, s->torn == 1 ? "" : "s");
	status = report_foreign(s);
	free(s->first_foreign);
	free(s->feed);
	free(s);
	return status;
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
is_there(const struct series_file *p, const struct mark *mark)
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
	    envelope_kind_anywhere(line, (size_t)len) == ENVELOPE_LETTER) {
		envelope_identity(line, (size_t)len, &found);
		envelope_look(line, (size_t)len, &view);
	}
	same = strcmp(found.id, mark->id) == 0 && envelope_time(&view.failed) == mark->failed;
	free(line);
	return same;
}

/* Takes up a mark where it says that its letter is. */
static bool
take_mark(struct feed *f, const struct mark *mark)
{
	bool found = false;

	for (size_t i = 0; i < f->series.n; i++)
		if (f->series.file[i].inode == mark->place.inode &&
		    is_there(&f->series.file[i], mark)) {
			f->progress[i] = (struct progress){true, *mark};
			found = true;
		}
	return found;
}

/* Reads the next line of a file.  False: the file has ended. */
static bool
read_line(struct reader *reader, const struct series_file *file, struct record *line)
{
	ssize_t n;

	while (!reader_line(reader, line)) {
		if ((n = reader_fill(reader)) == -1)
			err(2, "%s", file->path);
		if (n == 0 && !reader_rest(reader, line))
			return false;
		if (n == 0)
			break;
	}
	if (line->offset < file->size)
		return true;
	record_free(line); /* appended after the file was opened */
	return false;
}

static struct reader *
open_reader(const struct series_file *file)
{
	struct reader_limits limits = {.max = READER_NO_LIMIT};

	return must(reader_new(file->fd, &limits));
}

static struct place
place_of(const struct store *s, const struct feed *f, const struct record *line)
{
	return (struct place){.file = (size_t)(f - s->feed),
	    .inode = f->series.file[f->at].inode,
	    .start = line->offset,
	    .end = line->offset + line->len + 1};
}

/* Whether the letter on this line is the marked one. */
static bool
is_marked(const struct record *line, const struct mark *mark)
{
	struct envelope_id id;
	struct envelope_view view;

	if (memmem(line->data, line->len, mark->id, strlen(mark->id)) == NULL ||
	    envelope_kind_anywhere(line->data, line->len) != ENVELOPE_LETTER)
		return false;
	envelope_identity(line->data, line->len, &id);
	envelope_look(line->data, line->len, &view);
	return strcmp(id.id, mark->id) == 0 && envelope_time(&view.failed) == mark->failed;
}

/* Looks for any of the marks' letters in a file, and takes the mark up. */
static bool
search_file(struct store *s, struct feed *f, const struct mark *marks, size_t n)
{
	const struct series_file *file = &f->series.file[f->at];
	struct progress *progress = &f->progress[f->at];
	struct reader *reader = open_reader(file);
	struct record line;

	while (!progress->any && read_line(reader, file, &line)) {
		for (size_t i = 0; i < n && !progress->any; i++)
			if (is_marked(&line, &marks[i])) {
				*progress = (struct progress){true, marks[i]};
				progress->mark.place = place_of(s, f, &line);
			}
		record_free(&line);
	}
	reader_free(reader);
	if (lseek(file->fd, 0, SEEK_SET) == -1)
		err(2, "%s", file->path);
	return progress->any;
}

bool
store_seek(struct store *s, size_t file, const struct mark *marks, size_t n)
{
	struct feed *f = &s->feed[file];
	bool found = false;

	for (size_t i = 0; i < n; i++)
		if (take_mark(f, &marks[i]))
			found = true;

	/* The letters may stand in a copy, too, beside the file or instead. */
	for (f->at = 0; f->at < f->series.n; f->at++)
		if (!f->progress[f->at].any && search_file(s, f, marks, n))
			found = true;
	f->at = 0;
	return found;
}

void
store_pass(struct store *s, const struct item *e)
{
	struct feed *f = &s->feed[e->place.file];

	f->progress[f->at].any = true;
	store_mark(e, &f->progress[f->at].mark);
}

size_t
store_marks(const struct store *s, size_t file, struct mark **marks)
{
	const struct feed *f = &s->feed[file];
	size_t n = 0;

	*marks = must(calloc(f->series.n + 1, sizeof(**marks)));
	for (size_t i = f->series.n; i-- > 0;)
		if (f->progress[i].any)
			(*marks)[n++] = f->progress[i].mark;
	return n;
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

/* Remembers a line that is not a letter. */
static void
note_foreign(struct store *s, const struct series_file *file, const struct record *line)
{
	if (s->foreign++ == 0 &&
	    asprintf(&s->first_foreign, "%s: line %ju", file->path, (uintmax_t)line->line) == -1)
		errx(2, "out of memory");
}

/*
 * Makes the line just read the feed's next letter.  False: it is not a letter;
 * blank lines are skipped, torn and foreign ones are counted.
 */
static bool
take_letter(struct store *s, struct feed *f)
{
	const struct series_file *file = &f->series.file[f->at];
	const struct progress *progress = &f->progress[f->at];
	struct record *line = &f->record;
	struct item *e = &f->next;

	if (envelope_kind_anywhere(line->data, line->len) == ENVELOPE_LETTER) {
		e->line = line->data;
		e->len = line->len;
		envelope_look(e->line, e->len, &e->view);
		e->place = place_of(s, f, line);
		e->path = file->path;
		e->replayed = progress->any && e->place.end <= progress->mark.place.end;
		e->failed = envelope_time(&e->view.failed);
		return true;
	}
	if (is_torn(line))
		s->torn += !json_blank(line->data, line->len);
	else
		note_foreign(s, file, line);
	record_free(line);
	return false;
}

/* Whether a line has been found at which the store ends. */
static bool
has_ended(const struct store *s)
{
	return s->foreign > 0 && !s->skip_foreign;
}

/* Reads on to the feed's next letter, from file to file. */
static void
load_next(struct store *s, struct feed *f)
{
	record_free(&f->record);
	f->has_next = false;
	while (f->at < f->series.n && !has_ended(s)) {
		const struct series_file *file = &f->series.file[f->at];

		if (f->reader == NULL)
			f->reader = open_reader(file);
		if (!read_line(f->reader, file, &f->record)) {
			reader_free(f->reader);
			f->reader = NULL;
			f->at++;
		} else if (take_letter(s, f)) {
			f->has_next = true;
			return;
		}
	}
}

bool
store_next(struct store *s, struct item *e)
{
	const struct feed *first = NULL;

	/*
	 * Every feed has its next letter at hand, but for the one whose
	 * letter was returned last; at first, none has.
	 */
	for (size_t i = 0; i < s->n; i++)
		if (s->given == s->n || s->given == i)
			load_next(s, &s->feed[i]);

	/* The earliest of these letters; of equal ones, the first operand's. */
	for (size_t i = 0; i < s->n; i++)
		if (s->feed[i].has_next &&
		    (first == NULL || s->feed[i].next.failed < first->next.failed))
			first = &s->feed[i];
	if (first == NULL || has_ended(s))
		return false;

	/* Its line must live until the next call, so load the next one then. */
	s->given = (size_t)(first - s->feed);
	*e = first->next;
	return true;
}
