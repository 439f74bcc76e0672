#ifndef PCHAN_KAFKA_OFFSETS_H
#define PCHAN_KAFKA_OFFSETS_H

/*
 * How far each partition has been read, marked and finished, and so which
 * offset may be committed for it.
 *
 * A mark is a number, its token, and stands for the positions of all partitions
 * when it was made.  Tokens grow, and are done in their order.  A partition
 * that is assigned begins a generation; once it is revoked, marks of that
 * generation change nothing more, even if the partition comes back.
 *
 * A position is the offset of the next record: what Kafka commits.
 *
 * One thread's; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OFFSETS_NONE INT64_C(-1)

/* A partition.  Others than offsets.c write only `committed` and `lag_told`. */
struct place {
	char *topic;
	int32_t partition;
	char *name; /* "orders[3]" */
	bool assigned, at_end;
	uint64_t generation;
	int64_t read;      /* position after the last record; or NONE */
	int64_t next;      /* the same, and past what is no record */
	int64_t done;      /* position that is finished: may be committed */
	int64_t committed; /* position that has been committed; or NONE */
	uint64_t unmarked; /* records since the last mark */
	bool lag_told;     /* metrics have its lag */
};

struct offsets {
	size_t n;
	struct place **place; /* by topic and partition; freed with all */
	/* What marks stand for, the oldest one at entry[first]. */
	struct mark_entry *entry;
	size_t first, end, room;
	uint64_t unmarked; /* records since the last mark, */
	uint64_t waiting;  /* and those in marks that are not done */
};

/* {0} is an empty table. */
void offsets_free(struct offsets *);

/* The place of a partition, a new one if need be.  NULL: no memory. */
struct place *offsets_place(struct offsets *, const char *topic, int32_t partition);

/* The same, NULL if there is none. */
struct place *offsets_find(const struct offsets *, const char *topic, int32_t partition);

/* The partition is ours from now on, at a position that is not known. */
void offsets_assign(struct place *);
void offsets_revoke(struct place *);

/*
 * A record with this offset has been read.  True: the partition has gone back
 * (its server has lost records), and begins a generation there.
 */
bool offsets_read(struct offsets *, struct place *, int64_t offset);

/* The partition has nothing before this offset that has not been read. */
void offsets_reached(struct place *, int64_t offset);

/* The token is the mark of all that has been read.  -1: no memory. */
int offsets_mark(struct offsets *, uint64_t token);

/* All up to the token is done. */
void offsets_done(struct offsets *, uint64_t token);

/* Whether all that was read of the partition is done, or it is not ours. */
bool offsets_is_settled(const struct place *);

/* Whether there is something to commit. */
bool offsets_is_due(const struct place *);

/* Records that are not done. */
uint64_t offsets_outstanding(const struct offsets *);

#endif
