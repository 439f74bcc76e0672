#ifndef LANES_H
#define LANES_H

/*
 * The records that wait for one worker of pfanout --key: a lane for each key,
 * in which they stand in the order of the input.
 *
 *	put -> lane of key a: 1 5 6 --.
 *	       lane of key b: 2 ------+--> take -> the worker -> over
 *	       lane of key c: 3 4 ----'            |
 *	                put due <- retry queue <---' failed
 *
 * Lanes take turns: from each its first record, so a key with many records is
 * no obstacle to the others of its worker.  With -k the oldest record of all is
 * the next one instead, because all later results wait for it.
 *
 * With -a, an answer can ask for another attempt when the child has gone on to
 * the records behind it.  So there a lane is held while one of its records is
 * under way: from the time when it is taken until it is over, with all attempts
 * and the waits between them.  Without -a a record that fails is over at once,
 * whoever takes the records keeps their order, and nothing is held.
 *
 * A key is known by its hash.  Two keys with one hash share a lane, and are in
 * order, too.  A lane exists only while it has a record.  Knows no thread and
 * no lock; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/batch.h"

struct lanes;

struct lanes_rules {
	bool hold;    /* -a: one record of a lane is under way at a time */
	bool ordered; /* -k: the oldest record first */
};

/* NULL with errno ENOMEM. */
struct lanes *lanes_new(const struct lanes_rules *);

/* Frees the records inside, too.  NULL is fine. */
void lanes_free(struct lanes *);

/*
 * A new record, the last one of its lane.  Takes the record over and returns 0;
 * or -1 with errno ENOMEM, and the record is still the caller's.
 */
int lanes_put(struct lanes *, uint64_t key, const struct record *);

/*
 * A record that is under way is due for another attempt: a batch of that
 * record, which is taken over.
 */
void lanes_put_due(struct lanes *, uint64_t key, const struct batch *);

/* Takes up to max new records that may be taken now.  Returns how many. */
size_t lanes_take(struct lanes *, struct record *, size_t max);

/* Takes the record that became due first.  False: there is none. */
bool lanes_take_due(struct lanes *, struct batch *);

/*
 * The record with this seq has left the worker.  That one which was not under
 * way leaves changes nothing.
 */
void lanes_over(struct lanes *, uint64_t seq);

/* How many records have been put, and not been taken. */
size_t lanes_waiting(const struct lanes *);

/* How many have become due, and not been taken. */
size_t lanes_due(const struct lanes *);

/*
 * With -k the seq of the oldest new record that may be taken now; UINT64_MAX:
 * there is none.
 */
uint64_t lanes_oldest(const struct lanes *);

#endif
