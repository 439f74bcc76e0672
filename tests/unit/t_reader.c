/*
 * Every text is read in many ways: byte by byte, in every possible split,
 * through pipes and files.  Each way must give the lines that a simple model
 * gives.
 */

#include "record/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "record/record.h"
#include "t.h"
#include "t_random.h"

#define PIPE_SIZE 65536
#define LINES_MAX 4096

struct text {
	const char *name;
	char *data;
	size_t len;
	struct reader_limits limits;
	bool parks; /* after each read the reader is parked */
};

/* The record that a line must become. */
struct want {
	const char *data;
	size_t len;
	uint64_t full_len, line, offset;
};

enum hold { FREE_AT_ONCE, HOLD_SOME, HOLD_ALL };

static bool
begins_with_s(const char *head, size_t len)
{
	return len > 0 && head[0] == 'S';
}

/* The model: cuts the text at its LFs. */
static size_t
model(const struct text *t, struct want *w)
{
	size_t n = 0, at = 0;
	uint64_t line = 0;

	while (at < t->len) {
		const char *start = t->data + at, *lf = memchr(start, '\n', t->len - at);
		size_t len = lf != NULL ? (size_t)(lf - start) : t->len - at, bom = 0, max;

		if (at == 0 && t->limits.strip_bom && len >= 3 &&
		    memcmp(start, "\xef\xbb\xbf", 3) == 0)
			bom = 3;
		line++;
		if (lf != NULL || len > bom) {
			w[n] = (struct want){start + bom, len - bom, 0, line, at + bom};
			max = t->limits.special != NULL && t->limits.special(start + bom, len - bom)
			    ? t->limits.max_special
			    : t->limits.max;
			if (w[n].len > max) {
				w[n].full_len = w[n].len;
				if (w[n].len > READER_HEAD)
					w[n].len = READER_HEAD;
			}
			n++;
		}
		at += len + 1;
	}
	return n;
}

/* A text that is being read in one way. */
struct run {
	const struct text *text;
	const char *how;
	struct reader *reader;
	struct want want[LINES_MAX];
	size_t nwant;
	struct record got[LINES_MAX];
	size_t ngot, freed;
	enum hold hold;
};

static bool
is_right(const struct run *run, size_t i)
{
	const struct want *w = &run->want[i];
	const struct record *r = &run->got[i];

	if (CHECK(
		i < run->nwant, "%s, %s: one line more than there are", run->text->name, run->how))
		return false;
	return !CHECK(r->len == w->len && r->full_len == w->full_len && r->line == w->line &&
		r->offset == w->offset && memcmp(r->data, w->data, w->len) == 0 &&
		r->data[r->len] == '\n',
	    "%s, %s: line %ju at %ju, %zu bytes of %ju; want line %ju at %ju, %zu bytes of %ju",
	    run->text->name, run->how, (uintmax_t)r->line, (uintmax_t)r->offset, r->len,
	    (uintmax_t)r->full_len, (uintmax_t)w->line, (uintmax_t)w->offset, w->len,
	    (uintmax_t)w->full_len);
}

static void
take_lines(struct run *run, bool ended)
{
	for (;;) {
		struct record *r = &run->got[run->ngot];

		memset(r, 0xff, sizeof(*r));
		if (!reader_line(run->reader, r) && !(ended && reader_rest(run->reader, r)))
			return;
		CHECK(r->end == reader_place(run->reader).offset &&
		    r->line == reader_place(run->reader).lines && r->came == 0 &&
		    r->reserved == 0 && r->origin == NULL && r->attempts == 0 &&
		    r->kind == RECORD_DATA);
		is_right(run, run->ngot++);
		if (run->hold == FREE_AT_ONCE || (run->hold == HOLD_SOME && run->ngot % 3 != 0))
			record_free(r);
		else if (run->hold == HOLD_SOME && run->ngot > run->freed + 30)
			for (; run->freed + 10 < run->ngot; run->freed++)
				record_free(&run->got[run->freed]);
	}
}

/* Records that were held must not have been overwritten. */
static void
finish(struct run *run)
{
	CHECK(run->ngot == run->nwant, "%s, %s: %zu lines, want %zu", run->text->name, run->how,
	    run->ngot, run->nwant);
	CHECK(reader_bytes(run->reader) == run->text->len && reader_pending(run->reader) == 0);
	reader_free(run->reader);
	for (size_t i = 0; i < run->ngot && i < run->nwant; i++)
		if (run->got[i].slab != NULL)
			is_right(run, i);
	record_freen(run->got, run->ngot);
}

static struct run *
begin(const struct text *t, const char *how, int fd, enum hold hold)
{
	struct run *run = calloc(1, sizeof(*run));

	run->text = t;
	run->how = how;
	run->hold = hold;
	run->nwant = model(t, run->want);
	run->reader = reader_new(fd, &t->limits);
	return run;
}

/*
 * Through a pipe, in writes of piece(at, arg) bytes, each of which is taken at
 * once.
 */
