#ifndef PCHAN_SETTLE_H
#define PCHAN_SETTLE_H

/*
 * Which marks may go: one whose predecessors, by seq, have all ended.  Records
 * end in any order, every seq from 0 on at most once; a record that never ends
 * holds all marks behind it.  Nothing is kept of what ends before the first
 * mark is known but the number; from there on a bit for each record that has
 * ended before its turn.
 *
 * One thread's; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/mark.h"

struct settle;

/* NULL with errno ENOMEM. */
struct settle *settle_new(void);
void settle_free(struct settle *);

/*
 * The seq of the first mark.  Once; what comes with another seq is no mark.
 * Not needed, as the next functions, where settle_until() is used.
 */
void settle_begin(struct settle *, uint64_t first);

/*
 * Before that: so many records have ended, all of them before the first mark.
 */
void settle_count(struct settle *, uint64_t n);

/*
 * After that: n records with seqs from this one on have ended, all of them on
 * one side of the first mark, with no mark among them.  -1 with errno ENOMEM.
 */
int settle_records(struct settle *, uint64_t seq, uint64_t n);

/* All before this seq have ended, and nobody tells of each. */
void settle_until(struct settle *, uint64_t seq);

/* A mark with this seq has come.  -1 with errno ENOMEM. */
int settle_mark(struct settle *, uint64_t seq, const struct mark *);

/* Whether a mark may go. */
bool settle_is_ready(const struct settle *);

/* Hands over the next mark that may go.  False: none may. */
bool settle_take(struct settle *, struct mark *);

#endif
