#include "pfanout.h"

#include "base/clock.h"
#include "record/batch.h"
#include "stage/retry.h"

void
pfanout_count_attempt(struct record *r)
{
	if (r->attempts++ == 0)
		r->first_failed = clock_calendar();
}

bool
pfanout_try_again(
    struct pfanout *pf, struct metrics_shard *shard, const struct batch *b, int64_t wait)
{
	metrics_add(shard, METRIC_RETRIES, b->records.n);
	metrics_add(shard, METRIC_RETRY_IN, b->records.n);
	return retry_put(pf->retry, b, clock_after(clock_now(), wait)) == 0;
}

/* The same for a record.  False: the record is still the caller's. */
static bool
try_record_again(struct pfanout *pf, struct metrics_shard *shard, const struct record *r)
{
	int64_t wait = retry_backoff(pf->backoff_first, pf->backoff_most, r->attempts);
	struct batch one = {0};

	if (batch_add(&one, r) == -1)
		return false;
	if (pfanout_try_again(pf, shard, &one, wait))
		return true;
	(void)queue_pop(&one.records);
	batch_free(&one);
	return false;
}

bool
pfanout_attempt_failed(
    struct pfanout *pf, struct metrics_shard *shard, struct record *r, const struct failure *f)
{
	pfanout_count_attempt(r);
	if (r->attempts < pf->attempts && !stage_is_cancelled(&pf->stage) &&
	    try_record_again(pf, shard, r))
		return false;
	stage_bury(&pf->stage, r, f);
	return true;
}
