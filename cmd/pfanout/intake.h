#ifndef INTAKE_H
#define INTAKE_H

/*
 * Where a worker's records come from: first those that are due for another
 * attempt, then those of the input's channel, while the budget lets workers
 * take more.  With --key both come from the worker's lanes instead.
 *
 * A worker with a child sleeps in poll(2): it watches the intake, polls
 * intake_pollfd() besides the child's descriptors, and is woken there when
 * there may be something to take, or when work is cancelled.  A worker without
 * a child sleeps in intake_wait(), or in exec mode in collector_next().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>

#include "record/batch.h"
#include "sync/park.h"

struct chan;
struct keyed_box;
struct metrics_shard;
struct stage;

struct intake {
	struct stage *stage;
	struct metrics_shard *shard;
	struct chan *in, *again;
	struct tray *tray; /* what is taken from `in` goes over it; or NULL */
	/* --key: the lanes, instead of the channels; or NULL. */
	struct keyed_box *box;
	bool in_ended, again_ended; /* closed and drained */
	bool watching;
	/* Watches the channel and not the budget; NULL: nobody does. */
	struct parker *in_watcher;
	struct batch open; /* due; its records are being taken one by one */
	struct parker parker;
	struct waiter on_in, on_tray, on_again, on_budget, on_cancel;
};

/*
 * in has the records of the input; again the batches that are due for another
 * attempt, or is NULL.  -1 with errno: there is no descriptor to poll, but
 * intake_take() and intake_wait() work.  Close it in both cases.
 */
int intake_open(
    struct intake *, struct stage *, struct metrics_shard *, struct chan *in, struct chan *again);
void intake_close(struct intake *);

/*
 * The same for a worker of --key: its records come from these lanes.
 */
int intake_open_keyed(struct intake *, struct stage *, struct metrics_shard *, struct keyed_box *);

/*
 * Takes up to max records without blocking, and counts them and the time they
 * waited.  With a tray some of them may be runs: the result is how many items
 * there are, each of which stands for one record or several.  oldest is the seq
 * of the oldest record that the worker holds, or UINT64_MAX.  Once work is
 * cancelled the budget does not matter.
 */
size_t intake_take(struct intake *, struct record *, size_t max, uint64_t oldest);

/*
 * Either half of that.  A batch that is due is taken as a whole, and then is
 * the caller's: true.
 */
bool intake_take_due(struct intake *, struct batch *);
size_t intake_take_new(struct intake *, struct record *, size_t max, uint64_t oldest);

/*
 * intake_take() for a worker that holds nothing: blocks until there is a
 * record.  0: nothing will come any more, or the stage has ended.
 */
size_t intake_wait(struct intake *, struct record *, size_t max);

/*
 * Before poll(2): from now on whatever makes intake_take() succeed makes the
 * descriptor readable.  Call intake_take() once more between this and poll(2),
 * for records that came before.  After poll(2) stop watching; woken: the
 * descriptor was readable.
 */
void intake_watch(struct intake *, uint64_t oldest);
void intake_unwatch(struct intake *, bool woken);

/*
 * The same for a thread that sleeps in park_wait(), in two halves: what makes
 * intake_take_due() or intake_take_new() succeed wakes the parker.  Then
 * unwatch both with intake_unwatch(i, false).
 */
void intake_watch_due(struct intake *, struct parker *);
void intake_watch_new(struct intake *, struct parker *, uint64_t oldest);

/* The descriptor to poll for POLLIN. */
struct pollfd intake_pollfd(const struct intake *);

/* Whether nothing will come any more. */
bool intake_has_ended(const struct intake *);

#endif
