#ifndef PCHAN_RETRY_H
#define PCHAN_RETRY_H

/*
 * Records that wait for another try.  A thread keeps them in the order in which they are due and
 * sends each into a channel of its own when its time has come; workers prefer that channel to the
 * input's.  So nobody is held up by a record that waits.  It is bounded because what waits
 * here is still reserved in the budget.  The channel is closed when the budget is done: then
 * nothing can come back any more.
 */

#include <stdint.h>

struct chan;
struct record;
struct retry;
struct stage;
struct metrics_shard;

/* Starts the thread.  NULL with errno. */
struct retry *retry_start(struct stage *, struct metrics_shard *);

/* Waits for the thread, which ends with the budget (or the root context), and frees it. */
void retry_join(struct retry *);

/*
 * Gives the record into its hands until due (monotonic ns; once work is cancelled: at once).  Never
 * blocks; any thread.  -1 with errno ENOMEM: it is still the caller's.
 */
int retry_put(struct retry *, const struct record *, int64_t due);

/* Where they come out. */
struct chan *retry_chan(struct retry *);

/*
 * How long to wait before the attempt after `attempts` failed ones: first, doubled each time up to
 * most, less a random part of up to a half, so that they don't all come at once.
 */
int64_t retry_backoff(int64_t first, int64_t most, uint32_t attempts);

#endif
