#include "record/record.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "trace/span.h"

/*
 * Slabs of the usual size that wait to be used again, as a fresh one costs page
 * faults.
 */
#define POOL_MAX 32

static struct {
	pthread_mutex_t lock;
	size_t n;
	struct slab *slab[POOL_MAX];
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct slab *
pool_get(void)
{
	struct slab *s = NULL;

	pthread_mutex_lock(&pool.lock);
	if (pool.n > 0)
		s = pool.slab[--pool.n];
	pthread_mutex_unlock(&pool.lock);
	return s;
}

static bool
pool_put(struct slab *s)
{
	bool taken;

	pthread_mutex_lock(&pool.lock);
	taken = pool.n < POOL_MAX;
	if (taken)
		pool.slab[pool.n++] = s;
	pthread_mutex_unlock(&pool.lock);
	return taken;
}

struct slab *
slab_new_exact(size_t size, size_t refs)
{
	struct slab *s = malloc(sizeof(*s) + size);

	if (s == NULL)
		return NULL;
	s->size = size;
	atomic_init(&s->refs, refs);
	return s;
}

struct slab *
slab_new(size_t size, size_t refs)
{
	struct slab *s = NULL;

	if (size <= SLAB_SIZE) {
		size = SLAB_SIZE;
		s = pool_get();
	}
	if (s == NULL)
		return slab_new_exact(size, refs);
	atomic_init(&s->refs, refs);
	return s;
}

void
slab_release(struct slab *s, size_t n)
{
	if (atomic_fetch_sub_explicit(&s->refs, n, memory_order_acq_rel) != n)
		return;
	if (s->size != SLAB_SIZE || !pool_put(s))
		free(s);
}

int
record_copy(struct record *r, const char *data, size_t len)
{
	struct slab *s = slab_new_exact(len + 1, 1);

	if (s == NULL)
		return -1;
	memcpy(s->data, data, len);
	s->data[len] = '\n';
	*r = (struct record){.data = s->data, .len = len, .slab = s};
	return 0;
}

uint64_t
record_lines(const struct record *r)
{
	uint64_t n = 0;

	for (const char *at = r->data, *end = at + r->len + 1; at < end; n++)
		at = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
	return n;
}

void
record_detach(struct record *r)
{
	struct record copy;

	if (r->slab == NULL || r->slab->size / 4 <= r->len ||
	    record_copy(&copy, r->data, r->len) == -1)
		return;
	slab_release(r->slab, 1);
	r->slab = copy.slab;
	r->data = copy.data;
}

static void
free_origin(struct origin *o)
{
	span_free(o->span);
	free(o);
}

/* The record's origin, which is made if it has none.  NULL: no memory. */
static struct origin *
need_origin(struct record *r)
{
	if (r->origin == NULL)
		r->origin = calloc(1, sizeof(*r->origin));
	return r->origin;
}

int
record_choose(struct record *r, bool begins, uint64_t randomness)
{
	struct origin *o = need_origin(r);

	if (o == NULL)
		return -1;
	o->chosen = true;
	o->begins = begins;
	o->randomness = randomness;
	return 0;
}

int
record_set_span(struct record *r, struct span *span)
{
	struct origin *o = need_origin(r);

	if (o == NULL)
		return -1;
	o->span = span;
	return 0;
}

struct span *
record_take_span(struct record *r)
{
	struct span *span = record_span(r);

	if (span != NULL)
		r->origin->span = NULL;
	return span;
}

void
record_empty(struct record *r)
{
	struct origin *origin = r->origin;

	if (record_span(r) == NULL) {
		record_free(r);
		return;
	}
	r->origin = NULL;
	record_free(r);
	*origin = (struct origin){.span = origin->span};
	r->origin = origin;
}

void
record_free(struct record *r)
{
	record_freen(r, 1);
}

void
record_freen(struct record *r, size_t n)
{
	struct slab *slab = NULL;
	size_t refs = 0;

	for (size_t i = 0; i < n; i++) {
		if (r[i].slab != slab) {
			if (slab != NULL)
				slab_release(slab, refs);
			slab = r[i].slab;
			refs = 0;
		}
		refs++;
		if (r[i].origin != NULL)
			free_origin(r[i].origin);
		r[i].data = NULL;
		r[i].slab = NULL;
		r[i].origin = NULL;
	}
	if (slab != NULL)
		slab_release(slab, refs);
}
