#ifndef STEADY_H
#define STEADY_H

/*
 * Keeps a verdict from flickering: another part is named only when it was the
 * one twice in turn.  And remembers who it was in the last minute.  A part is
 * any number but 0, which is nobody.
 */

#include <stdbool.h>
#include <stdint.h>

#define STEADY_SECONDS 60

/* All zero: nothing is named yet. */
struct steady {
	bool begun;
	uint64_t shown, next;
	unsigned times; /* in turn that `next` was the one */
	int64_t at;     /* of the last entry, ns */
	unsigned n, put;
	uint64_t minute[STEADY_SECONDS];
};

/*
 * The verdict at this time (ns) is this part.  True: it is the one to show.
 * False: the one that was shown before still is.
 */
bool steady_take(struct steady *, uint64_t part, int64_t now);

/* The part that is shown does not exist any more: shows this one. */
void steady_show(struct steady *, uint64_t part);

/* The part that it was in most of the last minute; 0 if there is none. */
uint64_t steady_minute(const struct steady *);

#endif
