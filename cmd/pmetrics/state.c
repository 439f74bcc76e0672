#include <math.h>

#include "state.h"

static const char *const names[] = {
    [STATE_MEASURING] = "measuring",
    [STATE_INPUT] = "input",
    [STATE_OUTPUT] = "output",
    [STATE_RATE] = "rate",
    [STATE_OWN] = "own",
    [STATE_BUSY] = "busy",
    [STATE_WORKS] = "works",
    [STATE_ENDED] = "ended",
};

static double
known(double fraction)
{
	return isnan(fraction) ? 0 : fraction;
}

/*
 * Fractions overlap.  While workers are busy, or the output is stuck, the
 * reader waits for its own stage, too, so only what exceeds these is OWN.
 */
enum state
state_of(const struct part *p, double *share)
{
	const double input = known(p->input), output = known(p->output), rate = known(p->rate);
	const double busy = p->pool ? known(p->busy) : 0;
	const double works = p->pool ? 0 : 1 - input - output - rate;
	const struct {
		enum state state;
		double share;
	} candidates[] = {
	    {STATE_RATE, rate},
	    {STATE_OUTPUT, output},
	    {STATE_BUSY, busy},
	    {STATE_INPUT, input},
	    {STATE_WORKS, works},
	    {STATE_OWN, p->pool ? known(p->own) - (output > busy ? output : busy) : 0},
	};
	size_t best = 0;

	*share = NAN;
	if (p->ended)
		return STATE_ENDED;
	if (isnan(p->input) || isnan(p->output))
		return STATE_MEASURING;
	for (size_t i = 1; i < sizeof(candidates) / sizeof(candidates[0]); i++)
		if (candidates[i].share > candidates[best].share)
			best = i;
	*share = candidates[best].share;
	return candidates[best].state;
}

const char *
state_name(enum state state)
{
	return names[state];
}