static void
by_pipe(const struct text *t, const char *how, enum hold hold, size_t (*piece)(size_t, size_t),
    size_t arg)
{
	int fds[2];
	struct run *run;
	size_t at = 0, n;

	if (CHECK(pipe(fds) == 0))
		return;
	run = begin(t, how, fds[0], hold);
	while (at < t->len) {
		n = piece(at, arg);
		if (n > t->len - at)
			n = t->len - at;
		CHECK(write(fds[1], t->data + at, n) == (ssize_t)n);
		at += n;
		while (reader_bytes(run->reader) < at) {
			if (CHECK(reader_fill(run->reader) > 0))
				break;
			take_lines(run, false);
			if (t->parks)
				reader_park(run->reader);
		}
	}
	close(fds[1]);
	CHECK(reader_fill(run->reader) == 0);
	take_lines(run, true);
	finish(run);
	close(fds[0]);
	free(run);
}

static void
by_file(const struct text *t, enum hold hold)
{
	int fd = memfd_create("text", 0);
	struct run *run;
	ssize_t n;

	if (CHECK(fd != -1) || CHECK(write(fd, t->data, t->len) == (ssize_t)t->len))
		return;
	lseek(fd, 0, SEEK_SET);
	run = begin(t, "file", fd, hold);
	while ((n = reader_fill(run->reader)) > 0) {
		take_lines(run, false);
		if (t->parks)
			reader_park(run->reader);
	}
	CHECK(n == 0);
	take_lines(run, true);
	finish(run);
	close(fd);
	free(run);
}

static size_t
evenly(size_t at, size_t size)
{
	(void)at;
	return size;
}

/* Bit i of the mask: split after byte i. */
static size_t
by_mask(size_t at, size_t mask)
{
	size_t n = 1;

	while (at + n < 16 && (mask >> (at + n - 1) & 1) == 0)
		n++;
	return n;
}

/* Split after this many bytes. */
static size_t
at_byte(size_t at, size_t upto)
{
	return at < upto && upto - at < PIPE_SIZE ? upto - at : PIPE_SIZE;
}

static size_t
at_random(size_t at, size_t most)
{
	return 1 + (at * 2654435761U >> 7) % most;
}

static void
test_every_split(void)
{
	static const char *const texts[] = {"", "\n", "a", "a\n\nbc\nd\r\n", "\n\n\na",
	    "ab\ncd\nefgh",
	    "\xef\xbb\xbf"
	    "a\nb",
	    "\xef\xbb\xbf", "\xef\xbb\xbf\n\n", "\xef\xbb\n\xbf",
	    "a\n\xef\xbb\xbf"
	    "b\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t len = strlen(texts[i]);

		for (int bom = 0; bom < 2; bom++) {
			struct text t = {
			    texts[i], strdup(texts[i]), len, {.max = 3, .strip_bom = bom}, false};

			for (size_t mask = 0; mask < (size_t)1 << (len > 1 ? len - 1 : 0); mask++)
				by_pipe(
				    &t, "split", mask % 2 ? HOLD_ALL : FREE_AT_ONCE, by_mask, mask);
			by_file(&t, HOLD_ALL);
			free(t.data);
		}
	}
}

/*
 * A text with lines of these lengths; a negative length is a last line without
 * an LF.
 */
static struct text
make_text(
    const char *name, const long *lengths, size_t n, const char *start, struct reader_limits limits)
{
	struct text t = {.name = name, .limits = limits};
	size_t room = strlen(start);

	for (size_t i = 0; i < n; i++)
		room += (size_t)labs(lengths[i]) + 1;
	t.data = malloc(room);
	t.len = strlen(start);
	memcpy(t.data, start, t.len);
	for (size_t i = 0; i < n; i++) {
		for (long j = 0; j < labs(lengths[i]); j++)
			t.data[t.len++] = (char)('a' + (i + (size_t)j) % 26);
		if (lengths[i] >= 0)
			t.data[t.len++] = '\n';
	}
	return t;
}

/* As one of many inputs: in small steps, and parked after each read. */
static void
as_one_of_many(const struct text *t)
{
	struct text many = *t;

	many.parks = true;
	by_file(&many, HOLD_SOME);
	by_pipe(&many, "parked", FREE_AT_ONCE, at_random, 3000);
	many.limits.chunk = 4096;
	by_file(&many, FREE_AT_ONCE);
	by_file(&many, HOLD_ALL);
	by_pipe(&many, "parked, small slabs", HOLD_SOME, at_random, 3000);
	by_pipe(&many, "parked, small slabs", FREE_AT_ONCE, evenly, PIPE_SIZE);
	many.parks = false;
	by_pipe(&many, "small slabs", HOLD_SOME, at_random, 3000);
}

static void
in_all_ways(const struct text *t)
{
	as_one_of_many(t);
	by_file(t, FREE_AT_ONCE);
	by_file(t, HOLD_SOME);
	by_file(t, HOLD_ALL);
	by_pipe(t, "whole", HOLD_ALL, evenly, PIPE_SIZE);
	by_pipe(t, "whole", FREE_AT_ONCE, evenly, PIPE_SIZE);
	by_pipe(t, "4095", HOLD_SOME, evenly, 4095);
	by_pipe(t, "random", HOLD_SOME, at_random, 3000);
	by_pipe(t, "random", FREE_AT_ONCE, at_random, PIPE_SIZE);
}

/*
 * Lines that end just before, on and after the borders of a slab, of its half
 * and of its room.
 */
