#ifndef TRAIL_H
#define TRAIL_H

/*
 * How far a followed file has been read, and the recognition of a truncation:
 * then the rest of the old text is read from its copy, if there is one, and the
 * file again from its start.  For the thread that has the input.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "evidence.h"
#include "fingerprint.h"
#include "record/reader.h"

enum trail_state {
	TRAIL_SEEK, /* the next read is at the offset, of a text of its own */
	TRAIL_FILE, /* the file is being read */
	TRAIL_COPY, /* the copy of its old text is being read */
};

struct trail {
	int fd;           /* the file's; the owner's */
	const char *path; /* where copies are looked for; must stay valid */
	enum trail_state state;
	struct evidence text;    /* what was read; the next goes on there */
	struct fingerprint head; /* of the same */
	uint64_t lines;          /* before the first read */
	uint64_t size;           /* of the file, when it was looked at last */
	int copy;                /* -1: none */
};

/* What a call of trail_fill() found besides what it read. */
struct trail_news {
	bool cut;      /* what is held of a line ends: another text follows */
	bool more;     /* it has not come to the end */
	uint64_t lost; /* bytes at least, that were not read before a cut */
};

/* A file is to be read from this place on. */
void trail_begin(struct trail *, int fd, const char *path, struct reader_place);
void trail_end(struct trail *);

/*
 * Reads once, as reader_fill() does; 0 is also a read that brought nothing of
 * use.
 */
ssize_t trail_fill(struct trail *, struct reader *, struct trail_news *);

#endif
