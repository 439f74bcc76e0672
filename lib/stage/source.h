#ifndef PCHAN_SOURCE_H
#define PCHAN_SOURCE_H

/*
 * The first processor of a stage: reads lines from stdin, leaves out blank ones, tells dead
 * letters that pass by and unwraps retry envelopes, reserves them in the budget and sends the records on.
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

/* The processor; arg is the source, which must outlive the pipe. */
struct processor source_processor(struct source *);

#endif
