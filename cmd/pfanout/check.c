/* Without a command: records that are valid pass. */

#include <stdlib.h>

#include "pfanout.h"
#include "stage/pipeline.h"

struct checker {
	struct stage *stage;
	struct metrics_shard *shard;
};

static int
check_open(struct processor *p, unsigned worker, void **state)
{
	struct pfanout *pf = p->arg;
	struct checker *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -1;
	c->stage = &pf->stage;
	c->shard = metrics_shard(pf->stage.metrics, SHARD_WORKERS + worker);
	*state = c;
	return 0;
}

static void
check_record(void *state, struct record *r)
{
	struct checker *c = state;

	metrics_add(c->shard, METRIC_TAKEN, 1);
	if (r->kind != RECORD_DATA)
		return;
	if (stage_is_cancelled(c->stage))
		stage_bury_cancelled(c->stage, r);
	else
		stage_check(c->stage, r);
}

struct processor
check_processor(struct pfanout *pf)
{
	return (struct processor){.name = "check",
	    .workers = pf->jobs,
	    .arg = pf,
	    .open = check_open,
	    .process = check_record,
	    .close = free};
}
