#ifndef SELECT_H
#define SELECT_H

/*
 * Which letters are wanted: those that meet every kind of condition given.
 * Everything here is pure, but for the clock in select_time().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct item;

struct names {
	const char **name;
	size_t n;
};

struct selection {
	/* The letter has any one name of each list; an empty list: any name. */
	struct names reasons, stages, ids;

	/* It failed at `since` or later, and before `until`; calendar us. */
	int64_t since, until;

	uint64_t limit; /* how many more letters are wanted */
};

#define SELECTION_ALL \
	((struct selection){.since = INT64_MIN, .until = INT64_MAX, .limit = UINT64_MAX})

/*
 * Adds a name, which is not copied.  The caller frees names->name in the end.
 * -1: no memory.
 */
int names_add(struct names *, const char *);

/*
 * Reads a time: RFC 3339 with a zone, the same without one or a date as local
 * time, or how long ago (2h).  -1, and *why says what is allowed.
 */
int select_time(const char *text, int64_t *calendar_us, const char **why);

/* Whether the letter is wanted.  If so, it counts towards the limit. */
bool select_takes(struct selection *, const struct item *);

#endif
