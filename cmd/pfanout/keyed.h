#ifndef KEYED_H
#define KEYED_H

/*
 * What the threads of pfanout --key share: the lanes (lanes.h) of each worker,
 * behind one lock per worker.  The sorter (sorter.h) puts records in, the
 * worker takes them out by its intake, and reports by its outbox what has left.
 *
 * The key says which worker has a record: hash_jump() of its hash, as with
 * --to, so each key has the same worker from start to end.  How many records
 * wait here is bounded by the budget, in which they are reserved: the sorter
 * never waits for a worker, and so no worker for another one.
 *
 * Nothing blocks.  A record belongs to whoever has it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lanes.h"

struct keyed;
struct keyed_box;
struct parker;
struct waiter;

/* For so many workers.  NULL with errno ENOMEM. */
struct keyed *keyed_new(unsigned workers, const struct lanes_rules *);

/*
 * No thread may use it any more.  Frees the records inside, too; NULL is fine.
 */
void keyed_free(struct keyed *);

/*
 * By the sorter, as lanes_put() and lanes_put_due(); the worker of the key is
 * woken.
 */
int keyed_put(struct keyed *, uint64_t key, struct record *);
void keyed_put_due(struct keyed *, uint64_t key, const struct batch *);

/* By the sorter: no new record will be put any more; and none that is due. */
void keyed_end_input(struct keyed *);
void keyed_end_again(struct keyed *);

/* The lanes of worker `index`, from 0. */
struct keyed_box *keyed_box(struct keyed *, unsigned index);

/*
 * The following are called by that worker.
 *
 * As lanes_take() and lanes_take_due().  *ended: no record of the kind will
 * come any more.
 */
size_t keyed_take(struct keyed_box *, struct record *, size_t max, bool *ended);
bool keyed_take_due(struct keyed_box *, struct batch *, bool *ended);

/* As lanes_oldest(). */
uint64_t keyed_oldest(struct keyed_box *);

/* These records leave the worker: see lanes_over(). */
void keyed_over(struct keyed_box *, const struct record *, size_t n);

/*
 * Wakes the parker when there may be something to take, or when something has
 * ended: watch, try, sleep, unwatch, as with a channel.
 */
void keyed_watch(struct keyed_box *, struct waiter *, struct parker *);
void keyed_unwatch(struct keyed_box *, struct waiter *);

#endif
