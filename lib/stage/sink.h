#ifndef PCHAN_SINK_H
#define PCHAN_SINK_H

/*
 * The last processor of a stage, where every record ends.  It writes results to
 * stdout, with -k in the order of the input.  Dead letters go there too, or
 * into the dead-letter file: those of this stage and, if it collects them,
 * those that pass by.  Only what has been written is counted, and then it is
 * released from the budget.
 */

#include <stdbool.h>

struct processor;
struct stage;
struct metrics_shard;

struct sink {
	struct stage *stage;
	struct metrics_shard *shard;
	int fd;
	bool takes;  /* the source is before it: it counts what it takes */
	bool checks; /* stage_check() here, and not before */
};

/* The processor; the sink must outlive the pipeline. */
struct processor sink_processor(struct sink *);

#endif
