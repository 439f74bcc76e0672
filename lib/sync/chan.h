#ifndef PCHAN_CHAN_H
#define PCHAN_CHAN_H

/*
 * A bounded FIFO between threads, like Go's channels.
 *
 * A channel holds up to `capacity` items of one size.  Capacity 0 is a
 * rendezvous: a send returns when a receiver has taken the item.  Any number of
 * threads may send and receive, and all functions but chan_free() may be called
 * by any thread.  A send happens-before the receive of its item.  Items are
 * copied in and out, and what they point to changes hands with them: after a
 * send that succeeded the value is the receiver's, after a send that failed it
 * is still the caller's.
 *
 * The calls with an n move many items at the price of one hand-over.  They are
 * where the speed is.
 *
 * Only a call that would block asks its context: what can be had at once is
 * had, even when the context is done.
 *
 * CHAN_OF(name, type) makes a channel whose item type the compiler checks.
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
	CHAN_CLOSED,    /* to a receiver: closed and drained */
	CHAN_CANCELLED, /* the context was cancelled */
	CHAN_TIMED_OUT, /* the context's deadline has passed */
	CHAN_EMPTY,     /* only from chan_tryrecvn */
};

/*
 * Makes a channel for `capacity` items of item_size bytes.  Returns NULL with
 * errno EINVAL (item_size 0, or too large) or ENOMEM.  The caller frees the
 * channel with chan_free().
 */
struct chan *chan_new(size_t capacity, size_t item_size);

/*
 * Frees the channel, which no thread may be using any more.  The items still
 * inside are forgotten, not freed.  NULL is fine.
 */
void chan_free(struct chan *);

/*
 * Blocks until all n items are in (or, in a rendezvous, taken), the channel is
 * closed, or ctx is done.  Returns CHAN_OK if and only if all were sent.  *sent
 * (sent may be NULL) is set to how many were; the rest is still the caller's.
 * The items of one call keep their order, but items of other senders may come
 * between them.
 */
enum chan_status chan_sendn(struct chan *, struct ctx *, const void *items, size_t n, size_t *sent);
enum chan_status chan_send(struct chan *, struct ctx *, const void *item);

/*
 * Blocks until there is at least one item, the channel is closed, or ctx is
 * done, and takes up to max items.  *got is set to how many.  A closed channel
 * is drained before CHAN_CLOSED is returned.
 */
enum chan_status chan_recvn(struct chan *, struct ctx *, void *items, size_t max, size_t *got);
enum chan_status chan_recv(struct chan *, struct ctx *, void *item);

/*
 * As chan_recvn(), but returns CHAN_EMPTY instead of blocking.  A sender that
 * waits in a rendezvous counts as an item.
 */
enum chan_status chan_tryrecvn(struct chan *, void *items, size_t max, size_t *got);

/*
 * A receiver that lends its hand: each item that is sent alone is offered to
 * take() first, in the thread that sends, and goes into the channel only if
 * that returns false.  For an item whose work is less than a wake of another
 * thread.  To keep the order take() refuses while anything is inside; it must
 * not block.  NULL ends this, for calls that begin later.  By the only
 * receiver; taker and arg must live as long as anybody sends.
 */
struct chan_taker {
	bool (*take)(void *arg, const void *item);
	void *arg;
};
void chan_lend(struct chan *, const struct chan_taker *);

/*
 * Blocks until there is something to receive, and takes nothing: CHAN_OK.  Else
 * as chan_recvn().  For a receiver that has to do something before it takes.
 */
enum chan_status chan_await(struct chan *, struct ctx *);

/*
 * For a receiver that waits for other things too: wakes the parker once, when
 * there may be something to receive or when the channel is closed.  Watch, try,
 * sleep if the channel was empty, unwatch; then start again.  Always unwatch,
 * and soon: only then is a wake that was not used passed on to another
 * receiver.  Waiter and parker are the caller's, and must live until
 * chan_unwatch_recv() has returned.  Neither function blocks.
 */
void chan_watch_recv(struct chan *, struct waiter *, struct parker *);
void chan_unwatch_recv(struct chan *, struct waiter *);

/*
 * Ends all sending, and wakes every waiting thread.  Does not block.  Closing a
 * closed channel does nothing.
 */
void chan_close(struct chan *);

/* Returns how many items are inside: a snapshot, between 0 and the capacity. */
size_t chan_len(const struct chan *);

/* Returns the capacity that the channel was made with. */
size_t chan_capacity(const struct chan *);

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
