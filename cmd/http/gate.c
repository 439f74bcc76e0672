#include "gate.h"

#include "base/clock.h"
#include "engine/helper.h"

#define LONG_WAIT (5 * CLOCK_S) /* who waits so long wants to know why */

void
gate_works(struct gate *g)
{
	g->row = g->failures = 0;
}

/* Requests that ran at the same time fail as one. */
static void
back_off(struct gate *g, int64_t now)
{
	if (g->failures == 0 || now >= g->until)
		g->until = now + helper_back_off(++g->failures);
}

bool
gate_away(struct gate *g, int64_t now)
{
	back_off(g, now);
	return true;
}

bool
gate_failed(struct gate *g, int64_t now, int64_t wait)
{
	g->row++;
	if (wait >= 0 && clock_after(now, wait) > g->until)
		g->until = clock_after(now, wait);
	else if (wait < 0 && g->row > g->parallel)
		back_off(g, now);
	return g->failures > 0 || wait >= LONG_WAIT;
}

int64_t
gate_opens(const struct gate *g, unsigned running)
{
	return running < (g->failures > 0 ? 1 : g->parallel) ? g->until : CLOCK_NEVER;
}
