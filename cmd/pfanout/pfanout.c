#include "pfanout.h"

#include "base/clock.h"
#include "record/batch.h"
#include "stage/retry.h"
#include "stage/traced.h"
#include "stage/tracing.h"

void
pfanout_count_attempt(struct record *r)
{
	if (r->attempts++ == 0)
		r->first_failed = clock_calendar();
}

bool
pfanout_try_again(struct pfanout *pf, struct metrics_shard *shard, const struct batch *b,
    const struct failure *f, int64_t wait)
{
	int64_t now = clock_now();

	metrics_add(shard, METRIC_RETRIES, b->records.n);
	metrics_add(shard, METRIC_RETRY_IN, b->records.n);
	if (tracing_records(pf->stage.tracing))
		for (size_t i = 0; i < b->records.n; i++)
			traced_back_off(queue_at(&b->records, i), f->reason, f->message, now);
	return retry_put(pf->retry, b, clock_after(now, wait)) == 0;
}

int64_t
pfanout_wait(const struct pfanout *pf, uint32_t attempts, const struct failure *f)
{
	int64_t wait = retry_backoff(pf->backoff_first, pf->backoff_most, attempts);

	return f->wait > wait ? f->wait : wait;
}

/* The same for a record.  False: the record is still the caller's. */
static bool
try_record_again(struct pfanout *pf, struct metrics_shard *shard, const struct record *r,
    const struct failure *f)
{
	int64_t wait = pfanout_wait(pf, r->attempts, f);
	struct batch one = {0};

	if (batch_add(&one, r) == -1)
		return false;
	if (pfanout_try_again(pf, shard, &one, f, wait))
		return true;
	(void)queue_pop(&one.records);
	batch_free(&one);
	return false;
}

bool
pfanout_attempt_failed(
    struct pfanout *pf, struct metrics_shard *shard, struct record *r, const struct failure *f)
{
	bool cancelled = stage_is_cancelled(&pf->stage), more;

	pfanout_count_attempt(r);
	more = r->attempts < pf->attempts;
	if (more && !cancelled && try_record_again(pf, shard, r, f))
		return false;
	/* Its attempts are not used up: it waited for the next one. */
	if (more && cancelled && f->reason == REASON_EXHAUSTED)
		stage_bury_cancelled(&pf->stage, r);
	else
		stage_bury(&pf->stage, r, f);
	return true;
}
