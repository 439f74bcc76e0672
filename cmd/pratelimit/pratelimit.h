#ifndef PRATELIMIT_H
#define PRATELIMIT_H

/*
 * One run of pratelimit: what its command line asks for (usage.h fills that
 * in), its stage, and what its threads share.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/bucket.h"
#include "stage/options.h"
#include "stage/stage.h"

struct json_path;
struct meter;
struct metrics_shard;

/* What becomes of a record that has neither credit nor room to wait. */
enum over { OVER_WAIT, OVER_DEAD_LETTER, OVER_DROP };

struct pratelimit {
	struct stage stage;

	/* What the command line says. */
	struct options opt;
	struct rate rate;      /* at the start; later ask the meter */
	bool bytes;            /* the rate counts bytes, not records */
	struct json_path *key; /* NULL: all records are one flow */
	size_t max_keys;
	size_t queue; /* how many records of one flow may wait */
	enum over over;
	const char *shared;    /* the bucket's file or URL; NULL: in memory */
	const char *rate_file; /* NULL: the rate never changes */

	/* What the run shares. */
	struct meter *meter;
	struct metrics_shard *shard;
};

#endif
