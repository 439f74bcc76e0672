#ifndef BODY_H
#define BODY_H

/*
 * The body of a request as it comes, unpacked if it is gzip (RFC 1952).  What
 * all bodies have in memory is bounded.
 *
 * For one thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <zlib.h>

/* The memory of all bodies. */
struct body_memory {
	size_t used, most;
};

enum body_state {
	BODY_GOOD,
	BODY_TOO_LONG,
	BODY_NO_MEMORY, /* of the bodies', or at all */
	BODY_BAD_GZIP
};

struct body {
	char *data;
	size_t len, room, most;
	struct body_memory *memory;
	z_stream *z; /* NULL: it is not packed */
	bool ended;  /* a member of gzip has ended */
};

/* A body of at most so many bytes, unpacked. */
enum body_state body_begin(struct body *, struct body_memory *, size_t most, bool gzip);

/* Adds bytes that have come. */
enum body_state body_add(struct body *, const char *data, size_t len);

/* All has come: whether that is the whole body. */
enum body_state body_end(struct body *);

/* {0} is fine. */
void body_free(struct body *);

#endif
