#ifndef DISPATCH_H
#define DISPATCH_H

/*
 * Which output of pfanout --to has which parcel.  The router puts parcels in,
 * for one output or for whichever takes them; each output takes them out, one
 * at a time, by a thread of its own.  Output i waits in poll(2) on a descriptor
 * that becomes readable when there may be something for it.  Any number of
 * outputs may leave before the end; what was theirs goes to others, or stays
 * with the thread of the output that has left.
 *
 * Nothing blocks but the functions of the router that take a context.
 */

#include <stdbool.h>

struct ctx;
struct dispatch;
struct parcel;
struct parker;
struct stopwatch;

/*
 * For n outputs, which all are there.  With `returns` an output that leaves may
 * give parcels back, so none ends before all are written.  The stopwatch runs
 * while the router waits for the outputs.  NULL with errno.
 */
struct dispatch *dispatch_new(unsigned n, bool returns, struct stopwatch *);

/* No thread may use it any more.  NULL is fine. */
void dispatch_free(struct dispatch *);

/*
 * The router: gives the parcel to output i.  Blocks while the output has enough
 * of them.  False with errno (EPIPE: the output has left, ECANCELED: ctx is
 * done); the parcel is still the caller's.
 */
bool dispatch_put(struct dispatch *, struct ctx *, unsigned i, struct parcel *);

/*
 * The same for whichever output takes it.  EPIPE: all have left.
 */
bool dispatch_offer(struct dispatch *, struct ctx *, struct parcel *);

/* The router: nothing will be put any more. */
void dispatch_end(struct dispatch *);

/*
 * The router, after the end: blocks until every parcel has been taken and, with
 * `returns`, none can come back.  False with errno (ECANCELED: ctx is done).
 */
bool dispatch_drain(struct dispatch *, struct ctx *);

/*
 * A parcel that nobody has taken yet, of whatever output, or NULL: for the
 * router, once no more is to be written.
 */
struct parcel *dispatch_reclaim(struct dispatch *);

/* Whether output i has not left, and how many have not.  Any thread. */
bool dispatch_is_live(struct dispatch *, unsigned i);
unsigned dispatch_live(struct dispatch *);

/* What output i polls, and a way to wake it; any thread. */
struct parker *dispatch_parker(struct dispatch *, unsigned i);

enum dispatch_status {
	DISPATCH_OK,
	DISPATCH_EMPTY, /* nothing now: poll the parker, clear it, try again */
	DISPATCH_END,   /* nothing any more */
};

/*
 * Output i takes its next parcel.  If it can't write now (`ready` is false)
 * DISPATCH_OK is not returned.  The parcel before is done by this call.
 */
enum dispatch_status dispatch_take(struct dispatch *, unsigned i, bool ready, struct parcel **);

/* Output i leaves: nothing will be put for it any more. */
void dispatch_leave(struct dispatch *, unsigned i);

/*
 * Output i has left: returns a parcel that it had not taken, or NULL.  If all
 * have left, those that nobody has taken are among them.
 */
struct parcel *dispatch_leftover(struct dispatch *, unsigned i);

/*
 * Output i, which has left, gives a parcel to whichever output takes it.
 * Returns false if none is left; the parcel is still the caller's.
 */
bool dispatch_return(struct dispatch *, struct parcel *);

/* Output i has left and nothing of what it had is left. */
void dispatch_settle(struct dispatch *, unsigned i);

#endif
