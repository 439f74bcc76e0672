#ifndef T_SETUP_H
#define T_SETUP_H

/* The stage of a test: one worker, and one shard. */

#include "stage/stage.h"
#include "t.h"

/* It may hold so many records and bytes; 0 bytes: any number. */
static inline void
t_setup(struct stage *st, struct options *opt, size_t max_records, size_t max_bytes)
{
	CHECK(stage_init(st,
		  &(struct stage_setup){.tool = "test",
		      .name = "test",
		      .opt = opt,
		      .workers = 1,
		      .shards = 1,
		      .max_records = max_records,
		      .max_bytes = max_bytes}) == 0,
	    "%s", st->error);
}

#endif
