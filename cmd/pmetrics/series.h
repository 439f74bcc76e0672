#ifndef SERIES_H
#define SERIES_H

/*
 * The numbers of all stages, by the labels that they have in metrics: stages
 * with the same name, tool and pipeline are one series.  Their numbers are
 * added up, those of processes that have ended included, so that counters never
 * go back.  Gauges are those of live stages; of times the latest counts, of the
 * oldest attempts the oldest.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics/look.h"

struct series_lag;

/* What limits there are: of records and of bytes. */
enum { LIMIT_RECORDS, LIMIT_BYTES, LIMITS };

struct series {
	char *stage, *tool, *pipeline; /* pipeline: NULL if there is none */
	char *labels;
	struct metrics_shard sum; /* of live and ended ones */
	uint64_t exits[EXIT_COUNT];
	uint64_t sent; /* spans that were shipped; set by who knows */
	bool pool;     /* there are workers with attempts */
	bool queues;   /* records wait for workers, or for credit */
	bool engines;  /* inputs or outputs are engines */

	/* Of the live ones: */
	unsigned live;
	uint64_t held, backlog, in_flight, retrying;
	uint64_t capacity, workers, busy;
	double limit[LIMITS];                    /* 0: none */
	double last_record, last_result, oldest; /* calendar s; 0: none */
	struct metrics_exemplars exemplars;      /* of each bucket the latest */
	/* Of engines: */
	bool tells_unacknowledged;
	uint64_t unacknowledged;
	size_t n_lag;
	struct series_lag *lag; /* sorted by partition, one for each */
};

/* What a source that is an engine has for us, of a partition or of all. */
struct series_lag {
	char partition[SAID_PARTITION_SIZE]; /* "": of all */
	uint64_t records;
};

/* Sorted by pipeline, stage and tool, one for each set of these labels. */
struct series_list {
	size_t n;
	struct series *series;
};

/*
 * The series of a look.  With `tame`, names are made harmless to a terminal.
 * -1 with errno ENOMEM.  Free it with series_free().
 */
int series_gather(struct series_list *, const struct look *, bool tame);
void series_free(struct series_list *);

#endif
