#ifndef INTAKE_H
#define INTAKE_H

/*
 * Where a worker's records come from: those that are due for a retry first, then the input's
 * channel while the gate is open.  A worker sleeps in poll(2) for its child; this
 * lets it wake there when there is something to take, or when work is cancelled.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>

#include "sync/park.h"
#include "record/record.h"

struct chan;
struct pfanout;
struct metrics_shard;

struct intake {
	struct pfanout *pf;
	struct metrics_shard *shard;
	struct chan *in, *again;
	bool in_ended, again_ended; /* closed and drained */
	bool watching;
	struct parker parker;
	struct waiter on_in, on_again, on_gate, on_cancel;
};

/* again may be NULL.  -1 with errno. */
int intake_open(
    struct intake *, struct pfanout *, struct metrics_shard *, struct chan *in, struct chan *again);
void intake_close(struct intake *);

/*
 * Takes up to max records, without blocking.  oldest is the seq of the oldest record the worker
 * holds, or UINT64_MAX.  Counts them and their wait.
 */
size_t intake_take(struct intake *, struct record *, size_t max, uint64_t oldest);

/*
 * Before sleeping: from now on whatever makes intake_take() succeed wakes the parker.
 * Take once more after it, and stop watching after the sleep; woken: poll(2) has said that the
 * descriptor is readable.
 */
void intake_watch(struct intake *, uint64_t oldest);
void intake_unwatch(struct intake *, bool woken);

/* The descriptor to poll for POLLIN. */
struct pollfd intake_pollfd(const struct intake *);

/* Nothing will come any more. */
bool intake_has_ended(const struct intake *);

#endif
