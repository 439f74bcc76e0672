#include "pfanout.h"

#include "base/clock.h"
#include "stage/retry.h"

bool
pfanout_attempt_failed(
    struct pfanout *pf, struct metrics_shard *shard, struct record *r, const struct failure *f)
{
	int64_t wait;

	if (r->attempts++ == 0)
		r->first_failed = clock_calendar();
	if (r->attempts < pf->attempts && !stage_is_cancelled(&pf->stage)) {
		wait = retry_backoff(pf->backoff_first, pf->backoff_most, r->attempts);
		metrics_add(shard, METRIC_RETRIES, 1);
		metrics_add(shard, METRIC_RETRY_IN, 1);
		if (retry_put(pf->retry, r, clock_after(clock_now(), wait)) == 0)
			return false;
	}
	stage_bury(&pf->stage, r, f);
	return true;
}