static void
test_slab_borders(void)
{
	static const long borders[] = {
	    SLAB_SIZE, SLAB_SIZE / 2, SLAB_SIZE - 16 * 1024, 2 * SLAB_SIZE};
	struct reader_limits limits = {.max = 1 << 20};

	for (size_t i = 0; i < sizeof(borders) / sizeof(borders[0]); i++)
		for (long d = -3; d <= 2; d++) {
			long lengths[] = {borders[i] + d, 5, borders[i] + d, 0, -7};
			struct text t = make_text("slab border", lengths, 5, "", limits);

			by_file(&t, HOLD_ALL);
			by_file(&t, FREE_AT_ONCE);
			by_pipe(&t, "whole", HOLD_SOME, evenly, PIPE_SIZE);
			free(t.data);
		}
}

static void
test_long_lines(void)
{
	long lengths[] = {10, 300000, 0, 1 << 20, 1, SLAB_SIZE - 1, 700000, 3, -500000};
	struct reader_limits limits = {.max = 1 << 20};
	struct text t = make_text("long lines", lengths, 9, "", limits);

	in_all_ways(&t);
	free(t.data);
}

static void
test_limits(void)
{
	static const size_t max[] = {
	    1, 10, READER_HEAD - 1, READER_HEAD, READER_HEAD + 1, 100000, 200000};

	for (size_t i = 0; i < sizeof(max) / sizeof(max[0]); i++) {
		long m = (long)max[i];
		long lengths[] = {
		    m, m + 1, m - 1, 0, 5 * m, 3, m + READER_HEAD, m + SLAB_SIZE, 2, -(m + 1)};
		struct reader_limits limits = {.max = max[i]};
		struct text t = make_text("limits", lengths, 10, "", limits);

		in_all_ways(&t);
		free(t.data);
		lengths[9] = -(m + 70000);
		t = make_text("limits, too long at the end", lengths, 10, "", limits);
		in_all_ways(&t);
		free(t.data);
	}
}

/* A line that special() picks can be longer, up to max_special. */
static void
test_special(void)
{
	static const size_t max[] = {20, 70000, 150000};

	for (size_t i = 0; i < sizeof(max) / sizeof(max[0]); i++)
		for (long d = -1; d <= 1; d++) {
			struct reader_limits limits = {
			    .max = max[i], .max_special = max[i] * 2, .special = begins_with_s};
			long lengths[] = {(long)max[i] * 2 - 1 + d, 4, (long)max[i] + d, 1};
			struct text t = make_text("special", lengths, 4, "S", limits);

			in_all_ways(&t);
			free(t.data);
		}
}

/*
 * The byte order mark does not count, whether the line comes in one read or in
 * many.
 */
static void
test_bom_and_limits(void)
{
	static const size_t max[] = {10, 70000, 100000};
	static const long more[] = {-1, 0, 1, 2, 3, 4, 50000};

	for (size_t i = 0; i < sizeof(max) / sizeof(max[0]); i++)
		for (size_t j = 0; j < sizeof(more) / sizeof(more[0]); j++) {
			struct reader_limits limits = {.max = max[i],
			    .max_special = max[i] + 2,
			    .special = begins_with_s,
			    .strip_bom = true};
			long lengths[] = {(long)max[i] + more[j], 4, (long)max[i]};
			struct text t =
			    make_text("BOM and limit", lengths, 3, "\xef\xbb\xbf", limits);

			by_file(&t, HOLD_ALL);
			by_pipe(&t, "random", HOLD_SOME, at_random, 30000);
			by_pipe(&t, "LF alone", HOLD_ALL, at_byte, (size_t)lengths[0] + 3);
			free(t.data);
			t = make_text("BOM and special", lengths, 3, "\xef\xbb\xbfS", limits);
			by_file(&t, HOLD_ALL);
			by_pipe(&t, "random", HOLD_SOME, at_random, 30000);
			by_pipe(&t, "LF alone", HOLD_ALL, at_byte, (size_t)lengths[0] + 4);
			free(t.data);
		}
}

/* When all records have been freed the slab is used again from its start. */
static void
test_rewind(void)
{
	struct reader_limits limits = {.max = 1000};
	long lengths[LINES_MAX];
	struct slab *slab = NULL;
	struct record r, kept = {0};
	struct reader *reader;
	size_t others = 0;
	struct text t;
	int fd = memfd_create("text", 0);

	for (size_t i = 0; i < LINES_MAX; i++)
		lengths[i] = (long)(i * 7 % 990);
	t = make_text("rewind", lengths, LINES_MAX, "", limits);
	CHECK(t.len > 10 * SLAB_SIZE && write(fd, t.data, t.len) == (ssize_t)t.len);

	lseek(fd, 0, SEEK_SET);
	reader = reader_new(fd, &limits);
	while (reader_fill(reader) > 0)
		for (; reader_line(reader, &r); record_free(&r)) {
			others += slab != NULL && slab != r.slab;
			slab = r.slab;
		}
	CHECK(others == 0, "the slab was left %zu times", others);
	reader_free(reader);

	lseek(fd, 0, SEEK_SET);
	reader = reader_new(fd, &limits);
	slab = NULL;
	while (reader_fill(reader) > 0)
		while (reader_line(reader, &r)) {
			others += slab != NULL && slab != r.slab;
			slab = r.slab;
			record_free(&kept); /* one is always held */
			kept = r;
		}
	CHECK(others >= 9, "a slab in use was written over");
	reader_free(reader);
	CHECK(kept.slab->refs == 1, "the reader has given up its references, %zu are left",
	    (size_t)kept.slab->refs);
	record_free(&kept);
	free(t.data);
	close(fd);
}

