#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/clock.h"
#include "sync/chan.h"
#include "sync/ctx.h"
#include "sync/park.h"
#include "sync/ring.h"

/*
 * A ring (ring.h) and the threads that wait for it.  tests/model/chan.pml is a
 * model of this protocol, and `make model` checks it.
 *
 * A thread that cannot proceed retries for a while, then enqueues itself on its
 * side's wait list, retries and looks again, and only then sleeps.  A thread
 * that has moved the tail or the head looks afterwards whether a thread waits
 * on the other side's list.  All four steps (enqueue, look; move, look) are
 * seq_cst, so of two threads at least one sees the other's step (Dekker's
 * algorithm), and no wake is lost.
 *
 * A wake says "something may be there", not "this is yours": another thread may
 * come first.  So a thread that was woken and leaves, with an item or without,
 * wakes the next thread if there is still something to be had.
 */

/*
 * How often a thread retries before it enqueues itself: SPINS times back to
 * back, then YIELDS times after letting other threads have the processor.
 */
#define SPINS 100
#define YIELDS 10

/*
 * On a busy machine a yield takes a time slice of each thread that wants the
 * processor, and a thread that sleeps is woken sooner.  So after a yield of
 * more than YIELD_MOST nobody yields for the time CROWDED.
 */
#define YIELD_MOST (CLOCK_MS / 2)
#define CROWDED (100 * CLOCK_MS)

struct chan {
	struct ring ring;
	size_t capacity; /* as asked for; 0 is a rendezvous, over a ring of 1 */
	const struct chan_taker *_Atomic taker;
	_Atomic int64_t crowded; /* until then, as far as we know */
	/* Threads that wait for room. */
	_Alignas(RING_LINE) struct waitlist senders;
	/* Threads that wait for items. */
	_Alignas(RING_LINE) struct waitlist receivers;
	/* Rendezvous: threads that wait for their item to be taken. */
	_Alignas(RING_LINE) struct waitlist offers;
};

/* A thread that cannot proceed. */
struct wait {
	struct chan *chan;
	struct ctx *ctx;
	struct waitlist *list;
	enum ring_look (*look)(const struct wait *);
	uint64_t pos;   /* of the item offered (look_taken) */
	unsigned turns; /* how often the thread has retried */
	bool watching;  /* ctx_waiter is on the context's list */
	bool queued;    /* waiter is on the list or has been woken from it */
	bool woken;     /* by a wake that no failed try has used up yet */
	struct parker parker;
	struct waiter waiter, ctx_waiter;
};

struct chan *
chan_new(size_t capacity, size_t item_size)
{
	struct chan *c;

	if (item_size == 0) {
		errno = EINVAL;
		return NULL;
	}
	if ((c = aligned_alloc(RING_LINE, sizeof(*c))) == NULL)
		return NULL;
	if (ring_init(&c->ring, capacity > 0 ? capacity : 1, item_size) == -1) {
		free(c);
		return NULL;
	}
	c->capacity = capacity;
	atomic_init(&c->taker, NULL);
	waitlist_init(&c->senders);
	waitlist_init(&c->receivers);
	waitlist_init(&c->offers);
	return c;
}

void
chan_free(struct chan *c)
{
	if (c == NULL)
		return;
	waitlist_destroy(&c->senders);
	waitlist_destroy(&c->receivers);
	waitlist_destroy(&c->offers);
	ring_free(&c->ring);
	free(c);
}

/* The three things that a thread waits for. */

static enum ring_look
look_room(const struct wait *w)
{
	return ring_look_send(&w->chan->ring);
}

static enum ring_look
look_items(const struct wait *w)
{
	return ring_look_recv(&w->chan->ring);
}

static enum ring_look
look_taken(const struct wait *w)
{
	if (ring_taken(&w->chan->ring, w->pos))
		return RING_READY;
	return ring_is_closed(&w->chan->ring) ? RING_CLOSED : RING_BLOCKED;
}

static inline void
wait_begin(struct wait *w, struct chan *c, struct ctx *ctx, struct waitlist *list,
    enum ring_look (*look)(const struct wait *))
{
	w->chan = c;
	w->ctx = ctx;
	w->list = list;
	w->look = look;
	w->turns = 0;
	w->watching = w->queued = w->woken = false;
}

/* Enqueues the thread; the caller retries and looks again before it sleeps. */
static void
wait_queue(struct wait *w)
{
	if (!w->watching) {
		park_init(&w->parker);
		ctx_watch(w->ctx, &w->ctx_waiter, &w->parker);
		w->watching = true;
	}
	waitlist_add(w->list, &w->waiter, &w->parker);
	w->queued = true;
	w->woken = false;
}

