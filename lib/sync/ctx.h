#ifndef PCHAN_CTX_H
#define PCHAN_CTX_H

/*
 * A context says how long work is still wanted: until somebody cancels it, until
 * its deadline, or until its parent ends, as Go's context.Context does.  Every
 * call in pchan that blocks takes one, whether it sleeps in a channel or in
 * poll(2), and returns soon after the context is done.
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
	CTX_CANCELLED, /* ctx_cancel() on it or on a parent */
	CTX_TIMED_OUT, /* its deadline, or a parent's, has passed */
};

/*
 * A new context below parent (NULL: a root), done at the latest at the deadline
 * (monotonic ns; CLOCK_NEVER for none; a parent's earlier one counts).  NULL
 * with errno.  Free children before their parent.
 */
struct ctx *ctx_new(struct ctx *parent, int64_t deadline);
void ctx_free(struct ctx *);

/* Cancels it and everything below it, and wakes whoever waits.  Idempotent. */
void ctx_cancel(struct ctx *);

/* Once not CTX_LIVE it never changes again. */
enum ctx_state ctx_state(struct ctx *);

/* The earliest deadline of it and its parents. */
int64_t ctx_deadline(const struct ctx *);

/*
 * poll(2) until an event, the deadline (monotonic ns), or the context is done.
 * Returns the number of fds with revents; 0 when the time has come or the
 * context is done (ask ctx_state()); -1 with errno, never EINTR.  At most
 * CTX_POLL_MAX fds; one with a negative fd is passed over as poll(2) does.
 */
#define CTX_POLL_MAX 8
int ctx_poll(struct ctx *, struct pollfd *fds, nfds_t n, int64_t deadline);

/*
 * A descriptor that becomes readable when the context is cancelled (a deadline
 * does not show here: see ctx_deadline()), for a poll(2) of one's own.  It belongs to the
 * context: don't read it, don't close it.  -1 with errno.
 */
int ctx_fd(struct ctx *);

/*
 * Wakes the parker when the context is cancelled, and at once if it is done
 * already.  (A deadline wakes nobody: wait with ctx_deadline().)
 */
void ctx_watch(struct ctx *, struct waiter *, struct parker *);
void ctx_unwatch(struct ctx *, struct waiter *);

#endif
