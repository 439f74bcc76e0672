#include "fan.h"

#include "clock.h"
#include "retry.h"

bool
fan_attempt_failed(
    struct fan *fan, struct stat_shard *shard, struct record *r, const struct failure *f)
{
	int64_t wait;

	if (r->attempts++ == 0)
		r->first_failed = clock_calendar();
	if (r->attempts < fan->attempts && !stage_is_cancelled(&fan->stage)) {
		wait = retry_backoff(fan->backoff_first, fan->backoff_most, r->attempts);
		stat_add(shard, STAT_RETRIES, 1);
		stat_add(shard, STAT_RETRY_IN, 1);
		if (retry_put(fan->retry, r, clock_after(clock_now(), wait)) == 0)
			return false;
	}
	stage_bury(&fan->stage, r, f);
	return true;
}