/* Sleeps until there is a wake or the deadline, and leaves the list. */
static void
wait_park(struct wait *w)
{
	park_wait(&w->parker, ctx_deadline(w->ctx));
	w->woken = !waitlist_remove(w->list, &w->waiter);
	w->queued = false;
}

static void
yield(struct chan *c)
{
	int64_t begun = clock_now(), now;

	sched_yield();
	now = clock_now();
	if (now - begun > YIELD_MOST)
		atomic_store_explicit(&c->crowded, now + CROWDED, memory_order_relaxed);
}

static inline void
relax_turn(struct chan *c, unsigned turn)
{
	if (turn >= SPINS)
		yield(c);
#if defined(__x86_64__) || defined(__i386__)
	else
		__builtin_ia32_pause();
#endif
}

/* Whether the thread is to yield once more before it enqueues itself. */
static bool
may_yield(const struct wait *w)
{
	return w->turns < SPINS + YIELDS &&
	    clock_now() >= atomic_load_explicit(&w->chan->crowded, memory_order_relaxed);
}

/*
 * One turn of waiting, to be called after every failed try.  Returns CHAN_OK if
 * the caller is to try again.  The thread sleeps only if it has enqueued
 * itself, then failed another try, and then seen here that it is still blocked.
 */
static enum chan_status
wait_turn(struct wait *w)
{
	enum ctx_state state;
	enum ring_look look;

	/* Retry at once, without looking at anything else. */
	if (w->turns < SPINS) {
		relax_turn(w->chan, w->turns++);
		return CHAN_OK;
	}

	/* Give up if there is nothing to wait for any more. */
	if ((look = w->look(w)) == RING_CLOSED)
		return CHAN_CLOSED;
	if ((state = ctx_state(w->ctx)) != CTX_LIVE)
		return state == CTX_CANCELLED ? CHAN_CANCELLED : CHAN_TIMED_OUT;

	/*
	 * Yield, then enqueue, then sleep; never sleep while another thread is
	 * in the middle of copying.
	 */
	if (look == RING_READY || may_yield(w))
		relax_turn(w->chan, w->turns++);
	else if (!w->queued)
		wait_queue(w);
	else
		wait_park(w);
	return CHAN_OK;
}

/*
 * Ends the wait.  Returns true if the thread leaves with a wake that the next
 * thread may need.
 */
static inline bool
wait_end(struct wait *w)
{
	if (w->queued)
		w->woken = !waitlist_remove(w->list, &w->waiter);
	if (w->watching)
		ctx_unwatch(w->ctx, &w->ctx_waiter);
	return w->woken;
}

static void
wake_next_sender(struct chan *c)
{
	if (ring_look_send(&c->ring) == RING_READY)
		waitlist_wake(&c->senders, 1);
}

static void
wake_next_receiver(struct chan *c)
{
	if (ring_look_recv(&c->ring) == RING_READY)
		waitlist_wake(&c->receivers, 1);
}

/* Rendezvous: blocks until the item at pos has been taken, or takes it back. */
static enum chan_status
await_taker(struct chan *c, struct ctx *ctx, uint64_t pos)
{
	enum chan_status status = CHAN_OK;
	struct wait w;

	wait_begin(&w, c, ctx, &c->offers, look_taken);
	w.pos = pos;
	while (!ring_emptied(&c->ring, pos) && status == CHAN_OK)
		status = wait_turn(&w);
	wait_end(&w);
	if (status == CHAN_OK || !ring_take_back(&c->ring, pos))
		return CHAN_OK;
	waitlist_wake(&c->senders, 1);
	return status;
}

/*
 * Blocks until it has sent at least one of the n items, and returns CHAN_OK, or
 * until the channel is closed or ctx is done.
 */
static inline enum chan_status
send_some(struct chan *c, struct ctx *ctx, const void *items, size_t n, size_t *sent)
{
	enum chan_status status = CHAN_OK;
	struct ring_span s = {0, 0};
	struct wait w;

	/* Claim cells. */
	wait_begin(&w, c, ctx, &c->senders, look_room);
	while (!ring_claim_send(&c->ring, n, &s))
		if ((status = wait_turn(&w)) != CHAN_OK)
			break;

	/* Fill them, and wake as many receivers as there are items. */
	if (status == CHAN_OK) {
		ring_copy_in(&c->ring, s, items);
		waitlist_wake(&c->receivers, s.n);
	}

	/* Pass on a wake, as there may be room for more. */
	if (wait_end(&w))
		wake_next_sender(c);
	if (status == CHAN_OK && c->capacity == 0)
		status = await_taker(c, ctx, s.pos);
	*sent = status == CHAN_OK ? s.n : 0;
	return status;
}

