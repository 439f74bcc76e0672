#include "sync/stopwatch.h"

/*
 * One atomic word, so that a reader never sees a total without the start that
 * goes with it.  The total is less than the time since the machine was booted,
 * which the clock shows.
 */

void
stopwatch_start(struct stopwatch *w, int64_t now)
{
	atomic_store(&w->state, atomic_load(&w->state) - now);
}

void
stopwatch_stop(struct stopwatch *w, int64_t now)
{
	atomic_store(&w->state, atomic_load(&w->state) + now);
}

bool
stopwatch_runs(const struct stopwatch *w)
{
	return atomic_load(&w->state) < 0;
}

int64_t
stopwatch_read(const struct stopwatch *w, int64_t now)
{
	int64_t state = atomic_load(&w->state);

	return state < 0 ? state + now : state;
}
