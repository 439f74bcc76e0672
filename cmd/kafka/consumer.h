#ifndef PCHAN_KAFKA_CONSUMER_H
#define PCHAN_KAFKA_CONSUMER_H

/*
 * What all parts of from-kafka share: the client, pfanin's side, and what has
 * been read.
 *
 * Records and all else (rebalances, errors, statistics) come in two queues, so
 * that librdkafka is polled also while nobody takes records: what has been
 * fetched stays where it is, and no partition needs to be paused.
 *
 * The main thread's.
 */

#include <stdbool.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

#include "engine/giver.h"
#include "json/text.h"
#include "brokers.h"
#include "offsets.h"
#include "settings.h"

#define CONSUMER_MARK_RECORDS 100

struct consumer {
	struct brokers brokers; /* first: the opaque pointer of the client */
	struct settings settings;
	bool marks; /* a group, whose offsets are committed */
	rd_kafka_t *rk;
	rd_kafka_queue_t *records; /* of all partitions */
	int wake;                  /* eventfd: something has come */
	bool stops;                /* pfanin wants no more */

	struct giver *giver;
	struct offsets offsets;
	uint64_t token;   /* of the last mark */
	int64_t mark_due; /* or CLOCK_NEVER */
	struct text member;
	struct trouble trouble; /* with a partition, or the group */

	/* group.c */
	bool joined; /* the group has given what we get: partitions, or none */
	bool leaving;
	bool committing;    /* a commit is on its way */
	int64_t commit_due; /* or CLOCK_NEVER */
	int64_t committed;  /* when the last commit was begun */
	int64_t waits;      /* since when we wait for partitions, or 0 */
	unsigned failures;  /* of commits, in a row */
	uint64_t rebalances;
	bool news; /* for metrics */
	struct trouble commits;
};

/* Ends the process: there is no memory. */
void consumer_out_of_memory(void) __attribute__((noreturn));

/*
 * Lets the giver work, and blocks until it or librdkafka has something to do,
 * or the timeout (ms) is over.  Sets `stops`.
 */
void consumer_step(struct consumer *, int timeout);

/* Marks what has been read, if there is something. */
void consumer_mark(struct consumer *);

/* An offset can be committed: soon, but no more than 5 times a second. */
void consumer_want_commit(struct consumer *);

#endif
