#include "metrics/exemplar.h"

#include <string.h>

#include "base/clock.h"
#include "trace/span.h"

/*
 * A reader sees an even version, then the words, and then the same version
 * again: so all words are of one exemplar.  The words are stored with release
 * and loaded with acquire, which keeps them behind the first access to the
 * version, and before the second one.  The writer may be killed meanwhile, so
 * a reader does not try for ever.
 */
#define TRIES 100

static void
store(_Atomic uint64_t *to, uint64_t word)
{
	atomic_store_explicit(to, word, memory_order_release);
}

static uint64_t
load(const _Atomic uint64_t *from)
{
	return atomic_load_explicit(from, memory_order_acquire);
}

static void
write_words(struct metrics_exemplar *e, const struct context *c, int64_t ns, int64_t end_us)
{
	uint64_t version = atomic_load_explicit(&e->version, memory_order_relaxed);
	uint64_t trace_id[2], span_id;

	memcpy(trace_id, c->trace_id, sizeof(trace_id));
	memcpy(&span_id, c->span_id, sizeof(span_id));
	store(&e->version, version + 1);
	store(&e->trace_id[0], trace_id[0]);
	store(&e->trace_id[1], trace_id[1]);
	store(&e->span_id, span_id);
	atomic_store_explicit(&e->ns, ns, memory_order_release);
	atomic_store_explicit(&e->end_us, end_us, memory_order_release);
	store(&e->version, version + 2);
}

/*
 * Whether the bucket has an exemplar that was over later; but not one from
 * the time before the calendar was set back.
 */
static bool
has_later(const struct metrics_exemplar *e, int64_t end_us, int64_t now_us)
{
	int64_t stored = atomic_load_explicit(&e->end_us, memory_order_relaxed);

	return stored > end_us && stored <= now_us;
}

/* What was from one moment to another of the span. */
static void
note(
    struct metrics_exemplar *bucket, const struct span *s, int64_t from, int64_t to, int64_t offset)
{
	int64_t ns = to > from ? to - from : 0;
	int64_t end_us = (to + offset) / CLOCK_US, now_us = (s->ended + offset) / CLOCK_US;
	struct metrics_exemplar *e = &bucket[histogram_bucket(ns)];

	if (!has_later(e, end_us, now_us))
		write_words(e, &s->context, ns, end_us);
}

void
exemplars_note(struct metrics_exemplars *to, const struct span *s, int64_t offset)
{
	bool queued = true;

	/* Where events are missing, phases last too long. */
	if (s->dropped > 0)
		return;
	for (size_t i = 0; i < s->n; i++) {
		int64_t at = s->event[i].at;

		/* The queue has the wait for credit, if there was one. */
		if (queued && s->event[i].phase != PHASE_RATE) {
			note(to->queue, s, s->begun, at, offset);
			queued = false;
		}
		if (s->event[i].phase == PHASE_ATTEMPT)
			note(to->latency, s, at, i + 1 < s->n ? s->event[i + 1].at : s->ended,
			    offset);
	}
}

static void
read_words(const struct metrics_exemplar *e, struct metrics_exemplar *copy)
{
	copy->trace_id[0] = load(&e->trace_id[0]);
	copy->trace_id[1] = load(&e->trace_id[1]);
	copy->span_id = load(&e->span_id);
	copy->ns = atomic_load_explicit(&e->ns, memory_order_acquire);
	copy->end_us = atomic_load_explicit(&e->end_us, memory_order_acquire);
}

/* Whether the copy says what an exemplar of this bucket can say. */
static bool
is_possible(const struct metrics_exemplar *copy, unsigned bucket)
{
	return (copy->trace_id[0] != 0 || copy->trace_id[1] != 0) && copy->span_id != 0 &&
	    copy->ns >= 0 && histogram_bucket(copy->ns) == bucket && copy->end_us > 0;
}

/* Reads the exemplar of this bucket.  False: there is none. */
static bool
read_exemplar(const struct metrics_exemplar *e, unsigned bucket, struct metrics_exemplar *copy)
{
	for (int i = 0; i < TRIES; i++) {
		uint64_t version = load(&e->version);

		if (version == 0)
			return false;
		if (version % 2 != 0)
			continue;
		copy->version = version;
		read_words(e, copy);
		if (load(&e->version) == version)
			return is_possible(copy, bucket);
	}
	return false;
}

static void
copy_row(const struct metrics_exemplar *from, struct metrics_exemplar *to)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		if (!read_exemplar(&from[i], i, &to[i]))
			to[i].version = 0;
}

void
exemplars_copy(const struct metrics_exemplars *from, struct metrics_exemplars *copy)
{
	copy_row(from->latency, copy->latency);
	copy_row(from->queue, copy->queue);
}

static void
merge_row(struct metrics_exemplar *to, const struct metrics_exemplar *from)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		if (from[i].version != 0 && (to[i].version == 0 || from[i].end_us > to[i].end_us))
			memcpy(&to[i], &from[i], sizeof(to[i]));
}

void
exemplars_merge(struct metrics_exemplars *to, const struct metrics_exemplars *from)
{
	merge_row(to->latency, from->latency);
	merge_row(to->queue, from->queue);
}
