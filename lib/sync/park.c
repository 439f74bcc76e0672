#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "sync/park.h"

/* futex(2) has no wrapper in libc. */
static long
futex(_Atomic uint32_t *word, int op, uint32_t value, const struct timespec *until)
{
	return syscall(
	    SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, until, NULL, FUTEX_BITSET_MATCH_ANY);
}

void
park_init(struct parker *p)
{
	atomic_init(&p->woken, 0);
	p->fd = -1;
}

int
park_init_fd(struct parker *p)
{
	park_init(p);
	p->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return p->fd == -1 ? -1 : 0;
}

void
park_close(struct parker *p)
{
	if (p->fd != -1)
		close(p->fd);
	p->fd = -1;
}

bool
park_wait(struct parker *p, int64_t deadline)
{
	struct timespec until = {.tv_sec = 0};
	bool limited = deadline != CLOCK_NEVER;

	if (limited && deadline > 0) {
		until.tv_sec = deadline / CLOCK_S;
		until.tv_nsec = deadline % CLOCK_S;
	}
	/* The time of FUTEX_WAIT_BITSET is absolute and monotonic. */
	while (atomic_exchange(&p->woken, 0) == 0) {
		if (futex(&p->woken, FUTEX_WAIT_BITSET, 0, limited ? &until : NULL) == -1 &&
		    errno == ETIMEDOUT)
			return atomic_exchange(&p->woken, 0) != 0;
	}
	return true;
}

/*
 * Reads the eventfd before it clears `woken`: a wake in between would be lost
 * for good.
 */
void
park_clear(struct parker *p)
{
	uint64_t count;

	if (p->fd != -1)
		(void)!read(p->fd, &count, sizeof(count));
	atomic_store(&p->woken, 0);
}

void
park_wake(struct parker *p)
{
	if (atomic_exchange(&p->woken, 1) != 0)
		return;
	if (p->fd != -1)
		eventfd_write(p->fd, 1);
	else
		futex(&p->woken, FUTEX_WAKE, 1, NULL);
}

void
waitlist_init(struct waitlist *l)
{
	atomic_init(&l->count, 0);
	pthread_mutex_init(&l->lock, NULL);
	TAILQ_INIT(&l->waiters);
}

void
waitlist_destroy(struct waitlist *l)
{
	pthread_mutex_destroy(&l->lock);
}

/* The count goes up before the caller looks again; see waitlist_wake(). */
void
waitlist_add(struct waitlist *l, struct waiter *w, struct parker *p)
{
	w->parker = p;
	w->queued = true;
	pthread_mutex_lock(&l->lock);
	TAILQ_INSERT_TAIL(&l->waiters, w, link);
	atomic_fetch_add(&l->count, 1);
	pthread_mutex_unlock(&l->lock);
}

/* With the list's lock held. */
static void
remove_waiter(struct waitlist *l, struct waiter *w)
{
	TAILQ_REMOVE(&l->waiters, w, link);
	w->queued = false;
	atomic_fetch_sub(&l->count, 1);
}

bool
waitlist_remove(struct waitlist *l, struct waiter *w)
{
	bool queued;

	pthread_mutex_lock(&l->lock);
	queued = w->queued;
	if (queued)
		remove_waiter(l, w);
	pthread_mutex_unlock(&l->lock);
	return queued;
}

/*
 * Wakes with the lock held: a waiter and its parker live on the stack of their
 * thread, which can't leave before waitlist_remove() has had the lock.
 */
void
waitlist_wake(struct waitlist *l, size_t n)
{
	struct waiter *w;

	if (atomic_load(&l->count) == 0)
		return;
	pthread_mutex_lock(&l->lock);
	while (n-- > 0 && (w = TAILQ_FIRST(&l->waiters)) != NULL) {
		remove_waiter(l, w);
		park_wake(w->parker);
	}
	pthread_mutex_unlock(&l->lock);
}
