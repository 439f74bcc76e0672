#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "sync/ctx.h"
#include "sync/park.h"

struct ctx {
	_Atomic int state; /* enum ctx_state */
	int64_t deadline;  /* the earliest of its own and its ancestors' */
	struct waitlist watchers;
	struct ctx *parent; /* NULL: a root */

	/* Guarded by tree_lock. */
	LIST_ENTRY(ctx) sibling; /* among parent's children */
	LIST_HEAD(ctx_children, ctx) children;
	int fd; /* eventfd for ctx_poll(), -1 until needed */
};

/*
 * Guards the tree of contexts (sibling, children) and each context's fd.  One
 * lock serves all contexts: it is taken to make, cancel, poll or free a
 * context, never to ask for its state.
 */
static pthread_mutex_t tree_lock = PTHREAD_MUTEX_INITIALIZER;

struct ctx *
ctx_new(struct ctx *parent, int64_t deadline)
{
	struct ctx *c = malloc(sizeof(*c));

	if (c == NULL)
		return NULL;
	atomic_init(&c->state, CTX_LIVE);
	c->deadline = deadline;
	waitlist_init(&c->watchers);
	c->fd = -1;
	LIST_INIT(&c->children);
	c->parent = parent;
	if (parent == NULL)
		return c;

	if (parent->deadline < deadline)
		c->deadline = parent->deadline;
	pthread_mutex_lock(&tree_lock);
	atomic_store(&c->state, ctx_state(parent));
	LIST_INSERT_HEAD(&parent->children, c, sibling);
	pthread_mutex_unlock(&tree_lock);
	return c;
}

void
ctx_free(struct ctx *c)
{
	if (c == NULL)
		return;
	if (c->parent != NULL) {
		pthread_mutex_lock(&tree_lock);
		LIST_REMOVE(c, sibling);
		pthread_mutex_unlock(&tree_lock);
	}
	if (c->fd != -1)
		close(c->fd);
	waitlist_destroy(&c->watchers);
	free(c);
}

/* Only the first reason stays. */
static void
end_context(struct ctx *c, int reason)
{
	int live = CTX_LIVE;

	atomic_compare_exchange_strong(&c->state, &live, reason);
}

enum ctx_state
ctx_state(struct ctx *c)
{
	if (atomic_load(&c->state) == CTX_LIVE && c->deadline != CLOCK_NEVER &&
	    clock_now() >= c->deadline)
		end_context(c, CTX_TIMED_OUT);
	return (enum ctx_state)atomic_load(&c->state);
}

/* Cancels c and its descendants, with tree_lock held. */
static void
cancel_tree(struct ctx *c)
{
	struct ctx *child;

	if (ctx_state(c) == CTX_LIVE)
		end_context(c, CTX_CANCELLED);
	if (c->fd != -1)
		eventfd_write(c->fd, 1);
	waitlist_wake(&c->watchers, SIZE_MAX);
	for (child = LIST_FIRST(&c->children); child != NULL; child = LIST_NEXT(child, sibling))
		cancel_tree(child);
}

void
ctx_cancel(struct ctx *c)
{
	pthread_mutex_lock(&tree_lock);
	cancel_tree(c);
	pthread_mutex_unlock(&tree_lock);
}

int64_t
ctx_deadline(const struct ctx *c)
{
	return c->deadline;
}

/*
 * Returns the context's descriptor, which becomes readable when the context is
 * cancelled (a deadline does not show here).  -1 with errno.
 */
static int
cancel_fd(struct ctx *c)
{
	int fd;

	pthread_mutex_lock(&tree_lock);
	if (c->fd == -1) {
		c->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (c->fd != -1 && ctx_state(c) != CTX_LIVE)
			eventfd_write(c->fd, 1);
	}
	fd = c->fd;
	pthread_mutex_unlock(&tree_lock);
	return fd;
}

int
ctx_poll(struct ctx *c, struct pollfd *fds, nfds_t n, int64_t deadline)
{
	struct pollfd all[CTX_POLL_MAX + 1];
	int64_t until = deadline < c->deadline ? deadline : c->deadline;
	struct timespec left;
	nfds_t i;
	int ready;

	if (n > CTX_POLL_MAX) {
		errno = EINVAL;
		return -1;
	}
	for (i = 0; i < n; i++) {
		fds[i].revents = 0;
		all[i] = fds[i];
	}
	all[n] = (struct pollfd){.fd = cancel_fd(c), .events = POLLIN};
	if (all[n].fd == -1)
		return -1;

	do {
		if (ctx_state(c) != CTX_LIVE)
			return 0;
		ready = ppoll(all, n + 1, clock_left(until, &left), NULL);
	} while (ready == -1 && errno == EINTR);
	if (ready > 0 && all[n].revents != 0)
		return 0;
	for (i = 0; i < n; i++)
		fds[i].revents = all[i].revents;
	return ready;
}

void
ctx_watch(struct ctx *c, struct waiter *w, struct parker *p)
{
	waitlist_add(&c->watchers, w, p);
	if (ctx_state(c) != CTX_LIVE)
		park_wake(p);
}

void
ctx_unwatch(struct ctx *c, struct waiter *w)
{
	waitlist_remove(&c->watchers, w);
}
