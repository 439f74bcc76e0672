#ifndef PCHAN_REORDER_H
#define PCHAN_REORDER_H

/*
 * Puts records back in the order of their seq: a record that comes early waits
 * in a ring until all before it have come.  Every seq from 0 on must come
 * exactly once.  How far apart records are is bounded by the budget that lets
 * them in.  One thread's; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reorder;
struct record;

/* NULL with errno ENOMEM.  reorder_free() frees the records inside. */
struct reorder *reorder_new(void);
void reorder_free(struct reorder *);

/*
 * Takes the record over and returns 0; or -1 with errno ENOMEM, and the record
 * is still the caller's.
 */
int reorder_put(struct reorder *, const struct record *);

/* Hands over up to max records whose turn has come; returns how many. */
size_t reorder_get(struct reorder *, struct record *out, size_t max);

/* Whether this record would go on at once, and no other one with it. */
bool reorder_passes_alone(const struct reorder *, const struct record *);

/* The seq that all records inside wait for. */
uint64_t reorder_head(const struct reorder *);

#endif
