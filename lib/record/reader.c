#include "record/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/record.h"

/*
 * With no more room than this part of a usual slab the unfinished line moves to
 * the start of a slab before the next read.
 */
#define ROOM_PART 8

/*
 * The reader holds BIAS references to its slab, and counts those that it gives
 * away without an atomic operation.  The difference is settled when it leaves
 * the slab.
 */
#define BIAS (SIZE_MAX / 2)

struct reader {
	int fd;
	struct reader_limits limits;
	struct slab *slab;  /* NULL: nothing is held */
	size_t given;       /* references given away */
	size_t start;       /* in the slab: start of what has not been taken */
	size_t scanned;     /* there is no LF in [start, scanned) */
	size_t end;         /* end of what has been read */
	bool discarding;    /* inside a line that is too long */
	struct record head; /* the kept head of that line */
	uint64_t dropped;   /* bytes of that line discarded so far */
	uint64_t line;      /* lines taken */
	uint64_t bytes;     /* bytes read: the offset of `end` in the input */
};

struct reader *
reader_new(int fd, const struct reader_limits *limits)
{
	struct reader *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->fd = fd;
	r->limits = *limits;
	if (r->limits.chunk == 0)
		r->limits.chunk = SLAB_SIZE;
	return r;
}

void
reader_set_fd(struct reader *r, int fd)
{
	r->fd = fd;
}

/* A slab for reading into. */
static struct slab *
usual_slab(const struct reader *r)
{
	return r->limits.chunk == SLAB_SIZE ? slab_new(SLAB_SIZE, BIAS)
					    : slab_new_exact(r->limits.chunk, BIAS);
}

static size_t
least_room(const struct reader *r)
{
	return r->limits.chunk / ROOM_PART;
}

static void
leave_slab(struct reader *r)
{
	if (r->slab != NULL)
		slab_release(r->slab, BIAS - r->given);
	r->slab = NULL;
	r->given = 0;
}

void
reader_free(struct reader *r)
{
	if (r == NULL)
		return;
	leave_slab(r);
	record_free(&r->head);
	free(r);
}

/* Whether all references that were given away have been given up. */
static bool
slab_is_ours(const struct reader *r)
{
	return atomic_load_explicit(&r->slab->refs, memory_order_acquire) == BIAS - r->given;
}

/*
 * The size of a slab in which an unfinished line of len bytes has room to grow:
 * twice its length, but no more than a line can have.
 */
static size_t
size_to_grow(const struct reader *r, size_t len)
{
	size_t most = r->limits.max > r->limits.max_special ? r->limits.max : r->limits.max_special;
	size_t size = 2 * len < most ? 2 * len : most;

	return (size < len ? len : size) + 2 * least_room(r);
}

/*
 * Moves the unfinished line to the start of this slab, which is ours with BIAS
 * references.
 */
static void
move_line(struct reader *r, struct slab *slab)
{
	size_t len = r->end - r->start;

	memcpy(slab->data, r->slab->data + r->start, len);
	leave_slab(r);
	r->slab = slab;
	r->scanned -= r->start;
	r->start = 0;
	r->end = len;
}

/* Makes room after the unfinished line. */
static int
make_room(struct reader *r)
{
	size_t len = r->end - r->start;
	struct slab *slab;

	if (r->slab == NULL)
		return (r->slab = usual_slab(r)) == NULL ? -1 : 0;
	/*
	 * Another slab, if records hold this one, the line fills half of it, or
	 * it is one in which the reader was parked.
	 */
	if (!slab_is_ours(r) || len > r->slab->size / 2 || r->slab->size < r->limits.chunk) {
		slab = len > r->limits.chunk / 2 ? slab_new_exact(size_to_grow(r, len), BIAS)
						 : usual_slab(r);
		if (slab == NULL)
			return -1;
		move_line(r, slab);
		return 0;
	}
	/* From here on none of BIAS references has been given away. */
	memmove(r->slab->data, r->slab->data + r->start, len);
	atomic_store_explicit(&r->slab->refs, BIAS, memory_order_relaxed);
	r->given = 0;
	r->scanned -= r->start;
	r->start = 0;
	r->end = len;
	return 0;
}

