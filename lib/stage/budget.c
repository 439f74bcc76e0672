#include "stage/budget.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "sync/park.h"
#include "sync/wait.h"

#define LINE 64 /* bytes of a cache line */

/*
 * All operations are seq_cst, because each change is followed by a look at a
 * waitlist and each waiter looks at the counters after it is listed (park.h).
 * What the sink changes for every batch lies together on one line; what hardly
 * ever changes lies apart from it.
 */
struct budget {
	struct budget_limits limit;
	struct waitlist readers;    /* the source, which waits for room */
	struct waitlist takers;     /* workers that may not take more */
	struct waitlist collectors; /* workers with half a batch */
	struct waitlist *watchers;  /* of the end; NULL: none */

	_Alignas(LINE) _Atomic size_t records, bytes; /* reserved */
	_Atomic size_t begun, begun_bytes;
	_Atomic size_t answer_bytes;
	_Atomic uint64_t head; /* seq of the next record to write; -k only */
	_Atomic bool ended;
	_Atomic bool used_up; /* the source waits */
};

struct budget *
budget_new(const struct budget_limits *limit)
{
	struct budget *b = aligned_alloc(LINE, sizeof(*b));

	if (b == NULL)
		return NULL;
	*b = (struct budget){.limit = *limit};
	waitlist_init(&b->readers);
	waitlist_init(&b->takers);
	waitlist_init(&b->collectors);
	return b;
}

void
budget_free(struct budget *b)
{
	if (b == NULL)
		return;
	waitlist_destroy(&b->collectors);
	waitlist_destroy(&b->takers);
	waitlist_destroy(&b->readers);
	free(b);
}

/* Whether n records more may be reserved. */
static bool
may_read(const struct budget *b, size_t n)
{
	size_t held = atomic_load(&b->records);

	return held <= b->limit.spare ||
	    (held + n <= b->limit.records && atomic_load(&b->bytes) < b->limit.bytes);
}

struct reservation {
	const struct budget *budget;
	size_t n;
};

static bool
has_room(const void *arg)
{
	const struct reservation *r = arg;

	return may_read(r->budget, r->n);
}

/* Waits for room.  False: ctx is done. */
static bool
wait_for_room(struct budget *b, struct ctx *ctx, size_t n)
{
	struct reservation r = {b, n};
	bool has;

	atomic_store(&b->used_up, true);
	waitlist_wake(&b->collectors, SIZE_MAX);
	has = wait_for(&b->readers, ctx, CLOCK_NEVER, has_room, &r);
	atomic_store(&b->used_up, false);
	return has;
}

int
budget_reserve(struct budget *b, struct ctx *ctx, size_t n, size_t bytes)
{
	if (!may_read(b, n) && !wait_for_room(b, ctx, n))
		return -1;
	atomic_fetch_add(&b->records, n);
	atomic_fetch_add(&b->bytes, bytes);
	return 0;
}

size_t
budget_share(const struct budget *b, size_t most)
{
	size_t share = b->limit.records / 4;

	if (share > most)
		share = most;
	return share > 0 ? share : 1;
}

static void
wake_watchers(struct budget *b)
{
	if (b->watchers != NULL && budget_is_done(b))
		waitlist_wake(b->watchers, SIZE_MAX);
}

void
budget_end_input(struct budget *b)
{
	atomic_store(&b->ended, true);
	wake_watchers(b);
}

void
budget_begin(struct budget *b, size_t n, size_t bytes)
{
	atomic_fetch_add(&b->begun, n);
	atomic_fetch_add(&b->begun_bytes, bytes);
}

void
budget_answer(struct budget *b, size_t bytes)
{
	atomic_fetch_add(&b->answer_bytes, bytes);
}

/* The workers' spans. */
static void
release_begun(struct budget *b, const struct budget_release *r)
{
	if (r->begun == 0 && r->begun_bytes == 0 && r->answer_bytes == 0)
		return;
	atomic_fetch_sub(&b->answer_bytes, r->answer_bytes);
	atomic_fetch_sub(&b->begun_bytes, r->begun_bytes);
	atomic_fetch_sub(&b->begun, r->begun);
	if (budget_may_take(b, UINT64_MAX))
		waitlist_wake(&b->takers, SIZE_MAX);
}

/* The source's span.  One reader waits, so one is woken. */
static void
release_reserved(struct budget *b, const struct budget_release *r)
{
	if (r->records == 0 && r->bytes == 0)
		return;
	atomic_fetch_sub(&b->bytes, r->bytes);
	if (atomic_fetch_sub(&b->records, r->records) == r->records)
		wake_watchers(b);
	waitlist_wake(&b->readers, 1);
}

void
budget_release(struct budget *b, const struct budget_release *r)
{
	release_begun(b, r);
	release_reserved(b, r);
}

void
budget_advance(struct budget *b, uint64_t head)
{
	atomic_store(&b->head, head);
	waitlist_wake(&b->takers, SIZE_MAX);
}

/* Too many answers wait to be written. */
static bool
is_full(const struct budget *b)
{
	return atomic_load(&b->answer_bytes) > b->limit.bytes;
}

/* With -k: too much waits for the head. */
static bool
is_crowded(const struct budget *b)
{
	return b->limit.ordered && atomic_load(&b->begun_bytes) > b->limit.bytes / 2 &&
	    atomic_load(&b->begun) > b->limit.spare;
}

bool
budget_may_take(const struct budget *b, uint64_t oldest)
{
	return (!is_full(b) && !is_crowded(b)) ||
	    (b->limit.ordered && atomic_load(&b->head) == oldest);
}

bool
budget_holds_up(const struct budget *b, uint64_t oldest)
{
	return atomic_load(&b->used_up) || !budget_may_take(b, oldest);
}

uint64_t
budget_head(const struct budget *b)
{
	return atomic_load(&b->head);
}

bool
budget_has_answers(const struct budget *b)
{
	return atomic_load(&b->answer_bytes) > 0;
}

void
budget_watch_take(struct budget *b, struct waiter *w, struct parker *p)
{
	waitlist_add(&b->takers, w, p);
}

void
budget_unwatch_take(struct budget *b, struct waiter *w)
{
	waitlist_remove(&b->takers, w);
}

static bool
may_all_take(const void *arg)
{
	return budget_may_take(arg, UINT64_MAX);
}

void
budget_wait_take(struct budget *b, struct ctx *ctx)
{
	if (!may_all_take(b))
		wait_for(&b->takers, ctx, CLOCK_NEVER, may_all_take, b);
}

bool
budget_is_used_up(const struct budget *b)
{
	return atomic_load(&b->used_up);
}

void
budget_watch_used_up(struct budget *b, struct waiter *w, struct parker *p)
{
	waitlist_add(&b->collectors, w, p);
}

void
budget_unwatch_used_up(struct budget *b, struct waiter *w)
{
	waitlist_remove(&b->collectors, w);
}

size_t
budget_waiting(const struct budget *b)
{
	size_t begun = atomic_load(&b->begun), records = atomic_load(&b->records);

	return records > begun ? records - begun : 0;
}

size_t
budget_held(const struct budget *b)
{
	return atomic_load(&b->records);
}

bool
budget_is_done(const struct budget *b)
{
	return atomic_load(&b->ended) && atomic_load(&b->records) == 0;
}

void
budget_watch_done(struct budget *b, struct waitlist *list)
{
	b->watchers = list;
}
