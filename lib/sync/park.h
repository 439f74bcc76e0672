#ifndef PCHAN_PARK_H
#define PCHAN_PARK_H

/*
 * How a thread waits for several things at once.
 *
 * A parker is one thread's parking place.  The thread adds a waiter (a node
 * that points to its parker) to the wait list of everything that may wake it: a
 * channel, a context, a budget.  Then it looks once more whether its condition
 * holds, and parks if not.  A thread that changes something wakes as many
 * waiters of that list as the change can serve.  (Go's sudog queues and
 * libdill's clauses work like this.)
 *
 * A parker parks on a futex.  One made by park_init_fd() is an eventfd instead:
 * its thread sleeps in poll(2) and is woken there in the same way.
 *
 *	park_init(&parker);
 *	waitlist_add(&list, &waiter, &parker);
 *	while (!condition) {
 *		park_wait(&parker, deadline);
 *		waitlist_remove(&list, &waiter);
 *		waitlist_add(&list, &waiter, &parker);
 *	}
 *	waitlist_remove(&list, &waiter);
 *
 * A wake takes the waiter out of the list, and another thread may have been
 * faster: so the waiter is added again each time.  wait_for() (wait.h) is this
 * loop.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <pthread.h>
#include <sys/queue.h>

struct parker {
	_Atomic uint32_t woken; /* 1 once woken, until cleared */
	int fd;                 /* eventfd, or -1 for a futex */
};

struct waiter {
	TAILQ_ENTRY(waiter) link;
	struct parker *parker;
	bool queued; /* guarded by the list's lock */
};

struct waitlist {
	_Atomic uint32_t count; /* waiters queued; read without the lock */
	pthread_mutex_t lock;
	TAILQ_HEAD(waiters, waiter) waiters;
};

/* A futex parker.  Nothing to free. */
void park_init(struct parker *);

/* A parker to poll: its fd is readable once woken.  -1 with errno. */
int park_init_fd(struct parker *);

/* Closes the fd, if it has one; no thread may wake it any more. */
void park_close(struct parker *);

/*
 * Sleeps until woken or until the deadline (monotonic ns, CLOCK_NEVER), and
 * clears the wake.  Returns false when the deadline came first.  A wake may be
 * spurious: call it in a loop.  Only for a futex parker, by its thread.
 */
bool park_wait(struct parker *, int64_t deadline);

/*
 * Clears a wake.  An eventfd parker is cleared after poll(2), or at any time.
 * By its thread.
 */
void park_clear(struct parker *);

/* Wakes the thread, now or at its next wait.  Any thread. */
void park_wake(struct parker *);

void waitlist_init(struct waitlist *);
void waitlist_destroy(struct waitlist *);

/*
 * Adds w at the end of the list.  After it has returned, every waitlist_wake()
 * sees w: look at the condition after this, not before.
 */
void waitlist_add(struct waitlist *, struct waiter *w, struct parker *);

/*
 * Takes w out.  Returns false if a waitlist_wake() has taken it out before: a
 * thread that leaves without using that wake must pass it on to the next
 * waiter.  After this no other thread touches w or, through it, the parker, so
 * the call is needed even after a wake.  It does nothing for a waiter that is
 * on no list (all zero, or taken out).
 */
bool waitlist_remove(struct waitlist *, struct waiter *w);

/*
 * Takes up to n waiters out, oldest first, and wakes them.  Costs one load when
 * the list is empty.  The change that the waiters wait for must be a seq_cst
 * store or read-modify-write before this call, so that either this call sees
 * the waiter or the waiter sees the change (Dekker's argument).
 */
void waitlist_wake(struct waitlist *, size_t n);

#endif
