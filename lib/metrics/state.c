#include "metrics/state.h"

#include <stdio.h>

/* From here on a pool is what its stage waits for, and not one slow record. */
#define SATURATED 0.85

/* NAN is neither more nor less. */
static double
clip(double fraction)
{
	if (fraction > 1)
		return 1;
	return fraction > 0 ? fraction : 0;
}

bool
state_is_pool(enum statfile_mode mode)
{
	return mode == STAGE_MAPS || mode == STAGE_EXECS;
}

static bool
has_workers(enum statfile_mode mode)
{
	return state_is_pool(mode) || mode == STAGE_FILTERS || mode == STAGE_CHECKS;
}

double
state_workers(const struct state_facts *f)
{
	return clip(clip(f->own) - clip(f->output) - clip(f->rate));
}

unsigned
state_percent(double fraction)
{
	return (unsigned)(clip(fraction) * 100 + 0.5);
}

struct state
state_of(const struct state_facts *f)
{
	double fraction[] = {
	    [STATE_HALTED] = clip(f->halted),
	    [STATE_INPUT] = clip(f->input),
	    [STATE_OUTPUT] = clip(f->output),
	    [STATE_RATE] = clip(f->rate),
	    [STATE_BUSY] = 0,
	    [STATE_WORKERS] = has_workers(f->mode) ? state_workers(f) : 0,
	    [STATE_WORKS] = 0,
	};
	enum state_kind most = STATE_INPUT;
	double best = 0;

	/*
	 * A worker whose results nobody takes has an attempt, too, so of a pool
	 * only what is not the output's counts.  While its workers are busy its
	 * reader waits for them, which says no more.
	 */
	if (state_is_pool(f->mode)) {
		fraction[STATE_BUSY] = clip(f->busy);
		if (fraction[STATE_BUSY] >= SATURATED)
			fraction[STATE_WORKERS] = 0;
		if (fraction[STATE_BUSY] > 1 - fraction[STATE_OUTPUT])
			fraction[STATE_BUSY] = 1 - fraction[STATE_OUTPUT];
	} else
		fraction[STATE_WORKS] = clip(1 - fraction[STATE_INPUT] - fraction[STATE_OUTPUT] -
		    fraction[STATE_RATE] - fraction[STATE_WORKERS] - fraction[STATE_HALTED]);
	for (enum state_kind kind = 0; kind <= STATE_INPUT; kind++)
		if (fraction[kind] > best) {
			best = fraction[kind];
			most = kind;
		}
	return (struct state){most, state_percent(best)};
}

void
state_say(struct state s, char text[STATE_TEXT_SIZE])
{
	static const char *const words[] = {
	    [STATE_HALTED] = "stopped",
	    [STATE_INPUT] = "waits for input",
	    [STATE_OUTPUT] = "waits for output",
	    [STATE_RATE] = "waits for rate",
	    [STATE_BUSY] = "workers busy",
	    [STATE_WORKERS] = "waits for workers",
	    [STATE_WORKS] = "works",
	};

	snprintf(text, STATE_TEXT_SIZE, "%s %u %%", words[s.kind], s.percent);
}
