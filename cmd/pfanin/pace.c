#include "pace.h"

uint64_t
pace_measure(struct pace *p, int64_t now, uint64_t acked)
{
	int64_t time = now - p->since;

	if (time < PACE_TIME)
		return p->window;
	p->window = (acked - p->from) * (uint64_t)PACE_WINDOW / (uint64_t)time;
	p->from = acked;
	p->since = now;
	return p->window;
}
