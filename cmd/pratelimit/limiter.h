#ifndef LIMITER_H
#define LIMITER_H

/*
 * The processor that lets records through at a rate, each flow of them at the rate of its own:
 *
 *	in -> sorted into flows -> waiting until due -> out
 *
 * What has come due when the thread wakes goes on together; it sleeps no shorter than LIMITER_NAP, if the buffer has
 * enough for that, so a high rate costs few wake-ups, and a low one has each record on its moment.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bucket.h"
#include "base/clock.h"
#include "stage/options.h"
#include "sync/park.h"
#include "stage/stage.h"

struct json_path;
struct meter;
struct processor;

#define LIMITER_NAP (500 * CLOCK_US)

/* What becomes of a record for which there is no credit, and no room to wait. */
enum over { OVER_WAIT, OVER_DEAD_LETTER, OVER_DROP };

struct pratelimit {
	struct stage stage;
	struct options opt;
	struct rate rate;      /* at the start */
	bool bytes;            /* of bytes, not records */
	struct json_path *key; /* NULL: one flow */
	size_t max_keys;
	size_t queue; /* records of one flow that may wait */
	enum over over;
	const char *shared;    /* a file; NULL: the bucket is in memory */
	const char *rate_file; /* NULL: the rate stays */
	struct meter *meter;
	struct waitlist changed; /* the rate has */
	struct metrics_shard *shard;
};

/* The processor; arg is the limit, which must outlive the pipe. */
struct processor limiter_processor(struct pratelimit *);

#endif
