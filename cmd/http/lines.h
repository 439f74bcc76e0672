#ifndef LINES_H
#define LINES_H

/*
 * The records of a body: the whole body, if that is one JSON text, else its
 * lines (NDJSON), without the blank ones.  Pure.
 */

#include <stdbool.h>
#include <stddef.h>

#include "json/json.h"

#define LINES_SHOWN 20

struct lines {
	size_t records; /* lines that are no record, too */
	bool single;    /* the whole body is the record */

	/* Lines that are no record: the first of them, from 1 on. */
	size_t bad, shown[LINES_SHOWN];
	const char *why; /* of the first one: a static text */
};

/* Looks through a body. */
void lines_check(const char *body, size_t len, struct lines *);

/*
 * The next record of a body that was looked through; *at begins as 0.  False:
 * there is none.
 */
bool lines_next(
    const struct lines *, const char *body, size_t len, size_t *at, struct json_slice *record);

#endif
