/* Without a command: records that are valid pass. */

#include <stdlib.h>

#include "fan.h"
#include "pipe.h"

struct checker {
	struct stage *stage;
	struct stat_shard *shard;
};

static int
check_open(struct processor *p, unsigned worker, void **state)
{
	struct fan *fan = p->arg;
	struct checker *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -1;
	c->stage = &fan->stage;
	c->shard = stat_shard(fan->stage.stat, SHARD_WORKERS + worker);
	*state = c;
	return 0;
}

static void
check_record(void *state, struct record *r)
{
	struct checker *c = state;

	stat_add(c->shard, STAT_TAKEN, 1);
	if (r->kind != RECORD_DATA)
		return;
	if (stage_is_cancelled(c->stage))
		stage_bury_cancelled(c->stage, r);
	else
		stage_check(c->stage, r);
}

struct processor
check_processor(struct fan *fan)
{
	return (struct processor){.name = "check",
	    .workers = fan->jobs,
	    .arg = fan,
	    .open = check_open,
	    .process = check_record,
	    .close = free};
}
