#ifndef PCHAN_DRAIN_H
#define PCHAN_DRAIN_H

/*
 * What the sink does with records: it puts them in their order, writes and
 * counts them, passes the marks among them on, and acknowledges those that end
 * there.  For one thread at a time; a write may block, for which the stage can
 * be cancelled.
 */

#include <stdbool.h>
#include <stddef.h>

#include "record/record.h"
#include "stage/ending.h"
#include "stage/letterbox.h"
#include "sync/park.h"

struct acks;
struct marks;
struct metrics_link;
struct reorder;
struct sink;
struct stopwatch;
struct writer;

#define DRAIN_BATCH 512

struct drain {
	struct sink *sink;
	bool failed; /* nothing can be written any more */
	struct writer *writer;
	struct reorder *reorder; /* NULL: no order is kept */
	struct marks *marks;
	struct parker parker; /* woken for marks, with others */
	bool marked;          /* there are any in the stream */
	struct acks *acks;    /* marks end here; NULL: they go on */
	struct letterbox letters;
	struct metrics_link *link;
	/* Runs while the reader does not take what is written; or NULL. */
	struct stopwatch *waits;
	struct record batch[DRAIN_BATCH];
	struct record ready[DRAIN_BATCH]; /* what the reorder hands out */
	enum place place[DRAIN_BATCH];    /* of what is being written */
};

/* Of one that is all zero.  -1 with errno; drain_close() follows then, too. */
int drain_open(struct drain *, struct sink *);
void drain_close(struct drain *);

/*
 * Takes the first n records of the batch; with 0, marks that may go now.  Sets
 * `failed`.
 */
void drain_take(struct drain *, size_t n);

/*
 * Acknowledges what is safe, or waits until more is.  -1: it can't be done, the
 * stage has given up, and `failed` is set.
 */
int drain_acknowledge(struct drain *, bool wait);

#endif