static bool
is_text(const struct record *r, const char *text)
{
	return r->len == strlen(text) && memcmp(r->data, text, r->len) == 0 &&
	    r->data[r->len] == '\n';
}

/* What a reader that is parked still holds. */
static void
test_park(void)
{
	struct reader_limits limits = {.max = 200000};
	struct reader *reader;
	struct record r, held;
	struct slab *slab;
	char text[30000];
	int fds[2];

	memset(text, 'x', sizeof(text));
	CHECK(pipe(fds) == 0);
	reader = reader_new(fds[0], &limits);
	reader_park(reader); /* before the first read */
	/* Nothing but what records hold. */
	CHECK(write(fds[1], "ab\n", 3) == 3 && reader_fill(reader) == 3);
	CHECK(reader_line(reader, &held) && !reader_line(reader, &r));
	slab = held.slab;
	reader_park(reader);
	CHECK(atomic_load(&slab->refs) == 1 && is_text(&held, "ab"));
	CHECK(!reader_line(reader, &r) && !reader_block(reader, &r) && !reader_rest(reader, &r));
	/* Half a line, which moves to a slab of its size. */
	CHECK(write(fds[1], "c\nhal", 5) == 5 && reader_fill(reader) == 5);
	CHECK(reader_line(reader, &r) && is_text(&r, "c") && r.slab != slab && r.line == 2);
	slab = r.slab;
	CHECK(!reader_line(reader, &held));
	reader_park(reader);
	CHECK(atomic_load(&slab->refs) == 1 && reader_pending(reader) == 3);
	record_free(&r);
	reader_park(reader); /* twice */
	CHECK(!reader_line(reader, &r) && reader_pending(reader) == 3);
	CHECK(write(fds[1], "f\n", 2) == 2 && reader_fill(reader) == 2);
	CHECK(reader_line(reader, &r) && is_text(&r, "half") && r.line == 3 && r.offset == 5);
	record_free(&r);
	/* Half a line is the last one. */
	CHECK(write(fds[1], "end", 3) == 3 && reader_fill(reader) == 3 && !reader_line(reader, &r));
	reader_park(reader);
	CHECK(reader_rest(reader, &r) && is_text(&r, "end") && r.offset == 10);
	record_free(&r);
	/* A long line stays where it is. */
	CHECK(write(fds[1], text, sizeof(text)) == (ssize_t)sizeof(text));
	CHECK(reader_fill(reader) > 0 && !reader_line(reader, &r));
	reader_park(reader);
	CHECK(reader_pending(reader) == sizeof(text));
	/* A line that is too long is only its head. */
	for (size_t sent = 0; sent < limits.max; sent += sizeof(text)) {
		CHECK(write(fds[1], text, sizeof(text)) == (ssize_t)sizeof(text));
		CHECK(reader_fill(reader) > 0 && !reader_line(reader, &r));
		reader_park(reader);
	}
	CHECK(reader_line_is_over(reader) && reader_pending(reader) == 1);
	CHECK(write(fds[1], "\nok\n", 4) == 4 && reader_fill(reader) > 0);
	CHECK(reader_line(reader, &r) && r.len == READER_HEAD && r.full_len > limits.max &&
	    r.line == 5);
	record_free(&r);
	reader_park(reader); /* with a line that was not taken */
	CHECK(reader_line(reader, &r) && is_text(&r, "ok"));
	record_free(&r);
	record_free(&held);
	reader_free(reader);
	close(fds[0]);
	close(fds[1]);
}

/* A line without an end: only the head is kept. */
static void
test_endless(void)
{
	struct reader_limits limits = {.max = 100000};
	size_t len = 16 << 20;
	char *text = malloc(len);
	struct reader *reader;
	struct record r;
	int fd = memfd_create("text", 0);

	memset(text, 'x', len);
	CHECK(write(fd, text, len) == (ssize_t)len && write(fd, "\nok\n", 4) == 4);
	lseek(fd, 0, SEEK_SET);
	reader = reader_new(fd, &limits);
	while (reader_fill(reader) > 0 && !reader_line(reader, &r))
		CHECK(reader_pending(reader) > 0 && reader_pending(reader) < 400000);
	CHECK(r.full_len == len && r.len == READER_HEAD && r.line == 1 && r.offset == 0);
	CHECK(r.slab->size <= READER_HEAD + 1, "it holds no more than its head");
	record_free(&r);
	CHECK(reader_line(reader, &r) && r.len == 2 && r.line == 2 && r.offset == len + 1);
	record_free(&r);
	reader_free(reader);
	close(fd);
	free(text);
}

