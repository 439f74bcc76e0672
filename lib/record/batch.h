#ifndef PCHAN_BATCH_H
#define PCHAN_BATCH_H

/*
 * A batch is one or more records that are tried together.  These functions
 * decide when a batch is complete, what becomes of one that fails, and how to
 * halve one.
 *
 * A batch is a plain value: copying it moves it.  {0} is an empty one.  One
 * thread's at a time; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/queue.h"

struct batch {
	struct queue records;
	size_t bytes;      /* reserved for them in the budget */
	uint64_t number;   /* from 1; another attempt keeps it */
	uint32_t attempts; /* that have failed, at just these records */
	bool half;         /* of a batch that has failed */
};

/* When a batch is complete. */
struct batch_limits {
	size_t records;
	size_t bytes; /* the record that exceeds them is the last */
};

/* Frees the records and the memory; the batch is empty afterwards. */
void batch_free(struct batch *);

/*
 * Takes the record over and returns 0; or -1 with errno ENOMEM, and the record
 * is still the caller's.
 */
int batch_add(struct batch *, const struct record *);

/*
 * How many records may be taken for the batch now.  The size of records that
 * have not been seen is guessed from those inside, so that the batch hardly
 * exceeds its bytes: ask again when they are inside.  0: it is complete.
 */
size_t batch_room(const struct batch *, const struct batch_limits *);

/* What becomes of a batch after an attempt that failed. */
enum batch_fate {
	BATCH_RETRY, /* all of it is tried again */
	BATCH_HALVE, /* one of its records is to blame: search in its halves */
	BATCH_DEAD,  /* its records are dead */
};

/*
 * `most` attempts are made at a batch, and at a record that is alone; but only
 * one at a half, which serves to find such a record.  bisect: a record may only
 * be dead if it has failed alone.
 */
enum batch_fate batch_fate(const struct batch *, uint32_t most, bool bisect);

/*
 * Moves the first half of at least two records into `front`, which was empty.
 * Neither has a number or an attempt then.  -1 with errno ENOMEM: nothing has
 * changed.
 */
int batch_halve(struct batch *, struct batch *front);

#endif