void
reader_park(struct reader *r)
{
	size_t len = r->end - r->start;
	struct slab *slab;

	if (r->slab == NULL || (len > 0 && r->slab->size / 4 <= len))
		return;
	if (len == 0) {
		leave_slab(r);
		r->start = r->scanned = r->end = 0;
	} else if ((slab = slab_new_exact(len + 1, BIAS)) != NULL)
		move_line(r, slab);
}

ssize_t
reader_fill(struct reader *r)
{
	ssize_t n;

	/* One byte stays free, for the LF that the last line may lack. */
	if ((r->slab == NULL || r->slab->size - r->end <= least_room(r)) && make_room(r) == -1)
		return -1;
	do {
		n = read(r->fd, r->slab->data + r->end, r->slab->size - r->end - 1);
	} while (n == -1 && errno == EINTR);
	if (n > 0) {
		r->end += (size_t)n;
		r->bytes += (uint64_t)n;
	}
	return n;
}

const char *
reader_filled(const struct reader *r, size_t n)
{
	return r->slab->data + r->end - n;
}

void
reader_unfill(struct reader *r, size_t n)
{
	r->end -= n;
	r->bytes -= n;
}

void
reader_restart(struct reader *r, struct reader_place place)
{
	r->bytes = place.offset;
	r->line = place.lines;
}

struct reader_place
reader_place(const struct reader *r)
{
	return (struct reader_place){r->bytes - (r->end - r->start), r->line};
}

static size_t
limit_of(const struct reader *r, const char *data, size_t len)
{
	if (r->limits.special != NULL && len > r->limits.max && r->limits.special(data, len))
		return r->limits.max_special;
	return r->limits.max;
}

/* The length of a byte order mark at the start of a line: 3 or 0. */
static size_t
bom_len(const struct reader *r, uint64_t offset, const char *data, size_t len)
{
	return r->limits.strip_bom && offset == 0 && len >= 3 &&
		memcmp(data, "\xef\xbb\xbf", 3) == 0
	    ? 3
	    : 0;
}

static void
skip_bom(const struct reader *r, struct record *rec)
{
	size_t skip = bom_len(r, rec->offset, rec->data, rec->len);

	rec->data += skip;
	rec->len -= skip;
	rec->offset += skip;
}

void
reader_shorten(struct record *rec)
{
	rec->full_len = rec->len;
	if (rec->len <= READER_HEAD)
		return;
	rec->len = READER_HEAD;
	rec->data[rec->len] = '\n';
}

/*
 * Makes a record of [start, start+len), which an LF follows: a view into the
 * slab, with one of the reader's references.  The LF stays.
 */
static void
take_bytes(struct reader *r, struct record *rec, size_t len)
{
	/*
	 * All fields are named, as clearing the rest would cost as much as
	 * finding the line.
	 */
	*rec = (struct record){
	    .data = r->slab->data + r->start,
	    .len = len,
	    .slab = r->slab,
	    .input = NULL,
	    .end = r->bytes - (r->end - r->start) + len + 1,
	    .line = ++r->line,
	    .offset = r->bytes - (r->end - r->start),
	    .came = 0,
	    .reserved = 0,
	    .origin = NULL,
	    .full_len = 0,
	    .attempts = 0,
	    .reason = 0,
	    .kind = RECORD_DATA,
	    .begun = false,
	    .answered = false,
	};
	r->given++;
	r->start += len;
}

/* The same for a line, or for a block that can't be over the limit. */
static void
take_line(struct reader *r, struct record *rec, size_t len)
{
	take_bytes(r, rec, len);
	skip_bom(r, rec);
	/*
	 * If the line is over its limit only its head is kept, with an LF
	 * behind it.
	 */
	if (rec->len > limit_of(r, rec->data, rec->len))
		reader_shorten(rec);
}

/*
 * If the unfinished line is over its limit, keeps a copy of its head, and from
 * then on discards the rest as it arrives.
 */
