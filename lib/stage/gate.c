#include "stage/gate.h"

#include "sync/ctx.h"

void
gate_init(struct gate *g, size_t max_bytes)
{
	*g = (struct gate){.max = max_bytes};
	waitlist_init(&g->waiting);
}

void
gate_destroy(struct gate *g)
{
	waitlist_destroy(&g->waiting);
}

void
gate_take(struct gate *g, size_t n, size_t bytes)
{
	atomic_fetch_add(&g->records, n);
	atomic_fetch_add(&g->bytes, bytes);
}

void
gate_enter(struct gate *g, size_t answers)
{
	atomic_fetch_add(&g->answers, answers);
}

static bool
is_full(const struct gate *g)
{
	return atomic_load(&g->answers) > g->max;
}

/* With -k: what has been taken waits for the head. */
static bool
is_crowded(const struct gate *g)
{
	return g->ordered && atomic_load(&g->bytes) > g->max / 2 &&
	    atomic_load(&g->records) > g->spare;
}

void
gate_leave(struct gate *g, size_t n, size_t bytes, size_t answers)
{
	atomic_fetch_sub(&g->answers, answers);
	atomic_fetch_sub(&g->bytes, bytes);
	atomic_fetch_sub(&g->records, n);
	if (gate_is_open(g, UINT64_MAX))
		waitlist_wake(&g->waiting, SIZE_MAX);
}

void
gate_advance(struct gate *g, uint64_t head)
{
	atomic_store(&g->head, head);
	waitlist_wake(&g->waiting, SIZE_MAX);
}

bool
gate_is_open(const struct gate *g, uint64_t oldest)
{
	return (!is_full(g) && !is_crowded(g)) || (g->ordered && atomic_load(&g->head) == oldest);
}

void
gate_watch(struct gate *g, struct waiter *w, struct parker *p)
{
	waitlist_add(&g->waiting, w, p);
}

void
gate_unwatch(struct gate *g, struct waiter *w)
{
	waitlist_remove(&g->waiting, w);
}

void
gate_wait(struct gate *g, struct ctx *ctx)
{
	struct parker parker;
	struct waiter opened, ended;

	if (gate_is_open(g, UINT64_MAX))
		return;
	park_init(&parker);
	ctx_watch(ctx, &ended, &parker);
	gate_watch(g, &opened, &parker);
	while (!gate_is_open(g, UINT64_MAX) && ctx_state(ctx) == CTX_LIVE) {
		park_wait(&parker, ctx_deadline(ctx));
		gate_unwatch(g, &opened);
		gate_watch(g, &opened, &parker);
	}
	gate_unwatch(g, &opened);
	ctx_unwatch(ctx, &ended);
}
