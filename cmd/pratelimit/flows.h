#ifndef FLOWS_H
#define FLOWS_H

/*
 * Flows: the records of one key each, with their bucket and the queue of those
 * that wait.  All queues share one bounded array of nodes.
 *
 * Two trees (tree(3bsd)) hold the flows.  One is ordered by key.  The other is
 * ordered by the time at which a flow needs attention: its first record is due,
 * or no record waits and its bucket is full, so that the flow can be forgotten.
 *
 * One thread uses a struct flows; nothing here blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/tree.h>

#include "base/clock.h"
#include "record/record.h"
#include "stage/teller.h"

struct flow {
	RB_ENTRY(flow) by_key, by_time;

	struct account bucket;

	int64_t at;  /* when it needs attention, or CLOCK_NEVER */
	bool booked; /* its first record is */

	/* The queue: its length and, if it is not empty, its nodes. */
	size_t n;
	uint32_t first, last;

	const char *key; /* stored behind the struct */
	size_t key_len;
};

RB_HEAD(key_tree, flow);
RB_HEAD(time_tree, flow);

/* A node of a flow's queue, or of the list of free nodes. */
struct node {
	struct record record; /* in a queue: one that waits */
	uint32_t next;        /* the index of the node behind it */
};

struct flows {
	struct key_tree keys;
	struct time_tree times;
	size_t n, max; /* flows */

	/* The latest time at which the bucket of a forgotten flow was full. */
	int64_t forgotten;

	/* The nodes, the first free one, and how many records wait in them. */
	struct node *nodes;
	uint32_t free;
	size_t waiting, max_waiting;
};

/*
 * Makes room for so many flows and waiting records.  -1 with errno ENOMEM; then
 * there is nothing to free.
 */
int flows_init(struct flows *, size_t max_flows, size_t max_waiting);

/* Frees everything, including the records that wait. */
void flows_free(struct flows *);

/*
 * Returns the flow of this key, and makes it if there is none; the key is
 * copied.  A flow of that key may have been forgotten since its record came, so
 * the bucket of a new flow is full no sooner than that of any forgotten flow.
 * NULL with errno: ENOSPC (there are max_flows), ENOMEM.
 */
struct flow *flows_get(struct flows *, const char *key, size_t len);

/* Returns the flow with the earliest time; NULL: there are no flows. */
struct flow *flows_first(struct flows *);

/* Walks through all flows: the first one after NULL, NULL after the last. */
struct flow *flows_next(struct flows *, struct flow *);

/* Changes the time at which the flow needs attention. */
void flows_move(struct flows *, struct flow *, int64_t at);

/* Frees a flow that has no records.  Its bucket counts for flows_get(). */
void flows_forget(struct flows *, struct flow *);

/*
 * Puts a record at the end of the flow's queue, and owns it from then on.
 * False: max_waiting records wait, and the record is still the caller's.
 */
bool flows_push(struct flows *, struct flow *, const struct record *);

/* Takes the first record out of the flow's queue, which must not be empty. */
struct record flows_pop(struct flows *, struct flow *);

/* Returns the first record of the flow's queue, which must not be empty. */
const struct record *flows_head(const struct flows *, const struct flow *);

#endif
