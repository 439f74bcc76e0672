/* Check mode, without a command: records that are valid pass. */

#include <stdlib.h>

#include "pfanout.h"
#include "stage/pipeline.h"

struct check_worker {
	struct stage *stage;
	struct metrics_shard *shard;
};

static int
open_check_worker(struct processor *p, unsigned index, void **state)
{
	struct pfanout *pf = p->arg;
	struct check_worker *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -1;
	c->stage = &pf->stage;
	c->shard = metrics_shard(pf->stage.metrics, SHARD_WORKERS + index);
	*state = c;
	return 0;
}

static void
check_record(void *state, struct record *r)
{
	struct check_worker *c = state;

	metrics_add(c->shard, METRIC_TAKEN, 1);
	if (r->kind != RECORD_DATA)
		return;
	if (stage_is_cancelled(c->stage))
		stage_bury_cancelled(c->stage, r);
	else
		stage_check(c->stage, r);
}

static uint64_t
pass_records(void *state, const struct record *run, size_t *bytes)
{
	struct check_worker *c = state;
	uint64_t n = stage_is_cancelled(c->stage) ? 0 : stage_check_run(c->stage, run, bytes);

	metrics_add(c->shard, METRIC_TAKEN, n);
	return n;
}

struct processor
check_processor(struct pfanout *pf)
{
	return (struct processor){.name = "check",
	    .workers = pf->jobs,
	    .arg = pf,
	    .open = open_check_worker,
	    .process = check_record,
	    .pass = pass_records,
	    .close = free};
}
