#include "record/origin.h"

#include <pthread.h>
#include <stdlib.h>

#include "sync/spares.h"

/*
 * A thread keeps some for itself, as a lock costs as much as an origin, and
 * gets the next one into its cache while it does something else.
 */
#define OWN 16

static void *spare[256];
static struct spares spares = SPARES(spare);
static _Thread_local void *own[OWN];
static _Thread_local size_t owned;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;

/* The thread ends. */
static void
give_back(void *unused)
{
	(void)unused;
	spares_put(&spares, own, owned);
	owned = 0;
}

static void
make_key(void)
{
	(void)pthread_key_create(&key, give_back);
}

/* Sees to it that the thread will give back what it has. */
static void
note_thread(void)
{
	(void)pthread_once(&once, make_key);
	(void)pthread_setspecific(key, own);
}

/* For writing: the origin, but not so many bytes as few records have. */
static inline void
fetch(const struct origin *o)
{
	for (size_t at = 0; at < sizeof(*o) - ORIGIN_BYTES / 2; at += 64)
		__builtin_prefetch((const char *)o + at, 1);
}

void
origin_fetch(const struct origin *o)
{
	for (size_t at = 0; at < offsetof(struct origin, id); at += 64)
		__builtin_prefetch((const char *)o + at, 1);
}

struct origin *
origin_new(void)
{
	struct origin *o;

	if (owned == 0) {
		note_thread();
		owned = spares_take(&spares, own, OWN / 2);
	}
	o = owned > 0 ? own[--owned] : malloc(sizeof(*o));
	if (o == NULL)
		return NULL;
	if (owned > 0)
		fetch(own[owned - 1]);
	o->is_traced = false;
	o->enveloped = false;
	return o;
}

void
origin_free(struct origin *o)
{
	if (o->is_traced)
		span_clear(&o->span);
	if (owned == 0)
		note_thread();
	else if (owned == OWN) {
		owned = OWN / 2;
		spares_put(&spares, own + owned, OWN - owned);
	}
	own[owned++] = o;
}
