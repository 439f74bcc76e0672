#ifndef FLOWS_H
#define FLOWS_H

/*
 * Flows: the records of one key each, with a bucket and those that wait.  All that waits shares one bounded room.
 *
 * Two trees (tree(3bsd)) hold the flows, one by their keys, one by the time when there is something to
 * do: a flow's first record is due, or it is idle and its bucket full, so that it can be forgotten.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/tree.h>

#include "base/clock.h"
#include "record/record.h"

struct flow {
	RB_ENTRY(flow) by_key, by_time;
	int64_t full; /* the bucket, see bucket.h; as it was last seen if others share it */
	uint64_t paid;
	int64_t at;           /* when there is something to do; CLOCK_NEVER */
	size_t n;             /* records that wait */
	uint32_t first, last; /* where they are in the room, if any do */
	const char *key;      /* behind it */
	size_t key_len;
};

RB_HEAD(key_tree, flow);
RB_HEAD(time_tree, flow);

struct seat {
	struct record record;
	uint32_t next;
};

struct flows {
	struct key_tree keys;
	struct time_tree times;
	size_t n, max; /* flows */
	int64_t
	    forgotten; /* the latest time at which the bucket of one that was forgotten was full */
	struct seat *room;
	uint32_t free;               /* the first seat that is, among those used before */
	size_t waiting, max_waiting; /* records */
};

/* Room for so many flows and waiting records.  -1 with errno. */
int flows_init(struct flows *, size_t max_flows, size_t max_waiting);
void flows_free(struct flows *); /* the records, too */

/*
 * The flow of this key, a new one if there is none: its bucket may have been forgotten since its record came, and is
 * full no sooner than any of those.  NULL with errno: ENOSPC (as many as may be), ENOMEM.
 */
struct flow *flows_get(struct flows *, const char *key, size_t len);

/* The one with the earliest time; NULL: there is none. */
struct flow *flows_first(struct flows *);

/* All of them, one after the other: the first one after NULL. */
struct flow *flows_next(struct flows *, struct flow *);

/* Gives it another time. */
void flows_move(struct flows *, struct flow *, int64_t at);

/* Forgets one that has no records and whose bucket is full. */
void flows_forget(struct flows *, struct flow *);

/* A record waits behind the others of its flow, or takes the first one away.  False: there is no room. */
bool flows_push(struct flows *, struct flow *, const struct record *);
struct record flows_pop(struct flows *, struct flow *);

/* The record that is first; there must be one. */
const struct record *flows_head(const struct flows *, const struct flow *);

#endif
