#ifndef PCHAN_WAITS_H
#define PCHAN_WAITS_H

/*
 * How long the threads that read wait for the inputs.  The stage waits for
 * input while all of them wait: what has come is taken then.  An input that is
 * armed is waited for while any of them waits; while all of them are busy it
 * may well have something.
 *
 * A leaf of the inputs, which guard it with their lock.  Times are monotonic
 * ns.
 */

#include <stdbool.h>
#include <stdint.h>

struct metrics_link;
struct metrics_links;
struct stopwatch;

struct waits {
	struct stopwatch *all;       /* all threads wait; NULL: not measured */
	struct metrics_links *links; /* of the inputs; NULL: there are none */
	unsigned readers, waiting;   /* threads */
	uint64_t armed;              /* a bit for each place in the links */
};

/* A thread begins to wait, or ends its wait. */
void waits_begin(struct waits *, int64_t now);
void waits_end(struct waits *, int64_t now);

/* The input of the link is wanted, or not any more.  NULL does nothing. */
void waits_arm(struct waits *, struct metrics_link *);
void waits_disarm(struct waits *, struct metrics_link *);

#endif
