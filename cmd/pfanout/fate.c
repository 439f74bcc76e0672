#include "fate.h"

#include <sys/wait.h>

enum fate
fate_of(const struct fate_facts *f)
{
	bool well = WIFEXITED(f->status) && WEXITSTATUS(f->status) == 0;

	if (f->flushing && f->in_flight == 0)
		return FATE_DONE;
	if (f->stopped)
		return FATE_CANCELLED;
	if (f->flushing && well)
		return FATE_LOST_COUNT;
	if (f->blameless)
		return FATE_AGAIN;
	if (well && f->answered > 0 && !(f->at_most_once && f->in_flight == 1))
		return FATE_RECYCLED;
	if (f->in_flight > 1)
		return FATE_BISECT;
	return f->in_flight == 1 ? FATE_BLAME : FATE_IDLE_DEATH;
}

enum fate
fate_of_killed(enum reason reason, size_t in_flight, bool flushing, bool blameless)
{
	if (reason == REASON_COUNT)
		return FATE_DONE;
	if (blameless && in_flight > 0)
		return reason == REASON_TIMEOUT ? FATE_BLAME : FATE_AGAIN;
	if (in_flight == 0)
		return flushing ? FATE_DONE : FATE_IDLE_DEATH;
	return in_flight > 1 && reason != REASON_BAD_ANSWER ? FATE_BISECT : FATE_BLAME;
}
