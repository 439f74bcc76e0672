#ifndef DEMAND_H
#define DEMAND_H

/*
 * What a mark asks of the workers of filter mode: to flush their filters, so
 * that all that came before the mark is done.  Any worker takes the mark from
 * the channel; those that have records from before it may be asleep, and are
 * woken.
 *
 * When a mark has been taken, so have all records before it, each by one of the
 * workers.  So a worker that holds nothing has done its part for all marks that
 * are known by then.
 */

#include <stdatomic.h>
#include <stdint.h>

#include "sync/park.h"

struct demand {
	_Atomic uint64_t before; /* the seq of the last mark taken; 0: none */
	struct waitlist waiting;
};

void demand_init(struct demand *);
void demand_destroy(struct demand *);

/* A mark with this seq was taken.  Any thread. */
void demand_raise(struct demand *, uint64_t seq);

/* All that was taken before this seq is to be flushed.  Any thread. */
static inline uint64_t
demand_before(const struct demand *d)
{
	return atomic_load(&d->before);
}

/*
 * Wakes the parker, once, when the demand is raised: watch, then ask
 * demand_before().  Unwatch in any case (waitlist_remove()).
 */
void demand_watch(struct demand *, struct waiter *, struct parker *);
void demand_unwatch(struct demand *, struct waiter *);

#endif
