#include "demand.h"

void
demand_init(struct demand *d)
{
	atomic_init(&d->before, 0);
	waitlist_init(&d->waiting);
}

void
demand_destroy(struct demand *d)
{
	waitlist_destroy(&d->waiting);
}

void
demand_raise(struct demand *d, uint64_t seq)
{
	uint64_t before = atomic_load(&d->before);

	while (seq > before && !atomic_compare_exchange_weak(&d->before, &before, seq))
		continue;
	waitlist_wake(&d->waiting, SIZE_MAX);
}

void
demand_watch(struct demand *d, struct waiter *w, struct parker *p)
{
	waitlist_add(&d->waiting, w, p);
}

void
demand_unwatch(struct demand *d, struct waiter *w)
{
	waitlist_remove(&d->waiting, w);
}
