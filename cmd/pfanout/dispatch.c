#include "dispatch.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "metrics/worktime.h"
#include "parcel.h"
#include "sync/ctx.h"
#include "sync/park.h"
#include "sync/stopwatch.h"

/* Parcels that wait for one output, or for whichever takes them. */
#define ROOM 4

/* What waits for one output. */
struct ring {
	struct parcel *parcel[ROOM];
	unsigned first, n;
};

/* What waits for whichever output takes it: ROOM, and what was given back. */
struct queue {
	struct parcel *first, **last;
	unsigned n;
};

struct slot {
	struct parker parker;
	bool live;
	bool idle; /* found nothing, and has not been woken since */
	bool busy; /* has a parcel */
	struct ring own;
};

struct dispatch {
	/* Guards all that follows but the parkers and the stopwatch. */
	pthread_mutex_t lock;
	struct parker router;
	struct stopwatch *waits; /* the router's */
	bool router_waits;
	bool returns;
	bool ended;
	unsigned n, live, busy;
	unsigned idle, turn; /* outputs that are; where to look for one */
	struct queue common;
	struct slot slot[];
};

static void
queue_init(struct queue *q)
{
	*q = (struct queue){.last = &q->first};
}

static void
queue_put(struct queue *q, struct parcel *p)
{
	p->next = NULL;
	*q->last = p;
	q->last = &p->next;
	q->n++;
}

static struct parcel *
queue_get(struct queue *q)
{
	struct parcel *p = q->first;

	if (p == NULL)
		return NULL;
	if ((q->first = p->next) == NULL)
		q->last = &q->first;
	q->n--;
	return p;
}

static void
ring_put(struct ring *r, struct parcel *p)
{
	r->parcel[(r->first + r->n++) % ROOM] = p;
}

static struct parcel *
ring_get(struct ring *r)
{
	if (r->n == 0)
		return NULL;
	r->n--;
	return r->parcel[r->first++ % ROOM];
}

struct dispatch *
dispatch_new(unsigned n, bool returns, struct stopwatch *waits)
{
	struct dispatch *d = calloc(1, sizeof(*d) + n * sizeof(d->slot[0]));

	if (d == NULL)
		return NULL;
	pthread_mutex_init(&d->lock, NULL);
	queue_init(&d->common);
	d->returns = returns;
	d->waits = waits;
	if (park_init_fd(&d->router) == -1)
		goto err;
	for (; d->n < n; d->n++) {
		struct slot *s = &d->slot[d->n];

		if (park_init_fd(&s->parker) == -1)
			goto err;
		s->live = true;
		d->live++;
	}
	return d;
err:
	dispatch_free(d);
	return NULL;
}

