#ifndef PCHAN_BUDGET_H
#define PCHAN_BUDGET_H

/*
 * The budget of a stage: how many records, and how many bytes of them, it may
 * hold, so that memory is bounded and a slow reader of stdout makes the stage
 * wait instead of grow.  What a stage holds is counted in three ways:
 *
 *	reserved   all that was read: in a channel, with a worker, waiting for
 *		   a retry or for its turn in the order.  Counted by the source
 *	begun	   those of them that a worker has taken.  Counted by the worker
 *	answers	   bytes of results and dead letters on their way to the sink
 *
 * All three are given back together, by the sink once the record is written or
 * known to have no output; in filter mode by the worker, once the filter has
 * the record.  Two decisions are made from these numbers:
 *
 * - The source may read while fewer than `records` records, of fewer than
 *   `bytes` bytes, are reserved.
 * - A worker may take records while at most `bytes` bytes of answers wait to be
 *   written.  With -k the begun records may also have at most half of `bytes`,
 *   because all of them may have to wait for the oldest one, the head of the
 *   order.  The worker that holds the head may always take more: all others
 *   wait for it, and a child that keeps its answers in a buffer gives them up
 *   only when it is fed.
 *
 * Whatever their size, records are let in while no more than `spare` are
 * reserved (begun), so that every worker gets one.
 *
 * Any thread may call any of the functions, unless its comment says which
 * thread calls it.  None blocks but budget_reserve() and budget_wait_take().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct budget;
struct ctx;
struct parker;
struct waiter;
struct waitlist;

struct budget_limits {
	size_t records; /* reserved at a time */
	size_t bytes;   /* of each span; see above */
	size_t spare;   /* records let in in any case: one per worker */
	bool ordered;   /* -k */
};

/* NULL with errno ENOMEM.  No thread may be in the budget when it is freed. */
struct budget *budget_new(const struct budget_limits *);
void budget_free(struct budget *);

/*
 * The source: counts n records of `bytes` bytes together.  Blocks until there
 * is room for them or ctx is done; then it returns -1, and nothing is reserved.
 * Records that are too large or too many to fit at all are let in when no more
 * than `spare` are held.  Only one thread reserves.
 */
int budget_reserve(struct budget *, struct ctx *, size_t n, size_t bytes);

/*
 * How many records to reserve at a time: a quarter of the limit, from 1 to
 * `most`.  A larger batch might have to wait until the stage is empty.
 */
size_t budget_share(const struct budget *, size_t most);

/* The source has ended: nothing will be reserved any more. */
void budget_end_input(struct budget *);

/* A worker took n reserved records of `bytes` bytes. */
void budget_begin(struct budget *, size_t n, size_t bytes);

/* So many bytes of answers are on their way to the sink. */
void budget_answer(struct budget *, size_t bytes);

/* What a batch of records was counted for. */
struct budget_release {
	size_t records, bytes;     /* reserved */
	size_t begun, begun_bytes; /* those of them that a worker had begun */
	size_t answer_bytes;
};

/*
 * The end of these records, in all spans.  Wakes the threads that may go on
 * now.
 */
void budget_release(struct budget *, const struct budget_release *);

/* With -k: the record with this seq is the head of the order now. */
void budget_advance(struct budget *, uint64_t head);

/*
 * Whether a worker may take new records; `oldest` is the seq of the oldest
 * record it holds, or UINT64_MAX.
 */
bool budget_may_take(const struct budget *, uint64_t oldest);

/*
 * Whether a worker that can take nothing, and whose oldest record has this seq,
 * is held up by the budget: it may not take, or the source waits for room.
 * Otherwise the input has nothing.
 */
bool budget_holds_up(const struct budget *, uint64_t oldest);

/* With -k: the seq of the head of the order. */
uint64_t budget_head(const struct budget *);

/* Whether answers are on their way to the sink, which will give them back. */
bool budget_has_answers(const struct budget *);

/*
 * For a worker that sleeps in poll(2): wakes the parker when it may be able to
 * take records.  Watch, ask budget_may_take(), sleep, unwatch, as with a
 * channel.
 */
void budget_watch_take(struct budget *, struct waiter *, struct parker *);
void budget_unwatch_take(struct budget *, struct waiter *);

/* Blocks until every worker may take records, or ctx is done. */
void budget_wait_take(struct budget *, struct ctx *);

/*
 * Whether the source waits for room: nothing will come before something is
 * released.  What it reserved before it has sent.
 */
bool budget_is_used_up(const struct budget *);

/* Wakes the parker when budget_is_used_up() becomes true, in the same way. */
void budget_watch_used_up(struct budget *, struct waiter *, struct parker *);
void budget_unwatch_used_up(struct budget *, struct waiter *);

/* Records that are reserved, and that no worker has begun. */
size_t budget_waiting(const struct budget *);

/* Records held now: reserved and not released. */
size_t budget_held(const struct budget *);

/* Whether the source has ended and everything is released. */
bool budget_is_done(const struct budget *);

/*
 * Wakes all on this list when budget_is_done() becomes true; the list stays the
 * caller's.  There is one such list, and while it is set or taken back (NULL)
 * no other thread may be in the budget.
 */
void budget_watch_done(struct budget *, struct waitlist *);

#endif
