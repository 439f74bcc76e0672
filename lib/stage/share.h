#ifndef PCHAN_SHARE_H
#define PCHAN_SHARE_H

/*
 * Which share of the last records has failed, for --max-failed 5%.
 *
 * A record has two steps: it is checked (JSON, its length, its key), and what
 * was fit ends, with a result or as a dead letter.  A stage checks records far
 * ahead of those that end, so each step has a window of its own, and the shares
 * of both are put together: of what was checked, then of the rest.  A step
 * counts from its 100th record on, and its window is the last 1000 to 2000: in
 * a shorter one chance alone makes 5% of 1% now and then.
 *
 * A pure leaf; the caller has the lock.
 */

#include <stdbool.h>
#include <stdint.h>

#define SHARE_LEAST 100
#define SHARE_SPAN 1000
#define SHARE_ALL UINT32_C(1000000)

enum share_step { SHARE_CHECKED, SHARE_ENDED, SHARE_STEPS };

struct share_sum {
	uint64_t n, failed;
};

struct share {
	uint32_t most;   /* of SHARE_ALL; 0: nothing is counted */
	uint32_t failed; /* the share at the stop */
	bool over;       /* more have failed */
	/* All so far, and what they were at the last two multiples of 1000. */
	struct share_sum now[SHARE_STEPS], mark[SHARE_STEPS][2];
};

/*
 * n more records have come to this step, and so many of them, or of earlier
 * ones, have failed there.  True, once: too many have.
 */
bool share_count(struct share *, enum share_step, uint64_t n, uint64_t failed);

#endif
