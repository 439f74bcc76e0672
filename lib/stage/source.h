#ifndef PCHAN_SOURCE_H
#define PCHAN_SOURCE_H

/*
 * The first processor of a stage.  It reads lines, leaves out blank ones,
 * recognises dead letters that pass by, unwraps retry envelopes, reserves the
 * records in the budget and sends them on.
 */

#include <stdbool.h>

struct processor;
struct stage;
struct metrics_shard;

struct source {
	struct stage *stage;
	struct metrics_shard *shard;
	int fd;
	bool keeps_retries; /* retry envelopes go on as they are */
};

/* The processor; the source must outlive the pipeline. */
struct processor source_processor(struct source *);

#endif
