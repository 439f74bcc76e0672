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

struct mark;
struct marks;
struct metrics_shard;
struct processor;
struct stage;

/*
 * What the sink shares with outputs that others write: the marks.  They are
 * told of records that end there (marks.h).
 */
struct sink_others {
	struct marks *marks;
	/*
	 * A mark goes on: the others get their shares of its weight,
	 * and the mark is left with ours.  -1: they can't, and the
	 * stage has given up.
	 */
	int (*divide)(void *arg, struct mark *);
	/* No mark comes any more. */
	void (*over)(void *arg);
	void *arg;
};

struct sink {
	struct stage *stage;
	struct metrics_shard *shard;
	int fd;
	bool takes;  /* the source is before it: it counts what it takes */
	bool checks; /* stage_check() here, and not before */

	const struct sink_others *others; /* NULL: there are none */
};

/* The processor; the sink must outlive the pipeline. */
struct processor sink_processor(struct sink *);

#endif
