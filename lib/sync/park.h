#ifndef PCHAN_PARK_H
#define PCHAN_PARK_H

/*
 * How a thread waits for several things at once.
 *
 * A parker is one thread's parking place.  The thread hangs a waiter (a node
 * that points to its parker) into the waitlist of everything that may wake it:
 * a channel, a context, a budget.  Then it looks once more whether what it wants
 * is there, and parks if not.  Whoever changes something wakes as many waiters
 * of that list as the change can serve.  (Go's sudog queues, libdill's clauses.)
 *
 * A parker parks on a futex, or, made by park_init_fd(), is an eventfd: then
 * its thread sleeps in poll(2) instead and is woken there in the same way.
 *
 *	park_init(&parker);
 *	waitlist_add(&list, &waiter, &parker);
 *	while (!what I want) {
 *		park_wait(&parker, deadline);
 *		waitlist_remove(&list, &waiter);
 *		waitlist_add(&list, &waiter, &parker);
 *	}
 *	waitlist_remove(&list, &waiter);
 *
 * A wake takes the waiter out of the list, and what it was for may be gone by
 * then: so it is hung in again each time.
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

/* A parker to poll: fd is readable once woken.  -1 with errno. */
int park_init_fd(struct parker *);
void park_close(struct parker *);

/*
 * Sleeps until woken, or until the deadline (monotonic ns, CLOCK_NEVER), and
 * clears the wake.  Returns false when the deadline came first.  May wake for
 * nothing: call it in a loop.  Only for a futex parker.
 */
bool park_wait(struct parker *, int64_t deadline);

/* Forgets a wake that came; for an eventfd parker, after poll(2) or at any time. */
void park_clear(struct parker *);

/* Wakes the thread, now or at its next wait.  Any thread may. */
void park_wake(struct parker *);

void waitlist_init(struct waitlist *);
void waitlist_destroy(struct waitlist *);

/*
 * Hangs w into the list, at its end.  When it returns, every later
 * waitlist_wake() sees it: check the condition after this, not before.
 */
void waitlist_add(struct waitlist *, struct waiter *w, struct parker *);

/*
 * Takes w out.  Returns false if a waitlist_wake() had taken it out already: a
 * thread that leaves without using that wake has to pass it on to the next one.
 * After this no other thread touches w or, through it, the parker; so it is needed
 * also after a wake.  For a waiter that is in no list (all zero, or taken out) it does nothing.
 */
bool waitlist_remove(struct waitlist *, struct waiter *w);

/*
 * Takes up to n waiters out, oldest first, and wakes them.  Cheap when nobody
 * waits: one load.  The caller's change must be a seq_cst store or
 * read-modify-write before this call, so that either it sees the waiter here or
 * the waiter sees the change.
 */
void waitlist_wake(struct waitlist *, size_t n);

#endif
