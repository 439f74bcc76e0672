#ifndef PENDING_H
#define PENDING_H

/*
 * The records that wait for a request, and how they are put into bundles, one
 * for each request: as many as are there, within limits.  A bundle that could
 * not be sent comes back and goes first; one that the service refuses is cut
 * into halves, until a record that is to blame is alone.
 *
 * A leaf: it sends nothing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "engine/taker.h"

struct bundle {
	STAILQ_ENTRY(bundle) next;
	size_t n, bytes; /* with an LF for each record */
	struct taker_record record[];
};

STAILQ_HEAD(bundles, bundle);

/* {0} is not one: pending_init(). */
struct pending {
	struct bundles back; /* these go first */
	struct taker_record *ring;
	size_t room, first, n; /* the ring's */
};

void pending_init(struct pending *);
void pending_free(struct pending *);

/* False: no memory. */
bool pending_put(struct pending *, const struct taker_record *);

bool pending_is_empty(const struct pending *);

/*
 * The next bundle: one that came back, or up to `most` records with up to
 * `bytes` bytes, but at least one.  The caller frees it.  NULL: there is none,
 * or no memory, when pending_is_empty() is false.
 */
struct bundle *pending_next(struct pending *, size_t most, size_t bytes);

/* The bundle comes back: it is the pending's again. */
void pending_return(struct pending *, struct bundle *);

/*
 * The two halves of a bundle of two or more come back in its place, which is
 * freed.  False: no memory, and the bundle is as it was.
 */
bool pending_halve(struct pending *, struct bundle *);

#endif
