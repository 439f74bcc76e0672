#ifndef PCHAN_SEQUENCER_H
#define PCHAN_SEQUENCER_H

/*
 * Puts records back in the order of their seq: what comes early waits in a ring until all
 * before it have come.  Every seq from 0 on must come exactly once.  One
 * thread's; how far apart records may be is bounded by whoever lets them in
 * (the ledger).
 */

#include <stddef.h>
#include <stdint.h>

struct sequencer;
struct record;

/* NULL with errno ENOMEM. */
struct sequencer *sequencer_new(void);
void sequencer_free(struct sequencer *);

/* Takes the record over.  -1 with errno ENOMEM: it is still the caller's. */
int sequencer_put(struct sequencer *, const struct record *);

/* Hands out up to max records whose turn has come; returns how many. */
size_t sequencer_get(struct sequencer *, struct record *out, size_t max);

/* The seq that everything else waits for. */
uint64_t sequencer_head(const struct sequencer *);

/* Records that wait inside. */
size_t sequencer_len(const struct sequencer *);

#endif
