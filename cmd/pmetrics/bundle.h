#ifndef BUNDLE_H
#define BUNDLE_H

/*
 * Lines of spans (trace/otlp.h) as one export request: their resourceSpans one
 * after the other, byte for byte, and whose spans they are.  For one thread.
 */

#include <stddef.h>
#include <stdint.h>

/* Servers may refuse longer requests; a line of its own may be longer. */
#define BUNDLE_MOST (1 << 20)

struct bundle_owner {
	size_t place; /* of the file: the caller's number */
	char *stage, *tool, *pipeline;
	uint64_t spans;
};

struct bundle {
	char *text; /* the request, once bundle_text() was called */
	size_t len, room;
	uint64_t spans;
	size_t n;
	struct bundle_owner *owner;
};

enum bundle_added {
	BUNDLE_ADDED,
	BUNDLE_FULL,   /* it would be too long with that line */
	BUNDLE_BROKEN, /* the line is no export request */
	BUNDLE_ERROR   /* errno ENOMEM */
};

/*
 * Adds a line from a file of this place, of this tool ("" if that is not
 * known).  One without a span adds nothing.
 */
enum bundle_added bundle_add(
    struct bundle *, const char *line, size_t len, size_t place, const char *tool);

/* The request, which lives until it is emptied.  There is at least one span. */
const char *bundle_text(struct bundle *, size_t *len);

/* Empties it, and frees what it holds. */
void bundle_free(struct bundle *);

/* How many spans a line has; 0 also if it is no export request. */
uint64_t bundle_count(const char *line, size_t len);

#endif