/* All lines at once, but one by one where one of them can be over the limit. */
static void
test_lines(void)
{
	struct reader_limits limits = {.max = 20};
	struct reader *reader;
	struct record r;
	int fds[2];

	CHECK(pipe2(fds, O_NONBLOCK) == 0);
	reader = reader_new(fds[0], &limits);
	CHECK(!reader_block(reader, &r));
	CHECK(write(fds[1], "ab\n\nc\nd", 7) == 7 && reader_fill(reader) == 7);
	CHECK(reader_block(reader, &r) && is_text(&r, "ab\n\nc") && r.full_len == 0);
	record_free(&r);
	CHECK(!reader_block(reader, &r) && reader_pending(reader) == 1);
	CHECK(write(fds[1], "\n", 1) == 1 && reader_fill(reader) == 1);
	CHECK(reader_block(reader, &r) && is_text(&r, "d") && !reader_block(reader, &r));
	record_free(&r);

	CHECK(write(fds[1], "a\n0123456789012345678901234\nb\n", 30) == 30);
	CHECK(reader_fill(reader) == 30);
	CHECK(reader_block(reader, &r) && is_text(&r, "a"));
	record_free(&r);
	CHECK(reader_block(reader, &r) && r.full_len == 25);
	record_free(&r);
	CHECK(reader_block(reader, &r) && is_text(&r, "b") && r.full_len == 0);
	record_free(&r);
	CHECK(write(fds[1], "e", 1) == 1 && reader_fill(reader) == 1);
	CHECK(!reader_block(reader, &r) && reader_rest(reader, &r) && is_text(&r, "e"));
	record_free(&r);
	reader_free(reader);
	close(fds[0]);
	close(fds[1]);
}

static void
test_errors(void)
{
	struct reader_limits limits = {.max = 100};
	struct reader *r;
	struct record rec;
	int fds[2];

	CHECK(pipe2(fds, O_NONBLOCK) == 0);
	r = reader_new(fds[0], &limits);
	CHECK(reader_fill(r) == -1 && errno == EAGAIN);
	CHECK(!reader_line(r, &rec) && !reader_rest(r, &rec));
	CHECK(write(fds[1], "ab", 2) == 2 && reader_fill(r) == 2);
	CHECK(!reader_line(r, &rec) && reader_pending(r) == 2 && reader_bytes(r) == 2);
	CHECK(reader_fill(r) == -1 && errno == EAGAIN);
	CHECK(write(fds[1], "c\n", 2) == 2 && reader_fill(r) == 2);
	CHECK(reader_line(r, &rec) && rec.len == 3 && memcmp(rec.data, "abc\n", 4) == 0);
	record_free(&rec);

	reader_free(r);
	r = reader_new(-1, &limits);
	CHECK(reader_fill(r) == -1 && errno == EBADF);
	reader_free(r);
	reader_free(NULL);
	close(fds[0]);
	close(fds[1]);
}

/* A line is parked after each of its bytes, and goes on. */
static void
test_park_bytes(void)
{
	static const char text[] = "{\"id\":12345678901234567890}\n";
	struct reader_limits limits = {.max = 1 << 20};
	struct record rec;

	for (size_t at = 0; at < sizeof(text) - 1; at++) {
		int fd[2];
		struct reader *r;

		CHECK(pipe(fd) == 0, "%m");
		r = reader_new(fd[0], &limits);
		for (size_t i = 0; i < sizeof(text) - 1; i++) {
			CHECK(write(fd[1], text + i, 1) == 1 && reader_fill(r) == 1, "at %zu", i);
			if (i < sizeof(text) - 2)
				CHECK(!reader_line(r, &rec), "at %zu", i);
			if (i >= at)
				reader_park(r);
		}
		CHECK(reader_line(r, &rec) && is_text(&rec, "{\"id\":12345678901234567890}"),
		    "parked from %zu on", at);
		record_free(&rec);
		reader_free(r);
		close(fd[0]);
		close(fd[1]);
	}
}

/* What was read last can be looked at and forgotten; a new text begins. */
static void
test_restart(void)
{
	struct reader_limits limits = {.max = 1 << 20};
	struct reader *r;
	struct record rec;
	int fd[2];

	CHECK(pipe(fd) == 0, "%m");
	r = reader_new(fd[0], &limits);
	CHECK(write(fd[1], "one\ntw", 6) == 6 && reader_fill(r) == 6, "%m");
	CHECK(reader_line(r, &rec) && is_text(&rec, "one"), "no line");
	record_free(&rec);
	CHECK(write(fd[1], "xyz", 3) == 3 && reader_fill(r) == 3, "%m");
	CHECK(memcmp(reader_filled(r, 3), "xyz", 3) == 0, "not what was read");
	reader_unfill(r, 3);
	CHECK(reader_bytes(r) == 6 && reader_pending(r) == 2, "not forgotten");
	CHECK(reader_rest(r, &rec) && is_text(&rec, "tw") && rec.line == 2, "no rest");
	record_free(&rec);
	reader_restart(r, (struct reader_place){.offset = 100});
	CHECK(write(fd[1], "new\n", 4) == 4 && reader_fill(r) == 4, "%m");
	CHECK(reader_line(r, &rec) && is_text(&rec, "new") && rec.line == 1 && rec.offset == 100,
	    "line %ju at %ju", (uintmax_t)rec.line, (uintmax_t)rec.offset);
	record_free(&rec);
	reader_free(r);
	close(fd[0]);
	close(fd[1]);
}

