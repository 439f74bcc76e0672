#ifndef PCHAN_REORDER_H
#define PCHAN_REORDER_H

/*
 * Puts records back in the order of their seq: what comes early waits in a ring until all
 * before it have come.  Every seq from 0 on must come exactly once.  One
 * thread's; how far apart records may be is bounded by whoever lets them in
 * (the ledger).
 */

#include <stddef.h>
#include <stdint.h>

struct reorder;
struct record;

/* NULL with errno ENOMEM. */
struct reorder *reorder_new(void);
void reorder_free(struct reorder *);

/* Takes the record over.  -1 with errno ENOMEM: it is still the caller's. */
int reorder_put(struct reorder *, const struct record *);

/* Hands out up to max records whose turn has come; returns how many. */
size_t reorder_get(struct reorder *, struct record *out, size_t max);

/* The seq that everything else waits for. */
uint64_t reorder_head(const struct reorder *);

#endif
