#ifndef PCHAN_OUTGOING_H
#define PCHAN_OUTGOING_H

/*
 * What a helper has for standard output, which may not take it at once.  {0} is
 * nothing.  One thread's; blocks only if standard output does.
 */

#include <stdbool.h>
#include <stddef.h>

#include "json/text.h"

struct outgoing {
	struct text text; /* is added to */
	size_t written;   /* of it */
};

/* The bytes that wait. */
static inline size_t
outgoing_waits(const struct outgoing *o)
{
	return o->text.len - o->written;
}

/*
 * Writes what standard output takes, and gives the room of that back.  False:
 * nobody reads it.
 */
bool outgoing_write(struct outgoing *);

/* Nobody will read what waits. */
void outgoing_clear(struct outgoing *);

#endif