/* Lines that begin with a plus are not plain. */
static bool
no_plus(const void *arg, const char *line, size_t len)
{
	CHECK(arg == &no_plus, "plain() gets its argument");
	return len == 0 || line[0] != '+';
}

static struct reader_limits
run_limits(size_t max)
{
	return (struct reader_limits){.max = max, .plain = no_plus, .plain_arg = &no_plus};
}

static bool
is_run(const struct record *r, const char *text, uint64_t lines, uint64_t line, uint64_t offset)
{
	return is_text(r, text) && r->kind == (lines > 1 ? RECORD_RUN : RECORD_DATA) &&
	    r->lines == (lines > 1 ? lines : 0) && r->line == line && r->offset == offset &&
	    r->end == offset + r->len + 1 && r->reserved == 0 && r->origin == NULL &&
	    r->attempts == 0;
}

static bool
is_at(const struct reader *r, uint64_t offset, uint64_t lines)
{
	struct reader_place place = reader_place(r);

	return place.offset == offset && place.lines == lines;
}

/* Writes the text, and reads all of it. */
static void
feed(struct reader *r, int fd, const char *text)
{
	ssize_t len = (ssize_t)strlen(text);

	CHECK(write(fd, text, (size_t)len) == len && reader_fill(r) == len, "%m");
}

/* What ends a run: a line that is not plain, `most`, one that is unfinished. */
static void
test_run_ends(void)
{
	struct reader_limits limits = run_limits(100);
	struct reader *r;
	struct record rec;
	int fds[2];

	CHECK(pipe(fds) == 0, "%m");
	r = reader_new(fds[0], &limits);
	CHECK(reader_run(r, &rec, 9) == 0, "nothing was read");
	/* The first line of the input may have a byte order mark. */
	feed(r, fds[1], "first\na\n\nc\n+d\ne\nf\n+g\n+h\ni\nj\nhal");
	CHECK(reader_run(r, &rec, 9) == 0 && is_at(r, 0, 0));
	CHECK(reader_line(r, &rec) && is_text(&rec, "first"));
	record_free(&rec);
	/* plain() says no in the middle, and at the first line. */
	CHECK(reader_run(r, &rec, 0) == 0 && is_at(r, 6, 1));
	CHECK(reader_run(r, &rec, 9) == 3 && is_run(&rec, "a\n\nc", 3, 2, 6) && is_at(r, 11, 4));
	record_free(&rec);
	CHECK(reader_run(r, &rec, 9) == 0 && is_at(r, 11, 4));
	CHECK(reader_line(r, &rec) && is_text(&rec, "+d") && rec.line == 5 && rec.offset == 11);
	record_free(&rec);
	/* As many as wanted; one alone is no run. */
	CHECK(reader_run(r, &rec, 1) == 1 && is_run(&rec, "e", 1, 6, 14) && is_at(r, 16, 6));
	record_free(&rec);
	CHECK(reader_run(r, &rec, 9) == 1 && is_run(&rec, "f", 1, 7, 16) && is_at(r, 18, 7));
	record_free(&rec);
	for (int i = 0; i < 2; i++) {
		CHECK(reader_run(r, &rec, 9) == 0);
		CHECK(reader_line(r, &rec) && rec.line == 8 + (uint64_t)i);
		record_free(&rec);
	}
	/* What is unfinished stays, and is in no run before it has ended. */
	CHECK(reader_run(r, &rec, 2) == 2 && is_run(&rec, "i\nj", 2, 10, 24) && is_at(r, 28, 11));
	record_free(&rec);
	CHECK(reader_run(r, &rec, 9) == 0 && reader_pending(r) == 3 && is_at(r, 28, 11));
	CHECK(!reader_line(r, &rec) && reader_run(r, &rec, 9) == 0 && reader_pending(r) == 3);
	feed(r, fds[1], "f\nk\nend");
	CHECK(
	    reader_run(r, &rec, 9) == 2 && is_run(&rec, "half\nk", 2, 12, 28) && is_at(r, 35, 13));
	record_free(&rec);
	CHECK(reader_run(r, &rec, 9) == 0 && reader_rest(r, &rec) && is_text(&rec, "end") &&
	    rec.line == 14 && rec.offset == 35 && rec.kind == RECORD_DATA);
	record_free(&rec);
	CHECK(is_at(r, 38, 14));
	/* Another input has a first line, too. */
	reader_restart(r, (struct reader_place){0});
	feed(r, fds[1], "l\nm\n");
	CHECK(reader_run(r, &rec, 9) == 0 && reader_line(r, &rec) && is_text(&rec, "l"));
	record_free(&rec);
	CHECK(reader_run(r, &rec, 9) == 1 && is_run(&rec, "m", 1, 2, 2));
	record_free(&rec);
	/* One that begins in its middle has none. */
	reader_restart(r, (struct reader_place){.offset = 100, .lines = 10});
	feed(r, fds[1], "n\no\n");
	CHECK(reader_run(r, &rec, 9) == 2 && is_run(&rec, "n\no", 2, 11, 100));
	record_free(&rec);
	reader_free(r);
	close(fds[0]);
	close(fds[1]);
}

