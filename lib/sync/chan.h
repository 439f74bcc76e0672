#ifndef PCHAN_CHAN_H
#define PCHAN_CHAN_H

/*
 * A bounded FIFO between threads, as Go's channels are.
 *
 * A channel holds up to `capacity` items of one size; capacity 0 is a
 * rendezvous: a send returns when a receiver has taken the item.  Any number of
 * threads may send and receive.  A send happens-before the receive of its item.
 * Items are copied in and out; what they point to changes hands with them: after
 * a send that succeeded the value is the receiver's, after one that did
 * not it is still the caller's.
 *
 * The calls with an n move many items for the price of one hand-over.  They
 * are where the speed is.
 *
 * A context is asked only by a call that would block: what can be had at once is
 * had, also when the context is done.
 *
 * Use CHAN_OF(name, type) for a channel that the compiler checks the type of.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chan;
struct ctx;
struct parker;
struct waiter;

enum chan_status {
	CHAN_OK,
	CHAN_CLOSED, /* recv: and drained */
	CHAN_CANCELLED,
	CHAN_TIMED_OUT, /* the context's deadline */
	CHAN_EMPTY,     /* only from chan_tryrecvn */
};

/* capacity in items.  NULL with errno (ENOMEM, EINVAL). */
struct chan *chan_new(size_t capacity, size_t item_size);

/* No thread may be in it any more.  Items left inside are forgotten. */
void chan_free(struct chan *);

/*
 * Blocks until all n items are in (or, rendezvous, taken), the channel is
 * closed, or ctx is done.  *sent (may be NULL) says how many were taken; the rest is
 * still the caller's.  CHAN_OK if and only if all were.  Items of one call
 * keep their order, but other senders' may come between.
 */
enum chan_status chan_sendn(struct chan *, struct ctx *, const void *items, size_t n, size_t *sent);
enum chan_status chan_send(struct chan *, struct ctx *, const void *item);

/*
 * Blocks until there is at least one item and takes up to max, *got of them.
 * A closed channel is drained before CHAN_CLOSED is told.
 */
enum chan_status chan_recvn(struct chan *, struct ctx *, void *items, size_t max, size_t *got);
enum chan_status chan_recv(struct chan *, struct ctx *, void *item);

/* As chan_recvn, but CHAN_EMPTY instead of blocking.  A waiting rendezvous sender counts as an item. */
enum chan_status chan_tryrecvn(struct chan *, void *items, size_t max, size_t *got);

/*
 * For a receiver that waits for other things too: wakes the parker, once, when
 * there may be something to receive, or at close.  Watch, try, sleep if it was empty,
 * unwatch; then anew.  Unwatch in any case, and soon: a wake that was not used is
 * passed on to another receiver only then.
 */
void chan_watch(struct chan *, struct waiter *, struct parker *);
void chan_unwatch(struct chan *, struct waiter *);

/* Nothing can be sent any more; wakes everybody.  Idempotent. */
void chan_close(struct chan *);

/* Items inside now: a snapshot, between 0 and the capacity. */
size_t chan_len(const struct chan *);
size_t chan_capacity(const struct chan *);

/* True once closed; items may still be inside. */
bool chan_is_closed(const struct chan *);

#define CHAN_OF(name, type)                                                                 \
	__attribute__((unused)) static inline struct chan *name##_chan_new(size_t capacity) \
	{                                                                                   \
		return chan_new(capacity, sizeof(type));                                    \
	}                                                                                   \
	__attribute__((unused)) static inline enum chan_status name##_sendn(                \
	    struct chan *c, struct ctx *ctx, const type *items, size_t n, size_t *sent)     \
	{                                                                                   \
		return chan_sendn(c, ctx, items, n, sent);                                  \
	}                                                                                   \
	__attribute__((unused)) static inline enum chan_status name##_recvn(                \
	    struct chan *c, struct ctx *ctx, type *items, size_t max, size_t *got)          \
	{                                                                                   \
		return chan_recvn(c, ctx, items, max, got);                                 \
	}                                                                                   \
	__attribute__((unused)) static inline enum chan_status name##_tryrecvn(             \
	    struct chan *c, type *items, size_t max, size_t *got)                           \
	{                                                                                   \
		return chan_tryrecvn(c, items, max, got);                                   \
	}

#endif
