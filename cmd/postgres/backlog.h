#ifndef BACKLOG_H
#define BACKLOG_H

/*
 * The records that have been taken and are not stored, in their order.  Those
 * of the transaction that is on its way are the first ones.  How many there can
 * be is bounded by the taker.
 *
 * One thread's; nothing blocks.
 */

#include <stddef.h>

#include "engine/taker.h"
#include "json/key.h"

struct backlog_item {
	struct taker_record record;
	struct json_key key; /* owned by the item; {0}: there is none */
};

struct backlog {
	struct backlog_item *items; /* those from `first` on */
	size_t first, n, room;
};

#define BACKLOG_BYTES ((size_t)8 << 20)

void backlog_free(struct backlog *);

/* Adds it.  -1: no memory; the item is the caller's. */
int backlog_add(struct backlog *, const struct backlog_item *);

/* The i-th one that is there. */
struct backlog_item *backlog_at(const struct backlog *, size_t i);

/* How many of the first `most` make a transaction of BACKLOG_BYTES, or one. */
size_t backlog_run(const struct backlog *, size_t most);

/* Removes the first one. */
void backlog_drop(struct backlog *);

#endif
