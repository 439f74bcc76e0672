#include "metrics/worktime.h"

#include "base/clock.h"

static struct stopwatch unseen;
static struct stopwatch *kept = &unseen;

void
worktime_keep(struct stopwatch *halts)
{
	kept = halts;
}

void
worktime_halt(int64_t now)
{
	stopwatch_start(kept, now);
}

void
worktime_go_on(int64_t now)
{
	stopwatch_stop(kept, now);
}

int64_t
worktime_halted(int64_t now)
{
	return stopwatch_read(kept, now);
}

int64_t
worktime_of(const struct stopwatch *halts, int64_t now)
{
	int64_t halted = stopwatch_read(halts, now);

	return halted > 0 && halted <= now ? now - halted : now;
}

int64_t
worktime_at(int64_t now)
{
	return worktime_of(kept, now);
}

int64_t
worktime_now(void)
{
	return worktime_at(clock_now());
}
