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

#include "record/reader.h"
#include "record/record.h"

struct ctx;
struct feed;
struct input;
struct processor;
struct stage;

/* How far the records that are sent come: in the input that has this place. */
struct source_end {
	void *place; /* the input's (input.h), which is not NULL */
	struct reader_place at;
};

/*
 * What puts marks among the records.  All functions are called with the
 * source's lock held, so that between two of them nothing is sent, and may call
 * source_mark(); wait() and last() may block.
 */
struct source_marks {
	/* Before the first record: threads begin to read. */
	void (*first)(void *arg);
	/*
	 * n records are about to be sent: waits until they may be.  False: they
	 * and all behind them are not to be sent, and come again.
	 */
	bool (*wait)(void *arg, size_t n);
	/* n records were sent, and come so far in their inputs. */
	void (*sent)(void *arg, size_t n, const struct source_end *, size_t ends);
	/* After the last record. */
	void (*last)(void *arg);
	void *arg;
	size_t most; /* records in the next batch; may change with the lock */
};

/* The most threads that read, each with a shard of its own. */
#define SOURCE_READERS 4

/* About as many short records as one read(2) brings. */
#define SOURCE_RUN 4096

struct source {
	struct stage *stage;
	size_t shard;       /* that of the first thread; others follow it */
	bool keeps_retries; /* retry envelopes go on as they are */
	bool checks;        /* stage_check() here, and not in a worker */
	size_t runs;        /* the most records in a run (record.h); or 0 */

	/* Returns when nothing more is to be read; NULL: as they arrive. */
	void (*order)(struct feed *, void *arg);
	void *order_arg;

	const struct source_marks *marks; /* NULL: none */

	/* Its own. */
	pthread_mutex_t lock; /* one thread at a time sends */
	struct chan *out;     /* NULL: no thread reads yet */
	bool held_back;       /* nothing is sent any more: marks said so */
	uint64_t seq;         /* of the next record that is sent */
	unsigned reading;     /* threads */
};

/* The processor; the source must outlive the pipeline. */
struct processor source_processor(struct source *);

/*
 * Sends a mark behind the records that were sent; the record is taken over.
 * Blocks while the channel is full.  False: the stage has ended.  By who has
 * the lock.
 */
bool source_mark(struct source *, struct record *);

/*
 * Calls mark(arg) with the lock, for a thread that does not read, unless a
 * thread is sending, or a mark would have to wait: then the result is false.
 */
bool source_try(struct source *, void (*mark)(void *arg), void *arg);

#endif
