#include "record/record.h"

#include <stdlib.h>
#include <string.h>

#include "sync/spares.h"

/* Slabs of the usual size, as a fresh one costs page faults. */
static void *spare[32];
static struct spares slabs = SPARES(spare);

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
		s = spares_get(&slabs);
	}
	if (s == NULL)
		return slab_new_exact(size, refs);
	atomic_init(&s->refs, refs);
	return s;
}

/* Adds n references, for one who has one. */
static void
slab_hold(struct slab *s, size_t n)
{
	atomic_fetch_add_explicit(&s->refs, n, memory_order_relaxed);
}

void
slab_release(struct slab *s, size_t n)
{
	void *block = s;

	if (atomic_fetch_sub_explicit(&s->refs, n, memory_order_acq_rel) != n)
		return;
	if (s->size == SLAB_SIZE)
		spares_put(&slabs, &block, 1);
	else
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
record_whole_lines(const struct record *r, size_t bytes, size_t *whole)
{
	const char *at = r->data, *end = r->data + bytes, *lf;
	uint64_t n;

	for (n = 0; (lf = memchr(at, '\n', (size_t)(end - at))) != NULL; n++)
		at = lf + 1;
	*whole = (size_t)(at - r->data);
	return n;
}

uint64_t
record_lines(const struct record *r)
{
	size_t whole;

	return record_whole_lines(r, r->len + 1, &whole);
}

uint64_t
record_counts(const struct record *r, size_t n)
{
	uint64_t all = 0;

	for (size_t i = 0; i < n; i++)
		all += record_count(&r[i]);
	return all;
}

size_t
record_run_bytes(const struct record *run, uint64_t n)
{
	const char *at = run->data, *end = at + run->len + 1;

	while (n-- > 0)
		at = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
	return (size_t)(at - run->data);
}

/* What has become of a run when it has so many lines. */
static void
set_lines(struct record *r, uint64_t lines)
{
	r->lines = lines;
	if (lines > 1)
		return;
	r->kind = RECORD_DATA;
	r->full_len = 0;
}

/* Splits a run that has more; for the reference of one part the caller sees. */
static void
split(struct record *run, uint64_t n, size_t bytes, struct record *front)
{
	size_t weight = record_weight(n, bytes);

	*front = *run;
	front->len = bytes - 1;
	front->reserved = weight;
	set_lines(front, n);
	run->data += bytes;
	run->len -= bytes;
	run->reserved -= weight;
	run->seq += n;
	run->line += n;
	run->offset += bytes;
	set_lines(run, run->lines - n);
}

bool
record_take(struct record *run, uint64_t n, size_t bytes, struct record *front)
{
	if (n == record_count(run)) {
		*front = *run;
		return false;
	}
	slab_hold(run->slab, 1);
	split(run, n, bytes, front);
	return true;
}

bool
record_take_one(struct record *run, struct record *front)
{
	return record_take(
	    run, 1, run->kind == RECORD_RUN ? record_run_bytes(run, 1) : run->len + 1, front);
}

size_t
record_spread(struct record *run, struct record *out, size_t max)
{
	size_t n = 0;

	if (run->kind == RECORD_RUN && max > 0)
		slab_hold(run->slab, max < run->lines ? max : run->lines - 1);
	while (n < max && run->kind == RECORD_RUN)
		split(run, 1, record_run_bytes(run, 1), &out[n++]);
	if (n < max)
		out[n++] = *run;
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

struct origin *
record_need_origin(struct record *r)
{
	if (r->origin == NULL)
		r->origin = origin_new();
	return r->origin;
}

struct span *
record_add_span(struct record *r)
{
	struct origin *o = record_need_origin(r);

	if (o == NULL)
		return NULL;
	span_init(&o->span);
	o->is_traced = true;
	return &o->span;
}

void
record_drop_span(struct record *r)
{
	struct origin *o = r->origin;

	if (!o->enveloped) {
		origin_free(o);
		r->origin = NULL;
		return;
	}
	span_clear(&o->span);
	o->is_traced = false;
}

void
record_take_span(struct record *r, struct span *span)
{
	span_move(span, &r->origin->span);
	r->origin->is_traced = false;
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
	origin->enveloped = false;
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
			origin_free(r[i].origin);
		r[i].data = NULL;
		r[i].slab = NULL;
		r[i].origin = NULL;
	}
	if (slab != NULL)
		slab_release(slab, refs);
}
