#include "health.h"

/* Nothing is ordered by these, and most of the time nothing has changed. */
static void
clear(_Atomic unsigned *n)
{
	if (atomic_load_explicit(n, memory_order_relaxed) != 0)
		atomic_store_explicit(n, 0, memory_order_relaxed);
}

static void
set(_Atomic bool *flag)
{
	if (!atomic_load_explicit(flag, memory_order_relaxed))
		atomic_store_explicit(flag, true, memory_order_relaxed);
}

void
health_answered(struct health *h)
{
	set(&h->answered);
	clear(&h->deaths);
	clear(&h->final);
	clear(&h->rubbish);
}

enum health_verdict
health_died(struct health *h, bool final, unsigned *deaths)
{
	unsigned finals = atomic_fetch_add(&h->final, final ? 1 : 0) + (final ? 1 : 0);

	*deaths = atomic_fetch_add(&h->deaths, 1) + 1;
	if (!atomic_load(&h->answered) && *deaths >= HEALTH_NEVER && finals > 0)
		return HEALTH_NEVER_WORKED;
	return finals >= HEALTH_MOST ? HEALTH_HOPELESS : HEALTH_GOES_ON;
}

bool
health_bad_answer(struct health *h)
{
	return atomic_fetch_add(&h->rubbish, 1) + 1 == HEALTH_MOST;
}

bool
health_has_answered(const struct health *h)
{
	return atomic_load_explicit(&h->answered, memory_order_relaxed);
}

void
health_asked_again(struct health *h)
{
	set(&h->asks_again);
}

bool
health_asks_again(const struct health *h)
{
	return atomic_load_explicit(&h->asks_again, memory_order_relaxed);
}