void
dispatch_free(struct dispatch *d)
{
	struct parcel *p;

	if (d == NULL)
		return;
	/* Only where the stage has given up something is left. */
	while ((p = dispatch_reclaim(d)) != NULL)
		if (parcel_let_go(p) == 0)
			parcel_free(p);
	for (unsigned i = 0; i < d->n; i++)
		park_close(&d->slot[i].parker);
	park_close(&d->router);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

/* With the lock held, as all that follow up to the next comment. */
static void
wake_output(struct dispatch *d, struct slot *s)
{
	if (s->idle)
		d->idle--;
	s->idle = false;
	park_wake(&s->parker);
}

/* Wakes one that is idle, each in its turn. */
static void
wake_any(struct dispatch *d)
{
	for (unsigned i = 0; i < d->n && d->idle > 0; i++) {
		struct slot *s = &d->slot[d->turn++ % d->n];

		if (s->idle) {
			wake_output(d, s);
			return;
		}
	}
}

static void
wake_all(struct dispatch *d)
{
	for (unsigned i = 0; i < d->n; i++)
		wake_output(d, &d->slot[i]);
}

static void
wake_router(struct dispatch *d)
{
	if (d->router_waits)
		park_wake(&d->router);
	d->router_waits = false;
}

/* Whether every parcel has been taken, and none can come back. */
static bool
is_drained(const struct dispatch *d)
{
	for (unsigned i = 0; i < d->n; i++)
		if (d->slot[i].own.n > 0)
			return false;
	return d->common.n == 0 && (!d->returns || d->busy == 0);
}

static void
finish_parcel(struct dispatch *d, struct slot *s)
{
	if (s->busy && --d->busy == 0 && d->ended) {
		wake_all(d);
		wake_router(d);
	}
	s->busy = false;
}

static void
set_idle(struct dispatch *d, struct slot *s, bool idle)
{
	d->idle += (unsigned)idle - (unsigned)s->idle;
	s->idle = idle;
}

/*
 * The router's wait for room, with the lock held before and after.  False with
 * errno.
 */
static bool
wait_for_room(struct dispatch *d, struct ctx *ctx)
{
	struct pollfd fd = {.fd = d->router.fd, .events = POLLIN};
	int error;

	d->router_waits = true;
	pthread_mutex_unlock(&d->lock);
	stopwatch_start(d->waits, worktime_now());
	error = ctx_poll(ctx, &fd, 1, CLOCK_NEVER) == -1 ? errno : 0;
	stopwatch_stop(d->waits, worktime_now());
	park_clear(&d->router);
	if (error == 0 && ctx_state(ctx) != CTX_LIVE)
		error = ECANCELED;
	pthread_mutex_lock(&d->lock);
	d->router_waits = false;
	errno = error;
	return error == 0;
}

bool
dispatch_put(struct dispatch *d, struct ctx *ctx, unsigned i, struct parcel *p)
{
	struct slot *s = &d->slot[i];
	bool may = true;

	pthread_mutex_lock(&d->lock);
	while (may && s->live && s->own.n >= ROOM)
		may = wait_for_room(d, ctx);
	if (may && !s->live) {
		errno = EPIPE;
		may = false;
	}
	if (may) {
		ring_put(&s->own, p);
		if (s->idle)
			wake_output(d, s);
	}
	pthread_mutex_unlock(&d->lock);
	return may;
}

bool
dispatch_offer(struct dispatch *d, struct ctx *ctx, struct parcel *p)
{
	bool may = true;

	pthread_mutex_lock(&d->lock);
	while (may && d->live > 0 && d->common.n >= ROOM)
		may = wait_for_room(d, ctx);
	if (may && d->live == 0) {
		errno = EPIPE;
		may = false;
	}
	if (may) {
		queue_put(&d->common, p);
		wake_any(d);
	}
	pthread_mutex_unlock(&d->lock);
	return may;
}

void
dispatch_end(struct dispatch *d)
{
	pthread_mutex_lock(&d->lock);
	d->ended = true;
	wake_all(d);
	pthread_mutex_unlock(&d->lock);
}

bool
dispatch_drain(struct dispatch *d, struct ctx *ctx)
{
	bool may = true;

	pthread_mutex_lock(&d->lock);
	while (may && !is_drained(d))
		may = wait_for_room(d, ctx);
	pthread_mutex_unlock(&d->lock);
	return may;
}

struct parcel *
dispatch_reclaim(struct dispatch *d)
{
	struct parcel *p;

	pthread_mutex_lock(&d->lock);
	p = queue_get(&d->common);
	for (unsigned i = 0; i < d->n && p == NULL; i++)
		p = ring_get(&d->slot[i].own);
	if (d->ended && is_drained(d))
		wake_all(d);
	pthread_mutex_unlock(&d->lock);
	return p;
}

bool
dispatch_is_live(struct dispatch *d, unsigned i)
{
	bool live;

	pthread_mutex_lock(&d->lock);
	live = d->slot[i].live;
	pthread_mutex_unlock(&d->lock);
	return live;
}

unsigned
dispatch_live(struct dispatch *d)
{
	unsigned live;

	pthread_mutex_lock(&d->lock);
	live = d->live;
	pthread_mutex_unlock(&d->lock);
	return live;
}

struct parker *
dispatch_parker(struct dispatch *d, unsigned i)
{
	return &d->slot[i].parker;
}

enum dispatch_status
dispatch_take(struct dispatch *d, unsigned i, bool ready, struct parcel **p)
{
	struct slot *s = &d->slot[i];
	enum dispatch_status status = DISPATCH_EMPTY;

	pthread_mutex_lock(&d->lock);
	finish_parcel(d, s);
	*p = NULL;
	/* What another output gave back is older. */
	if (ready && (*p = queue_get(&d->common)) == NULL)
		*p = ring_get(&s->own);
	if (*p != NULL) {
		status = DISPATCH_OK;
		s->busy = true;
		d->busy++;
		wake_router(d);
	} else if (d->ended && (d->returns ? is_drained(d) : d->common.n + s->own.n == 0))
		status = DISPATCH_END;
	set_idle(d, s, ready && status == DISPATCH_EMPTY);
	/* It may have been woken for a parcel that it can't take now. */
	if (!ready && d->common.n > 0)
		wake_any(d);
	pthread_mutex_unlock(&d->lock);
	return status;
}

void
dispatch_leave(struct dispatch *d, unsigned i)
{
	struct slot *s = &d->slot[i];

	pthread_mutex_lock(&d->lock);
	s->live = false;
	d->live--;
	/* It may have been woken for a parcel that it does not take. */
	if (!s->idle && d->common.n > 0)
		wake_any(d);
	set_idle(d, s, false);
	wake_router(d);
	/* Nothing ends before what it gives back is settled. */
	d->busy += !s->busy;
	s->busy = true;
	pthread_mutex_unlock(&d->lock);
}

struct parcel *
dispatch_leftover(struct dispatch *d, unsigned i)
{
	struct parcel *p;

	pthread_mutex_lock(&d->lock);
	if ((p = ring_get(&d->slot[i].own)) == NULL && d->live == 0)
		p = queue_get(&d->common);
	wake_router(d);
	pthread_mutex_unlock(&d->lock);
	return p;
}

bool
dispatch_return(struct dispatch *d, struct parcel *p)
{
	bool may;

	pthread_mutex_lock(&d->lock);
	may = d->live > 0;
	if (may) {
		queue_put(&d->common, p);
		wake_all(d);
	}
	pthread_mutex_unlock(&d->lock);
	return may;
}

void
dispatch_settle(struct dispatch *d, unsigned i)
{
	pthread_mutex_lock(&d->lock);
	finish_parcel(d, &d->slot[i]);
	pthread_mutex_unlock(&d->lock);
}
