#ifndef COLLECTOR_H
#define COLLECTOR_H

/*
 * How the workers of exec mode come by their batches.
 *
 * Batches are collected one after the other, by one worker at a time: the one
 * who has the seat.  So the records of a batch are neighbours in the input, and
 * a slow input fills one batch instead of a piece of one for each worker.  The
 * batch belongs to the seat: a worker who gets a batch that is due for another
 * attempt stands up, and another worker goes on collecting.
 *
 * A batch is complete when it has reached its limits, when it has waited for
 * long enough after its first record, or when nothing more can be had: the
 * input has ended, the budget is used up, or a signal has come.  The number of
 * a batch is given from the seat, so the numbers are in the order of the input,
 * those of batches of one record, too.  Without --batch no seat is needed, and
 * each worker takes its own record.
 */

#include <stdbool.h>
#include <stdint.h>

#include "record/batch.h"

struct collector;
struct worker;

/*
 * For batches with these limits that wait for at most `wait` ns, and are
 * collected one after the other (in_turn), or are records.  NULL with errno
 * ENOMEM.
 */
struct collector *collector_new(const struct batch_limits *, int64_t wait, bool in_turn);

/* No worker may use it any more.  NULL is fine. */
void collector_free(struct collector *);

/*
 * Blocks until the worker has a batch to work on: one that is due for another
 * attempt, or a new one of records that are fit.  All else that comes leaves
 * through the worker's outbox.  Once work is cancelled a batch is only to be
 * buried.  False: nothing will come any more, or the stage has ended.
 */
bool collector_next(struct collector *, struct worker *, struct batch *);

#endif
