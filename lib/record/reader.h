#ifndef PCHAN_READER_H
#define PCHAN_READER_H

/*
 * Reads lines from a file descriptor, as records that are views into what
 * read(2) brought.  One thread's; knows nothing of JSON.
 *
 *	while (reader_fill(r) > 0)
 *		while (reader_line(r, &record))
 *			...
 *	if (reader_rest(r, &record))
 *		...
 *
 * Every line that a read completed can be taken at once, so that no line waits
 * for the next one.  Of a line longer than the limit only the head is kept, and
 * reading goes on after its LF, so memory stays bounded by the limit.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct reader;
struct record;

#define READER_HEAD (64 * 1024) /* bytes kept of a line that is too long */
/* The limit of a line that may be as long as memory allows. */
#define READER_NO_LIMIT (SIZE_MAX / 4)

struct reader_limits {
	size_t max; /* bytes of a line, without its LF */
	/*
	 * The same for a line that special() picks by its head; 0 without
	 * special().
	 */
	size_t max_special;
	bool (*special)(const char *head, size_t len); /* or NULL */
	/* Which lines reader_run() takes; NULL: it is not called. */
	bool (*plain)(const void *arg, const char *line, size_t len);
	const void *plain_arg;
	bool strip_bom; /* drop a UTF-8 byte order mark at the start */
	size_t chunk;   /* the usual size of a slab; 0: SLAB_SIZE */
};

/*
 * The fd stays the caller's.  NULL with errno ENOMEM.  Records that were taken
 * outlive the reader.
 */
struct reader *reader_new(int fd, const struct reader_limits *);
void reader_free(struct reader *);

/*
 * Calls read(2) once; blocks if the fd does.  Returns the number of bytes read,
 * 0 at the end, or -1 with errno (read(2)'s, or ENOMEM).  EINTR is retried.
 */
ssize_t reader_fill(struct reader *);

/* Reads from this descriptor from now on. */
void reader_set_fd(struct reader *, int fd);

/*
 * Right after reader_fill(): the n bytes that it has read last; and forgets
 * them, as if they had not been read.
 */
const char *reader_filled(const struct reader *, size_t n);
void reader_unfill(struct reader *, size_t n);

/* A place in an input: its offset, and how many lines are before it. */
struct reader_place {
	uint64_t offset, lines;
};

/*
 * Nothing is pending: what is read from now on begins at this place, in another
 * input or in this one.
 */
void reader_restart(struct reader *, struct reader_place);

/* The place behind the line that was taken last. */
struct reader_place reader_place(const struct reader *);

/*
 * Nothing will be read for a while: gives the slab up, and keeps an unfinished
 * line in one of just its size.  Without memory for that, nothing changes.
 */
void reader_park(struct reader *);

/*
 * Takes the next whole line: sets data, len, slab (one reference, the
 * caller's), line, offset and end, and zeroes the rest.  A line over the limit
 * has its length in full_len, and data holds its first READER_HEAD bytes.
 * False if no whole line is there, and reader_fill() has to be called.
 */
bool reader_line(struct reader *, struct record *);

/*
 * The same, but takes all the whole lines that are there as one record, with
 * LFs in between, if none of them can be over the limit.  They count as one
 * line.
 */
bool reader_block(struct reader *, struct record *);

/*
 * The same, but takes up to `most` of the whole lines that are there, as many
 * as are plain() and not over the limit, and returns how many they are.  The
 * record is a run of them unless it is only one.  Of no input it has the first
 * line.
 */
size_t reader_run(struct reader *, struct record *, size_t most);

/*
 * The line that reader_line() has just taken gives its reference back: cheaper
 * than record_free().
 */
void reader_take_back(struct reader *);

/*
 * At the end of the input, takes a last line that has no LF.  False if there is
 * none.
 */
bool reader_rest(struct reader *, struct record *);

/*
 * Makes of a line that special() has let through what it would be without
 * special(), as it turned out to be none of those: a line over the limit.
 */
void reader_shorten(struct record *);

/* Whether the current line is over its limit, and has not ended yet. */
bool reader_line_is_over(const struct reader *);

/*
 * Bytes read so far; and those of them that have not been taken (at least 1
 * inside a line that is too long).
 */
uint64_t reader_bytes(const struct reader *);
size_t reader_pending(const struct reader *);

#endif
