#ifndef PCHAN_BUDGET_H
#define PCHAN_BUDGET_H

/*
 * The budget of a stage: how many records, and how many bytes of them, it may
 * hold, so that memory is bounded and a slow reader of stdout makes the stage
 * wait instead of grow.  A record is counted in up to three spans, which all
 * end when the sink releases it (has written it, or knows that nothing is to be
 * written).  The source reserves a record before it sends it on: the first span
 * is all that the stage holds, whether a record waits in a channel, with a
 * worker, for a retry, or for its turn in the order.  A worker begins a record
 * when it takes it: the second span leaves out what waits in front of the
 * workers.  An answer is counted from the moment it is on its way to the sink.
 * Two decisions are made from these numbers.  The source may read while fewer
 * than `records` records of fewer than `bytes` bytes are reserved.  The workers
 * may take new records while at most `bytes` bytes of answers wait to be
 * written and, with -k, at most half of `bytes` has been begun, because there
 * all that has been begun may have to wait for the oldest record, the head of
 * the order.  The worker that holds the head may take more in any case: all
 * others wait for it, and a child that keeps its answers in a buffer gives them
 * up only when it is fed.  Of reserved and of begun records the first `spare`
 * are let in however large they are, so that every worker has one.
 *
 * All functions may be called by any thread, except where one is named.  None
 * blocks but budget_reserve() and budget_wait_take().
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
 * `most`.  A source that reserves no more never waits until the stage is empty.
 */
size_t budget_share(const struct budget *, size_t most);

/* The source has ended: nothing will be reserved any more. */
void budget_end(struct budget *);

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
 * For a worker that sleeps in poll(2): wakes the parker when it may be able to
 * take records.  Watch, ask budget_may_take(), sleep, unwatch, as with a
 * channel.
 */
void budget_watch_take(struct budget *, struct waiter *, struct parker *);
void budget_unwatch_take(struct budget *, struct waiter *);

/* Blocks until every worker may take records, or ctx is done. */
void budget_wait_take(struct budget *, struct ctx *);

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