/* A line over the limit ends the run, and comes as it would without runs. */
static void
test_run_limit(void)
{
	struct reader_limits limits = run_limits(5);
	char *text = malloc(READER_HEAD + 1000);
	struct reader *r;
	struct record rec;
	int fds[2];

	CHECK(pipe(fds) == 0, "%m");
	r = reader_new(fds[0], &limits);
	feed(r, fds[1], "1\n12345\n12345\n123456\n7\n8\n");
	CHECK(reader_line(r, &rec));
	record_free(&rec);
	CHECK(reader_run(r, &rec, 9) == 2 && is_run(&rec, "12345\n12345", 2, 2, 2), "just as long");
	record_free(&rec);
	CHECK(reader_run(r, &rec, 9) == 0 && is_at(r, 14, 3));
	CHECK(reader_line(r, &rec) && rec.full_len == 6 && rec.line == 4 && rec.offset == 14);
	record_free(&rec);
	CHECK(reader_run(r, &rec, 9) == 2 && is_run(&rec, "7\n8", 2, 5, 21));
	record_free(&rec);
	/* Nothing is taken in the middle of one whose head is kept. */
	memset(text, 'x', READER_HEAD);
	memcpy(text + READER_HEAD, "yyyy", 5);
	for (const char *at = text; *at != '\0'; at += strlen(at) < 1000 ? strlen(at) : 1000) {
		size_t n = strlen(at) < 1000 ? strlen(at) : 1000;

		CHECK(write(fds[1], at, n) == (ssize_t)n && reader_fill(r) == (ssize_t)n);
		CHECK(reader_run(r, &rec, 9) == 0 && !reader_line(r, &rec));
		CHECK(reader_run(r, &rec, 9) == 0);
	}
	CHECK(reader_line_is_over(r));
	feed(r, fds[1], "zz\n9\n0\n");
	CHECK(reader_run(r, &rec, 9) == 0, "it has not been taken");
	CHECK(reader_line(r, &rec) && rec.full_len == READER_HEAD + 6 && rec.line == 7);
	record_free(&rec);
	CHECK(reader_run(r, &rec, 9) == 2 && is_run(&rec, "9\n0", 2, 8, 25 + READER_HEAD + 7));
	record_free(&rec);
	reader_free(r);
	free(text);
	close(fds[0]);
	close(fds[1]);
}

/* The references of a run and of a line that was not kept are right. */
static void
test_run_references(void)
{
	struct reader_limits limits = run_limits(5);
	struct record run, line;
	struct reader *r;
	int fds[2];

	CHECK(pipe(fds) == 0, "%m");
	r = reader_new(fds[0], &limits);
	feed(r, fds[1], "1\n2\n3\n+4\n5\n6\n");
	CHECK(reader_line(r, &line));
	reader_take_back(r);
	CHECK(reader_run(r, &run, 9) == 2);
	for (int i = 0; i < 3; i++) {
		CHECK(reader_line(r, &line));
		reader_take_back(r);
	}
	CHECK(is_text(&line, "6") && is_at(r, 13, 6));
	reader_free(r);
	CHECK(run.slab->refs == 1, "the run has one: %zu", (size_t)run.slab->refs);
	CHECK(is_text(&run, "2\n3"));
	record_free(&run);
	close(fds[0]);
	close(fds[1]);

	/* Only lines that were given back: the slab is the reader's again. */
	CHECK(pipe(fds) == 0, "%m");
	limits.chunk = 64;
	r = reader_new(fds[0], &limits);
	feed(r, fds[1], "1\n");
	CHECK(reader_line(r, &line));
	for (int i = 0; i < 100; i++) {
		const struct slab *slab = line.slab;

		reader_take_back(r);
		feed(r, fds[1], "abcde\n");
		CHECK(reader_line(r, &line) && line.slab == slab, "%d: another slab", i);
	}
	reader_take_back(r);
	reader_free(r);
	close(fds[0]);
	close(fds[1]);
}

static size_t
below(size_t n)
{
	return (size_t)(next_random() >> 11) % n;
}

/* A text of short lines, some not plain, some over the limit, some empty. */
static size_t
random_text(char *text, size_t room)
{
	size_t len = 0, most = 1 + below(20);

	while (len + most + 2 < room) {
		if (below(8) == 0)
			text[len++] = '+';
		for (size_t n = below(most); n > 0; n--)
			text[len++] = (char)('a' + below(26));
		text[len++] = '\n';
	}
	return len - below(2);
}

/* One line of the text, as reader_line() and as a run say it. */
static void
is_same_line(const struct record *a, const struct record *b, int round)
{
	CHECK(a->len == b->len && memcmp(a->data, b->data, a->len + 1) == 0 && a->line == b->line &&
		a->offset == b->offset && a->full_len == b->full_len && a->kind == b->kind,
	    "round %d: line %ju at %ju, not line %ju at %ju", round, (uintmax_t)b->line,
	    (uintmax_t)b->offset, (uintmax_t)a->line, (uintmax_t)a->offset);
}

/* The text by reader_line() alone, in one read. */
static size_t
plain_lines(const char *text, size_t len, const struct reader_limits *limits, struct record *out)
{
	struct reader *r;
	size_t n = 0;
	int fds[2];

	CHECK(pipe(fds) == 0 && write(fds[1], text, len) == (ssize_t)len, "%m");
	close(fds[1]);
	r = reader_new(fds[0], limits);
	while (reader_fill(r) > 0)
		while (reader_line(r, &out[n]))
			n++;
	n += reader_rest(r, &out[n]);
	reader_free(r);
	close(fds[0]);
	return n;
}

