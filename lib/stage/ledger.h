#ifndef PCHAN_LEDGER_H
#define PCHAN_LEDGER_H

/*
 * What a stage holds: every record that was read and is not settled (written, filtered, kept as a
 * dead letter) yet, wherever it waits: in the channel, with a worker, for a retry or for
 * its turn in the order.  The reader charges each record here before it sends it on and
 * waits while the stage holds too much; the sink settles it.  So memory is bounded, and so is how
 * far -k looks ahead.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ledger;
struct ctx;
struct parker;
struct waiter;

/*
 * At most so many records at a time, and no more once they weigh so many bytes; but the first `spare` records
 * are let in in any case, so that large records keep all workers busy.  NULL with errno.
 */
struct ledger *ledger_new(size_t max_records, size_t max_bytes, size_t spare);
void ledger_free(struct ledger *);

/*
 * Charges n records of `bytes` together; blocks until there is room for them or ctx is done: then -1, and
 * nothing is charged.  Only one thread charges.
 */
int ledger_charge(struct ledger *, struct ctx *, size_t n, size_t bytes);

/* A quarter of the records that may be held, from 1 to most: who charges no more at a time never waits for all. */
size_t ledger_share(const struct ledger *, size_t most);

/* Settles them; any thread. */
void ledger_settle(struct ledger *, size_t n, size_t bytes);

/* Nothing will be charged any more. */
void ledger_end(struct ledger *);

/* Whether all is settled after ledger_end().  Watch, ask, sleep, unwatch, as with a channel. */
bool ledger_is_done(const struct ledger *);
void ledger_watch(struct ledger *, struct waiter *, struct parker *);
void ledger_unwatch(struct ledger *, struct waiter *);

/* Records held now. */
size_t ledger_held(const struct ledger *);

#endif
