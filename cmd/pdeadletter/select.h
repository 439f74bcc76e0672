#ifndef SELECT_H
#define SELECT_H

/* Which letters are wanted: all that fit each kind of condition that was given. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct item;

struct names {
	const char **name;
	size_t n;
};

struct selection {
	struct names reasons, stages, ids; /* one of them; none given: any */
	int64_t since, until;              /* failed at since or later, before until; calendar us */
	uint64_t limit;                    /* so many at most */
};

#define SELECTION_ALL \
	((struct selection){.since = INT64_MIN, .until = INT64_MAX, .limit = UINT64_MAX})

/* -1: no memory. */
int names_add(struct names *, const char *);

/*
 * Reads a time: RFC 3339 with a zone, the same or a date alone as local time, or how long ago (2h).  -1 and
 * *why: what would be allowed.
 */
int select_time(const char *text, int64_t *calendar_us, const char **why);

/* Whether nothing was asked for but all. */
bool selects_all(const struct selection *);

/* Whether the letter is wanted; one that is counts for the limit. */
bool select_takes(struct selection *, const struct item *);

#endif
