#ifndef GATE_H
#define GATE_H

/*
 * --rate: the bucket that all workers of the pool share.  Each of them has a
 * pass, which asks for a token before each attempt (ticket.h).
 *
 * The gate knows how many workers wait for their token, so that the time
 * counts in which at least one does.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/park.h"
#include "ticket.h"

struct gate;
struct meter;
struct metrics_shard;
struct stage;

/* What a gate is made of; all of it must outlive the gate. */
struct gate_setup {
	struct stage *stage;
	struct meter *meter;
	const char *shared;          /* the meter's file or URL, or NULL */
	struct metrics_shard *shard; /* the gate's alone */
	unsigned jobs;
};

/* NULL with errno. */
struct gate *gate_new(const struct gate_setup *);
void gate_free(struct gate *);

/* The rate that is in force, for people. */
void gate_describe(const struct gate *, char *text, size_t size);

/* A worker's; used by its thread only. */
struct pass {
	struct gate *gate; /* NULL: attempts have no rate */
	struct ticket ticket;
	struct parker *parker; /* the worker's */
	struct waiter on_news; /* of the meter */
	bool waits;            /* for credit, with an attempt to make */
};

/* The parker, which outlives the pass, is one to poll. */
void pass_init(struct pass *, struct gate *, struct parker *);

/*
 * The worker has an attempt to make: whether it may begin now, and has taken
 * its token.  If not, ask again at pass_next(), or when the parker is woken.
 * Never blocks.  Where the file has lost its rate the stage is aborted.
 */
bool pass_take(struct pass *, int64_t now);

/* The worker has no attempt to make at present, so it does not wait. */
void pass_rest(struct pass *);

/* When a worker that waits has to ask again; CLOCK_NEVER: it does not wait. */
int64_t pass_next(const struct pass *, int64_t now);

/*
 * Whether the worker waits for no token, or for one that is due in a moment: a
 * child that keeps its answers is not made to give them before.
 */
bool pass_is_near(const struct pass *, int64_t now);

/*
 * How many records a child may be given ahead of its answers (window.h), so
 * that one that was held up does not catch up with a burst of attempts: what
 * the rate allows the workers in a millisecond, and 1 at least.  0: no limit.
 */
size_t pass_window(const struct pass *);

#endif
