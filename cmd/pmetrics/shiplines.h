#ifndef SHIPLINES_H
#define SHIPLINES_H

/*
 * The lines of a file of spans, which may still grow, or of a pipe.  For one
 * thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A longer line is none of spans: its bytes are not kept. */
#define SHIPLINES_MOST (16 << 20)

enum shiplines_kind {
	SHIPLINES_LINE,
	SHIPLINES_TAIL, /* what stands behind the last LF, at the end */
	SHIPLINES_LONG, /* a line, or a tail, that is too long */
	SHIPLINES_END,
	SHIPLINES_ERROR /* errno */
};

struct shiplines {
	int fd;          /* the caller's */
	uint64_t offset; /* in the file: behind the last line */
	char *data;
	size_t begin, end, room; /* of what is read and not yet taken */
	size_t last;             /* length of the last line, with its LF */
};

/*
 * Reads from the descriptor, whose position is this offset.  Free what it holds
 * with shiplines_end().
 */
void shiplines_begin(struct shiplines *, int fd, uint64_t offset);
void shiplines_end(struct shiplines *);

/*
 * The next line, without its LF; it lives until the next call.  Blocks as
 * read(2).
 */
enum shiplines_kind shiplines_next(struct shiplines *, const char **line, size_t *len);

/* The line, or tail, of the last call comes again. */
void shiplines_back(struct shiplines *);

#endif
