#include "store.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "json/json.h"
#include "recall.h"
#include "record/reader.h"
#include "record/record.h"
#include "series.h"

#define LETTER_HEAD "{\"pchan\":\"dead-letter/1\""

/* The letters of a series, which are read file by file. */
struct feed {
	struct series series;
	struct memory *memory; /* of each of its files */
	size_t at;             /* the file being read */
	uint64_t letters;      /* of that file, read so far */
	struct reader *reader; /* of that file; NULL: not opened yet */
	struct record record;  /* the line of `next` */
	struct item next;      /* the letter to be returned next */
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
		f->memory = must(calloc(f->series.n, sizeof(*f->memory)));
		for (size_t j = 0; j < f->series.n; j++)
			f->memory[j] = memory_new(f->series.file[j].inode);
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
		for (size_t j = 0; j < f->series.n; j++)
			memory_free(&f->memory[j]);
		free(f->memory);
		series_close(&f->series);
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
	mark->start = e->place.start;
	mark->end = e->place.end;
	mark->failed = e->failed;
}

bool
store_recall(struct store *s, size_t file, const struct memory *memory, size_t n)
{
	struct feed *f = &s->feed[file];
	bool found = false;

	for (size_t i = 0; i < f->series.n; i++)
		if (recall_file(&f->memory[i], &f->series.file[i], memory, n))
			found = true;
	return found;
}

void
store_pass(struct store *s, const struct item *e, bool replayed)
{
	struct feed *f = &s->feed[e->place.file];
	struct mark mark;

	if (!replayed && !e->replayed) {
		memory_skip(&f->memory[f->at]);
		return;
	}
	store_mark(e, &mark);
	memory_pass(&f->memory[f->at], e->place.number, &mark);
}

size_t
store_memories(const struct store *s, size_t file, struct memory ***list)
{
	const struct feed *f = &s->feed[file];
	size_t n = 0;

	*list = must(calloc(f->series.n + 1, sizeof(**list)));
	for (size_t i = f->series.n; i-- > 0;)
		if (memory_any(&f->memory[i]))
			(*list)[n++] = &f->memory[i];
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

/* A mark is there if the file has the output of a stage: it means nothing. */
static bool
is_mark(const struct record *line)
{
	return json_first_member(line->data, line->len, "pchan", "mark/1");
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
 * blank lines and marks are skipped, torn and foreign ones are counted.
 */
static bool
take_letter(struct store *s, struct feed *f)
{
	const struct series_file *file = &f->series.file[f->at];
	const struct memory *memory = &f->memory[f->at];
	struct record *line = &f->record;
	struct item *e = &f->next;

	if (envelope_kind_anywhere(line->data, line->len) == ENVELOPE_LETTER) {
		e->line = line->data;
		e->len = line->len;
		envelope_look(e->line, e->len, &e->view);
		e->place = (struct place){.file = (size_t)(f - s->feed),
		    .inode = file->inode,
		    .start = line->offset,
		    .end = line->offset + line->len + 1,
		    .number = f->letters++};
		e->path = file->path;
		e->replayed = memory_has(memory, e->place.number, e->place.end);
		e->piped = e->replayed && memory->piped;
		e->failed = envelope_time(&e->view.failed);
		return true;
	}
	if (is_torn(line))
		s->torn += !json_blank(line->data, line->len);
	else if (!is_mark(line))
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
			f->reader = series_reader(file);
		if (!series_line(file, f->reader, &f->record)) {
			reader_free(f->reader);
			f->reader = NULL;
			f->letters = 0;
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
