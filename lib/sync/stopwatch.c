#include "sync/stopwatch.h"

/*
 * The state is one atomic word, so that a reader never sees a total without the
 * start that goes with it.  The total is less than the time since the machine
 * was booted, which the clock shows.
 */

void
stopwatch_start(struct stopwatch *w, int64_t start)
{
	int64_t total = atomic_load_explicit(&w->state, memory_order_relaxed);

	atomic_store_explicit(&w->since, start, memory_order_release);
	atomic_store_explicit(&w->state, total - start, memory_order_release);
}

void
stopwatch_stop(struct stopwatch *w, int64_t now)
{
	int64_t start = atomic_load_explicit(&w->since, memory_order_relaxed);
	int64_t state = atomic_load_explicit(&w->state, memory_order_relaxed);

	atomic_store_explicit(&w->state, state + (now > start ? now : start), memory_order_release);
}

void
stopwatch_next(struct stopwatch *w, int64_t now)
{
	atomic_store_explicit(&w->since, now, memory_order_release);
}

void
stopwatch_add(struct stopwatch *w, int64_t ns)
{
	atomic_store_explicit(&w->state, atomic_load_explicit(&w->state, memory_order_relaxed) + ns,
	    memory_order_release);
}

void
stopwatch_reset(struct stopwatch *w)
{
	atomic_store_explicit(&w->state, 0, memory_order_release);
	atomic_store_explicit(&w->since, 0, memory_order_release);
}

bool
stopwatch_runs(const struct stopwatch *w)
{
	return atomic_load_explicit(&w->state, memory_order_acquire) < 0;
}

/* The state, and the since that goes with it. */
static int64_t
look(const struct stopwatch *w, int64_t *since)
{
	int64_t state = atomic_load_explicit(&w->state, memory_order_acquire), before;

	do {
		before = state;
		*since = atomic_load_explicit(&w->since, memory_order_acquire);
		state = atomic_load_explicit(&w->state, memory_order_acquire);
	} while (state != before);
	return state;
}

int64_t
stopwatch_since(const struct stopwatch *w)
{
	int64_t since;

	return look(w, &since) < 0 ? since : 0;
}

int64_t
stopwatch_read(const struct stopwatch *w, int64_t now)
{
	int64_t since, state = look(w, &since);

	if (state >= 0)
		return state;
	return state + (now > since ? now : since);
}

void
stopwatch_copy(const struct stopwatch *w, struct stopwatch *copy)
{
	int64_t since, state = look(w, &since);

	atomic_store_explicit(&copy->state, state, memory_order_relaxed);
	atomic_store_explicit(&copy->since, since, memory_order_relaxed);
}