/* Whether the receiver lends its hand for the item. */
static bool
is_taken(const struct chan *c, const void *item)
{
	const struct chan_taker *t = atomic_load_explicit(&c->taker, memory_order_acquire);

	return t != NULL && t->take(t->arg, item);
}

enum chan_status
chan_sendn(struct chan *c, struct ctx *ctx, const void *items, size_t n, size_t *sent)
{
	const unsigned char *next = items;
	enum chan_status status = CHAN_OK;
	size_t done = n == 1 && is_taken(c, items), some;

	for (; done < n && status == CHAN_OK; done += some)
		status = send_some(c, ctx, next + done * c->ring.item_size, n - done, &some);
	if (sent != NULL)
		*sent = done;
	return status;
}

enum chan_status
chan_send(struct chan *c, struct ctx *ctx, const void *item)
{
	return chan_sendn(c, ctx, item, 1, NULL);
}

void
chan_lend(struct chan *c, const struct chan_taker *taker)
{
	atomic_store_explicit(&c->taker, taker, memory_order_release);
}

/* Copies the items of a claimed span out, and wakes the senders. */
static inline void
take_items(struct chan *c, struct ring_span s, void *items)
{
	ring_copy_out(&c->ring, s, items);
	waitlist_wake(&c->senders, s.n);
	if (c->capacity == 0)
		waitlist_wake(&c->offers, SIZE_MAX);
}

enum chan_status
chan_recvn(struct chan *c, struct ctx *ctx, void *items, size_t max, size_t *got)
{
	enum chan_status status = CHAN_OK;
	struct ring_span s = {0, 0};
	struct wait w;

	*got = 0;
	if (max == 0)
		return CHAN_OK;
	wait_begin(&w, c, ctx, &c->receivers, look_items);
	while (!ring_claim_recv(&c->ring, max, &s))
		if ((status = wait_turn(&w)) != CHAN_OK)
			break;
	if (status == CHAN_OK) {
		take_items(c, s, items);
		*got = s.n;
	}
	if (wait_end(&w))
		wake_next_receiver(c);
	return status;
}

enum chan_status
chan_await(struct chan *c, struct ctx *ctx)
{
	enum chan_status status = CHAN_OK;
	struct wait w;

	wait_begin(&w, c, ctx, &c->receivers, look_items);
	while (status == CHAN_OK && look_items(&w) != RING_READY)
		status = wait_turn(&w);
	if (wait_end(&w))
		wake_next_receiver(c);
	return status;
}

enum chan_status
chan_recv(struct chan *c, struct ctx *ctx, void *item)
{
	size_t got;

	return chan_recvn(c, ctx, item, 1, &got);
}

/*
 * A failed claim alone does not mean that the channel is empty, because a
 * sender may be just filling the cell.
 */
enum chan_status
chan_tryrecvn(struct chan *c, void *items, size_t max, size_t *got)
{
	struct ring_span s = {0, 0};
	enum ring_look look;
	unsigned turn = 0;

	*got = 0;
	if (max == 0)
		return CHAN_OK;
	while (!ring_claim_recv(&c->ring, max, &s)) {
		if ((look = ring_look_recv(&c->ring)) != RING_READY)
			return look == RING_CLOSED ? CHAN_CLOSED : CHAN_EMPTY;
		relax_turn(c, turn++);
	}
	take_items(c, s, items);
	*got = s.n;
	return CHAN_OK;
}

void
chan_watch_recv(struct chan *c, struct waiter *w, struct parker *p)
{
	waitlist_add(&c->receivers, w, p);
}

void
chan_unwatch_recv(struct chan *c, struct waiter *w)
{
	if (!waitlist_remove(&c->receivers, w))
		wake_next_receiver(c);
}

void
chan_close(struct chan *c)
{
	ring_close(&c->ring);
	waitlist_wake(&c->senders, SIZE_MAX);
	waitlist_wake(&c->receivers, SIZE_MAX);
	waitlist_wake(&c->offers, SIZE_MAX);
}

size_t
chan_len(const struct chan *c)
{
	bool closed;
	size_t len = ring_len(&c->ring, &closed);

	return len < c->capacity ? len : c->capacity;
}

size_t
chan_capacity(const struct chan *c)
{
	return c->capacity;
}
