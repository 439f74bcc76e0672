#ifndef PCHAN_RETRY_H
#define PCHAN_RETRY_H

/*
 * Records that wait for another attempt, in batches: those of a batch are tried
 * together (map mode has batches of one).  A thread keeps the batches in the
 * order in which they are due, and sends each into a channel when its time has
 * come; workers prefer that channel to the input's.  So a batch that waits
 * holds up no other.  How many records wait is bounded by the budget, in which
 * they are still reserved.  The channel is closed when the budget is done,
 * because then nothing can come back any more, or when the root context is.
 */

#include <stdint.h>

struct batch;
struct chan;
struct retry;
struct stage;
struct metrics_shard;

/*
 * Starts the thread, before any other thread uses the stage's budget.  The
 * shard is the thread's alone.  NULL with errno.
 */
struct retry *retry_start(struct stage *, struct metrics_shard *);

/*
 * Blocks until the thread has ended, and frees the batches that still wait.
 * Call it when no other thread uses the stage's budget any more.  NULL is fine.
 */
void retry_join(struct retry *);

/*
 * Takes the batch over until it is due (monotonic ns), or until work is
 * cancelled.  Never blocks; any thread.  -1 with errno ENOMEM: the batch is
 * still the caller's.
 */
int retry_put(struct retry *, const struct batch *, int64_t due);

/*
 * The channel in which the batches come out that are due (struct batch); it
 * lives until retry_join().
 */
struct chan *retry_chan(struct retry *);

/*
 * How long to wait before the attempt after `attempts` failed ones, in ns:
 * `first`, doubled each time up to `most`, less a random part of up to a half,
 * so that records that failed together don't all come back together.
 */
int64_t retry_backoff(int64_t first, int64_t most, uint32_t attempts);

#endif
