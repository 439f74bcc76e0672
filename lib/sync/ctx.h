#ifndef PCHAN_CTX_H
#define PCHAN_CTX_H

/*
 * A context says how long work is still wanted: until the context is cancelled,
 * its deadline passes, or its parent ends, as in Go's context.Context.  Every
 * call in pchan that blocks takes a context, whether it sleeps in a channel or
 * in poll(2), and returns soon after the context is done.
 *
 * All functions may be called by any thread.  None blocks but ctx_poll().
 */

#include <stdint.h>
#include <poll.h>

struct ctx;
struct parker;
struct waiter;

enum ctx_state {
	CTX_LIVE,
	CTX_CANCELLED, /* the context or an ancestor was cancelled */
	CTX_TIMED_OUT, /* its deadline, or an ancestor's, has passed */
};

/*
 * Makes a context below parent (NULL: a root) that is done at the deadline at
 * the latest (monotonic ns; CLOCK_NEVER for none; an ancestor's earlier
 * deadline counts).  Returns NULL with errno ENOMEM.  The caller frees the
 * context with ctx_free(), children before their parent.
 */
struct ctx *ctx_new(struct ctx *parent, int64_t deadline);

/* Frees a context that no thread uses any more.  NULL is fine. */
void ctx_free(struct ctx *);

/*
 * Cancels the context and everything below it, and wakes every thread that
 * waits with one of them.  Cancelling again does nothing.
 */
void ctx_cancel(struct ctx *);

/* Returns the state.  Once the state is not CTX_LIVE it never changes again. */
enum ctx_state ctx_state(struct ctx *);

/* Returns the earliest deadline of the context and its ancestors. */
int64_t ctx_deadline(const struct ctx *);

/*
 * Blocks in poll(2) until there is an event, the deadline passes (monotonic
 * ns), or the context is done.  Returns the number of fds with revents; 0 if
 * the deadline has passed or the context is done (see ctx_state()); -1 with
 * errno, never EINTR.  There are at most CTX_POLL_MAX fds (EINVAL); a negative
 * fd is ignored as in poll(2).  The first call opens a descriptor (EMFILE),
 * which belongs to the context.
 */
#define CTX_POLL_MAX 8
int ctx_poll(struct ctx *, struct pollfd *fds, nfds_t n, int64_t deadline);

/*
 * Wakes the parker when the context is cancelled, or at once if the context is
 * done already.  A deadline wakes nobody: wait no longer than ctx_deadline().
 * Waiter and parker are the caller's, and must live until ctx_unwatch() has
 * returned.
 */
void ctx_watch(struct ctx *, struct waiter *, struct parker *);
void ctx_unwatch(struct ctx *, struct waiter *);

#endif
