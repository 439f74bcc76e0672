#ifndef PLACES_H
#define PLACES_H

/*
 * The names that the operands of --follow mean, and the folders in which they
 * are or will be.
 *
 * An operand is a path.  Each of its components may be a pattern as in
 * glob(7), where a name that begins with a dot needs a dot.  All folders on the
 * way to a name are watched, those that exist, so that a folder that comes
 * later, is replaced, or is a symbolic link that changes is noticed.
 *
 * Whoever calls has a lock on all of it.
 */

#include <stdbool.h>
#include <sys/inotify.h>
#include <sys/queue.h>

#include "watches.h"

struct places;

/* A name that is or was there; lives as long as the places. */
struct name {
	const char *path;
	bool wanted; /* no pattern made it: it is waited for */
	void *data;  /* the caller's */
	TAILQ_ENTRY(name) link;
};

/*
 * Watches through `inotify`, which stays the caller's, as does `watches`.
 * check() is called for a name that may have come, gone or changed.  NULL with
 * errno.
 */
struct places *places_new(
    int inotify, struct watches *watches, void (*check)(void *arg, struct name *), void *arg);
void places_free(struct places *);

/*
 * Adds an operand, which must stay valid.  Its names are found by a scan.  -1
 * with errno.
 */
int places_add(struct places *, const char *operand);

/* Calls say() for each pattern of which no name has been found. */
void places_unmatched(const struct places *, void (*say)(const char *operand));

/*
 * Looks at all folders and checks all names.  Returns 0, or -1 with errno if a
 * folder that exists and can be read cannot be watched.
 */
int places_scan(struct places *);

/* Something has happened to this folder.  The same result. */
int places_event(struct places *, struct watch *, const struct inotify_event *);

/* The first name, and by TAILQ_NEXT() the others. */
struct name *places_first(const struct places *);

#endif