/* A text that is read with runs, beside the records that it must become. */
struct mix {
	int round;
	char text[2000];
	size_t len;
	struct reader *reader;
	struct record want[LINES_MAX];
	size_t nwant, n;
	struct record held[64];
	size_t nheld;
	uint64_t runs, in_runs, all; /* of all rounds */
};

/* Some are held, so that what is read next must not be written over them. */
static void
hold_some(struct mix *m, const struct record *r)
{
	if (below(8) != 0 || m->nheld == 64)
		return;
	atomic_fetch_add(&r->slab->refs, 1);
	m->held[m->nheld++] = *r;
}

static void
free_held(struct mix *m)
{
	for (size_t i = 0; i < m->nheld; i++) {
		const struct record *r = &m->held[i];

		CHECK(memcmp(r->data, m->text + r->offset, r->len) == 0, "round %d: written over",
		    m->round);
	}
	record_freen(m->held, m->nheld);
	m->nheld = 0;
}

/* Up to `most` lines are taken as a run, or else one line.  False: no line. */
static bool
take_mixed(struct mix *m, size_t most)
{
	struct reader_place before = reader_place(m->reader), after;
	struct record r, got[LINES_MAX];
	size_t taken = reader_run(m->reader, &r, most), n = taken > 0 ? taken : 1;

	if (taken == 0 && !reader_line(m->reader, &r))
		return false;
	after = reader_place(m->reader);
	CHECK(r.end == after.offset && after.lines == before.lines + n && record_count(&r) == n);
	CHECK(taken <= most && (taken == 0 || m->n > 0), "%zu at line %zu", taken, m->n);
	if (CHECK(m->n + n <= m->nwant, "round %d: more than there are", m->round))
		return false;
	hold_some(m, &r);
	CHECK(record_spread(&r, got, n) == n);
	for (size_t i = 0; i < n; i++) {
		is_same_line(&m->want[m->n++], &got[i], m->round);
		CHECK(taken == 0 || got[i].data[0] != '+', "round %d: not plain", m->round);
	}
	record_freen(got, n);
	m->runs += taken > 1;
	m->in_runs += taken;
	return true;
}

static void
read_mixed(struct mix *m, int fds[2])
{
	size_t most = 1 + below(m->round % 4 == 0 ? 10 : 500);
	struct record rest;

	for (size_t at = 0, n; at < m->len; at += n) {
		n = 1 + below(most);
		n = n < m->len - at ? n : m->len - at;
		CHECK(write(fds[1], m->text + at, n) == (ssize_t)n, "%m");
		while (reader_bytes(m->reader) < at + n) {
			CHECK(reader_fill(m->reader) > 0, "%m");
			while (take_mixed(m, below(4) == 0 ? 0 : 1 + below(30)))
				continue;
		}
		if (below(16) == 0) {
			reader_park(m->reader);
			CHECK(reader_run(m->reader, &rest, 9) == 0);
		}
	}
	close(fds[1]);
	CHECK(reader_fill(m->reader) == 0 && reader_run(m->reader, &rest, 9) == 0);
	if (reader_rest(m->reader, &rest)) {
		is_same_line(&m->want[m->n++], &rest, m->round);
		record_free(&rest);
	}
	CHECK(m->n == m->nwant, "round %d: %zu of %zu", m->round, m->n, m->nwant);
}

/*
 * A text in reads of any size, with runs of any size and single lines in
 * between: the records are those of reader_line() alone.
 */
static void
test_run_mixed(void)
{
	struct mix *m = calloc(1, sizeof(*m));

	for (m->round = 0; m->round < 400; m->round++) {
		struct reader_limits limits = run_limits(1 + below(20));
		int fds[2];

		limits.strip_bom = m->round % 2;
		limits.chunk = m->round % 3 == 0 ? 64 + below(200) : 0;
		m->len = random_text(m->text, 30 + below(sizeof(m->text) - 30));
		if (m->round % 5 == 0)
			memcpy(m->text, "\xef\xbb\xbf", 3);
		m->n = 0;
		m->nwant = plain_lines(m->text, m->len, &limits, m->want);
		CHECK(pipe(fds) == 0, "%m");
		m->reader = reader_new(fds[0], &limits);
		read_mixed(m, fds);
		reader_free(m->reader);
		free_held(m);
		record_freen(m->want, m->nwant);
		m->all += m->nwant;
		close(fds[0]);
	}
	CHECK(m->runs > 1000 && m->in_runs > m->all / 4 && m->in_runs < m->all,
	    "%ju runs, %ju of %ju lines: this tries little", (uintmax_t)m->runs,
	    (uintmax_t)m->in_runs, (uintmax_t)m->all);
	free(m);
}

int
main(void)
{
	alarm(60);
	test_park_bytes();
	test_restart();
	test_every_split();
	test_slab_borders();
	test_long_lines();
	test_limits();
	test_special();
	test_bom_and_limits();
	test_rewind();
	test_park();
	test_endless();
	test_lines();
	test_run_ends();
	test_run_limit();
	test_run_references();
	test_run_mixed();
	test_errors();
	return t_end();
}
