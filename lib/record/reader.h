#ifndef PCHAN_READER_H
#define PCHAN_READER_H

/*
 * Lines out of a file descriptor, as records that are views into what read(2)
 * brought.  One thread's; knows nothing of JSON.
 *
 *	while (reader_fill(r) > 0)
 *		while (reader_line(r, &record))
 *			...
 *	if (reader_rest(r, &record))
 *		...
 *
 * Whatever a read brought can be taken at once, so a line is never kept waiting for the
 * next one.  Memory stays bounded: of a line longer than the limit only the
 * head is kept, and reading goes on behind its LF.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct reader;
struct record;

#define READER_HEAD (64 * 1024) /* bytes kept of a line that is too long */

struct reader_limits {
	size_t max;         /* bytes of a line, without its LF */
	size_t max_special; /* the same for a line that special() picks by its head; or 0 */
	bool (*special)(const char *head, size_t len);
	bool strip_bom; /* leave out a UTF-8 byte order mark at the start */
};

/* The fd stays the caller's.  NULL with errno ENOMEM. */
struct reader *reader_new(int fd, const struct reader_limits *);
void reader_free(struct reader *);

/*
 * One read(2).  Returns the bytes it brought, 0 at the end, -1 with errno (EAGAIN as
 * read(2) has it; EINTR is retried).  Blocks if the fd does.
 */
ssize_t reader_fill(struct reader *);

/*
 * The next whole line.  Sets data, len, slab (one
 * reference, the caller's), line and offset, zeroes the rest; full_len is set only for
 * a line over the limit, of which data holds the first READER_HEAD bytes.
 * False when there is none, and more has to be filled in.
 */
bool reader_line(struct reader *, struct record *);

/*
 * The same, but all the whole lines that are there at once, if none of them can be over the limit: then data holds
 * several with LFs in between.  They are counted as one line.
 */
bool reader_lines(struct reader *, struct record *);

/*
 * What stands there of a line that has not ended, as a record, because it never will: the last
 * line of an input that does not end with an LF.  False if there is nothing.
 */
bool reader_rest(struct reader *, struct record *);

/* Whether it is inside a line that is over its limit already, and has not ended. */
bool reader_is_over(const struct reader *);

/* Bytes read so far, and bytes of them that have not been taken as lines. */
uint64_t reader_bytes(const struct reader *);
size_t reader_pending(const struct reader *);

#endif
