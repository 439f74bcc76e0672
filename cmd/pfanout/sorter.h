#ifndef SORTER_H
#define SORTER_H

/*
 * The thread of pfanout --key that sorts records by their keys.  It takes them
 * from the input's channel, and those that are due for another attempt from the
 * retry queue's, and puts each into the lanes of its worker (keyed.h).  What no
 * worker has to do with goes on to the sink: dead letters that pass by, and
 * records that are not JSON or have no key, as their letters.
 *
 * So workers of --key get records that have been checked.
 */

#include "stage/pipeline.h"

struct pfanout;

struct sorting {
	struct pfanout *pf;
	struct processor workers;
};

/*
 * The processor of these workers, with the sorter as one thread more.  Its
 * shard of the metrics is the one behind the workers'.  The sorting must
 * outlive the pipeline.
 */
struct processor sorter_processor(struct sorting *);

#endif
