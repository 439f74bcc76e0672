#include "stage/ledger.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "sync/ctx.h"
#include "sync/park.h"

struct ledger {
	size_t max_records, max_bytes, spare;
	_Atomic size_t records, bytes;
	_Atomic bool ended;
	struct waitlist room, done;
};

struct ledger *
ledger_new(size_t max_records, size_t max_bytes, size_t spare)
{
	struct ledger *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->max_records = max_records;
	l->max_bytes = max_bytes;
	l->spare = spare;
	waitlist_init(&l->room);
	waitlist_init(&l->done);
	return l;
}

void
ledger_free(struct ledger *l)
{
	if (l == NULL)
		return;
	waitlist_destroy(&l->done);
	waitlist_destroy(&l->room);
	free(l);
}

static bool
has_room(struct ledger *l, size_t n)
{
	size_t held = atomic_load(&l->records);

	return held <= l->spare ||
	    (held + n <= l->max_records && atomic_load(&l->bytes) < l->max_bytes);
}

static int
wait_for_room(struct ledger *l, struct ctx *ctx, size_t n)
{
	struct parker parker;
	struct waiter room, end;
	bool live = true;

	park_init(&parker);
	waitlist_add(&l->room, &room, &parker);
	ctx_watch(ctx, &end, &parker);
	while (live && !has_room(l, n)) {
		park_wait(&parker, ctx_deadline(ctx));
		waitlist_remove(&l->room, &room);
		waitlist_add(&l->room, &room, &parker);
		live = ctx_state(ctx) == CTX_LIVE;
	}
	waitlist_remove(&l->room, &room);
	ctx_unwatch(ctx, &end);
	return live ? 0 : -1;
}

int
ledger_charge(struct ledger *l, struct ctx *ctx, size_t n, size_t bytes)
{
	if (!has_room(l, n) && wait_for_room(l, ctx, n) == -1)
		return -1;
	atomic_fetch_add(&l->records, n);
	atomic_fetch_add(&l->bytes, bytes);
	return 0;
}

size_t
ledger_share(const struct ledger *l, size_t most)
{
	size_t share = l->max_records / 4;

	if (share > most)
		share = most;
	return share > 0 ? share : 1;
}

void
ledger_settle(struct ledger *l, size_t n, size_t bytes)
{
	atomic_fetch_sub(&l->bytes, bytes);
	if (atomic_fetch_sub(&l->records, n) == n && atomic_load(&l->ended))
		waitlist_wake(&l->done, SIZE_MAX);
	waitlist_wake(&l->room, 1);
}

void
ledger_end(struct ledger *l)
{
	atomic_store(&l->ended, true);
	waitlist_wake(&l->done, SIZE_MAX);
}

bool
ledger_is_done(const struct ledger *l)
{
	return atomic_load(&l->ended) && atomic_load(&l->records) == 0;
}

void
ledger_watch(struct ledger *l, struct waiter *w, struct parker *p)
{
	waitlist_add(&l->done, w, p);
}

void
ledger_unwatch(struct ledger *l, struct waiter *w)
{
	waitlist_remove(&l->done, w);
}

size_t
ledger_held(const struct ledger *l)
{
	return atomic_load(&l->records);
}
