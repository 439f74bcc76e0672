#ifndef PCHAN_SOURCE_H
#define PCHAN_SOURCE_H

/*
 * The first processor of a stage.  Its threads read lines from the inputs,
 * leave out blank ones, recognise dead letters and marks that pass by, unwrap
 * retry envelopes, reserve the records in the budget and send them on.
 *
 * The last line of an input that has marks, if it has no LF, is what is left of
 * a writer that was killed.  It is left out, and comes again.
 *
 * In what order records of several inputs go on is decided by a function, which
 * runs in the only reading thread and is made of the feed's; without one they
 * go on as they arrive, and several threads read.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>

struct ctx;
struct feed;
struct input;
struct mark;
struct processor;
struct record;
struct stage;

/* The most threads that read, each with a shard of its own. */
#define SOURCE_READERS 4

struct source {
	struct stage *stage;
	size_t shard;       /* that of the first thread; others follow it */
	bool keeps_retries; /* retry envelopes go on as they are */
	bool checks;        /* stage_check() here, and not in a worker */

	/* Returns when nothing more is to be read; NULL: as they arrive. */
	void (*order)(struct feed *, void *arg);
	void *order_arg;

	/* Its own. */
	pthread_mutex_t lock; /* one thread at a time sends */
	uint64_t seq;         /* of the next record that is sent */
	unsigned reading;     /* threads */
};

/* The processor; the source must outlive the pipeline. */
struct processor source_processor(struct source *);

/* The feed of a reading thread: what an order is made of. */

struct stage *feed_stage(const struct feed *);

/* inputs_next() (inputs.h).  Where that fails, the stage is aborted. */
struct input *feed_next(struct feed *, struct ctx *, int64_t deadline);

/*
 * Reads once from an input that is ready.  What came is to be taken.  An input
 * that is over, that fails (told, and status 2 in the end), or that must not be
 * read any more, has ended then.
 */
void feed_read(struct feed *, struct input *);

/* Reads no more from an input, although it may have more. */
void feed_stop(struct feed *, struct input *);

/*
 * Takes the next record of an input that has been read.  False: no whole line
 * is there, the input is to be armed again unless it has ended.  The record is
 * counted as received, or as bypassed if it is a dead letter; one that fails
 * the source's check is dead.
 */
bool feed_take(struct feed *, struct input *, struct record *);

/*
 * Puts a record into the batch that is sent next; a full batch is sent, which
 * may block.  Once the stage has ended records are freed.
 */
void feed_put(struct feed *, const struct record *);

/*
 * Puts a mark of our own behind what has been put.  Without memory the stage
 * gives up.
 */
void feed_mark(struct feed *, const struct mark *);

/* Sends the batch. */
void feed_send(struct feed *);

#endif