static void
discard_if_too_long(struct reader *r)
{
	const char *data = r->slab->data + r->start;
	size_t len = r->end - r->start;
	uint64_t offset = r->bytes - len;
	size_t skip = bom_len(r, offset, data, len);

	/*
	 * Either the line is not too long, or there is no memory for the head:
	 * then the next call tries again.
	 */
	if (len - skip <= READER_HEAD || len - skip <= limit_of(r, data + skip, len - skip) ||
	    record_copy(&r->head, data + skip, READER_HEAD) == -1)
		return;
	/* The line is counted now, and where it begins is noted. */
	r->head.line = ++r->line;
	r->head.offset = offset + skip;
	/* From here on drop_upto() counts its bytes, also those of the head. */
	r->start += skip;
	r->discarding = true;
	r->dropped = 0;
}

/* The line that was too long has ended: its head becomes the record. */
static void
end_discard(struct reader *r, struct record *rec)
{
	*rec = r->head;
	rec->end = reader_place(r).offset;
	rec->full_len = r->dropped;
	r->head = (struct record){0};
	r->discarding = false;
}

/* Forgets [start, upto), a part of the line that is too long. */
static void
drop_upto(struct reader *r, size_t upto)
{
	r->dropped += upto - r->start;
	r->start = r->scanned = upto;
}

bool
reader_line(struct reader *r, struct record *rec)
{
	char *data, *lf;

	if (r->slab == NULL)
		return false;
	data = r->slab->data;
	if ((lf = memchr(data + r->scanned, '\n', r->end - r->scanned)) == NULL) {
		r->scanned = r->end;
		if (!r->discarding)
			discard_if_too_long(r);
		if (r->discarding)
			drop_upto(r, r->end);
		return false;
	}
	if (r->discarding) {
		drop_upto(r, (size_t)(lf - data));
		end_discard(r, rec);
		rec->end++;
	} else
		take_line(r, rec, (size_t)(lf - data) - r->start);
	r->start++;
	r->scanned = r->start;
	return true;
}

void
reader_take_back(struct reader *r)
{
	r->given--;
}

bool
reader_block(struct reader *r, struct record *rec)
{
	size_t pending = r->end - r->start;
	char *start, *lf = NULL;

	if (r->slab != NULL && !r->discarding && pending <= r->limits.max)
		lf = memrchr(r->slab->data + r->start, '\n', pending);
	if (lf == NULL)
		return reader_line(r, rec);
	start = r->slab->data + r->start;
	take_line(r, rec, (size_t)(lf - start));
	r->start++;
	r->scanned = r->end;
	return true;
}

/* The end of the line that begins here, if it can be part of a run; or NULL. */
static char *
plain_end(const struct reader *r, char *line, const char *from)
{
	const char *end = r->slab->data + r->end;
	char *lf = memchr(from, '\n', (size_t)(end - from));
	size_t len = lf != NULL ? (size_t)(lf - line) : 0;

	return lf != NULL && len <= r->limits.max && r->limits.plain(r->limits.plain_arg, line, len)
	    ? lf
	    : NULL;
}

size_t
reader_run(struct reader *r, struct record *rec, size_t most)
{
	char *start, *line, *lf;
	size_t n;

	/* The first line may have a byte order mark. */
	if (r->slab == NULL || r->discarding || reader_place(r).offset == 0)
		return 0;
	start = line = r->slab->data + r->start;
	lf = r->slab->data + r->scanned;
	for (n = 0; n < most && (lf = plain_end(r, line, lf)) != NULL; n++)
		line = ++lf;
	if (n == 0)
		return 0;
	take_bytes(r, rec, (size_t)(line - start) - 1);
	r->start++;
	r->scanned = r->start;
	r->line += n - 1;
	if (n > 1) {
		rec->kind = RECORD_RUN;
		rec->lines = n;
	}
	return n;
}

bool
reader_rest(struct reader *r, struct record *rec)
{
	if (r->discarding) {
		drop_upto(r, r->end);
		end_discard(r, rec);
		return true;
	}
	if (r->start == r->end)
		return false;
	r->slab->data[r->end] = '\n';
	take_line(r, rec, r->end - r->start);
	rec->end--;
	r->scanned = r->start;
	if (rec->len == 0) { /* nothing but a byte order mark */
		record_free(rec);
		return false;
	}
	return true;
}

bool
reader_line_is_over(const struct reader *r)
{
	return r->discarding;
}

uint64_t
reader_bytes(const struct reader *r)
{
	return r->bytes;
}

size_t
reader_pending(const struct reader *r)
{
	return r->discarding ? 1 : r->end - r->start;
}
