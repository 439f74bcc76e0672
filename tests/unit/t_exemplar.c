#include "metrics/exemplar.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "trace/span.h"

#include "t.h"

#define MS CLOCK_MS
#define BEGUN (1000 * CLOCK_S)
#define OFFSET (1700000000 * CLOCK_S)
#define US(ms) ((OFFSET + BEGUN) / CLOCK_US + (ms)*1000)

static struct metrics_exemplars exemplars, copy;

/* The first byte of the ids tells spans apart. */
static struct span *
new_span(unsigned char id, int64_t ended)
{
	struct span *s = span_new();

	memset(s->context.trace_id, id, sizeof(s->context.trace_id));
	memset(s->context.span_id, id + 1, sizeof(s->context.span_id));
	s->begun = BEGUN;
	s->ended = BEGUN + ended;
	return s;
}

/* Notes the span, and frees it. */
static void
note(struct span *s)
{
	exemplars_note(&exemplars, s, OFFSET);
	span_free(s);
}

static unsigned
count(const struct metrics_exemplar *row)
{
	unsigned n = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		n += row[i].version != 0;
	return n;
}

/* A row of the copy has it in the bucket of this duration, of this span. */
static void
has(const struct metrics_exemplar *row, int64_t ns, int64_t end_us, unsigned char id)
{
	const struct metrics_exemplar *e = &row[histogram_bucket(ns)];
	unsigned char want[24];

	exemplars_copy(&exemplars, &copy);
	memset(want, id, 16);
	memset(want + 16, id + 1, 8);
	CHECK(e->version != 0, "none of %" PRId64 " ns", ns);
	CHECK(e->ns == ns && e->end_us == end_us, "%" PRId64 ", %" PRId64, e->ns, e->end_us);
	CHECK(memcmp(&e->trace_id, want, 24) == 0, "another span");
}

/* What a span says, as letters, and what its exemplars are then. */
static const struct {
	const char *name;
	struct {
		/* r a b o w: rate, attempt, back-off, order, output */
		char phase;
		int64_t at; /* ms */
	} event[6];
	int64_t ended;             /* ms */
	int64_t queue, attempt[2]; /* ms; -1: none */
} table[] = {
    {"nothing happened", {{0}}, 9, -1, {-1, -1}},
    {"an attempt until the end", {{'a', 2}}, 9, 2, {7, -1}},
    {"then it is written", {{'a', 2}, {'w', 5}}, 9, 2, {3, -1}},
    {"two attempts", {{'a', 2}, {'b', 42}, {'a', 100}, {'o', 103}, {'w', 200}}, 300, 2, {40, 3}},
    {"two at once", {{'a', 0}, {'a', 40}, {'w', 41}}, 300, 0, {40, 1}},
    {"credit, then an attempt", {{'r', 2}, {'a', 60}, {'w', 61}}, 70, 60, {1, -1}},
    {"credit and no worker", {{'r', 2}, {'w', 60}}, 70, 60, {-1, -1}},
    {"it waits for credit to the end", {{'r', 2}}, 70, -1, {-1, -1}},
    {"no attempt", {{'o', 3}, {'w', 60}}, 70, 3, {-1, -1}},
    {"clocks that go back", {{'a', -2}, {'w', -4}}, 9, 0, {0, -1}},
};

static enum span_phase
phase_of(char c)
{
	switch (c) {
	case 'r':
		return PHASE_RATE;
	case 'b':
		return PHASE_BACKOFF;
	case 'o':
		return PHASE_ORDER;
	default:
		return PHASE_OUTPUT;
	}
}

/* The span of a row; *queued and *ends: when its exemplars ended, ms. */
static struct span *
span_of(size_t row, int64_t *queued, int64_t ends[2])
{
	struct span *s = new_span(1, table[row].ended * MS);
	int attempts = 0;

	*queued = -1;
	for (size_t i = 0; i < 6 && table[row].event[i].phase != 0; i++) {
		int64_t at = table[row].event[i].at;

		if (i > 0 && table[row].event[i - 1].phase == 'a')
			ends[attempts - 1] = at;
		if (*queued == -1 && table[row].event[i].phase != 'r')
			*queued = at;
		if (table[row].event[i].phase == 'a') {
			ends[attempts++] = table[row].ended;
			span_attempt(s, (uint32_t)attempts, 1, BEGUN + at * MS);
		} else
			span_enter(s, phase_of(table[row].event[i].phase), BEGUN + at * MS);
	}
	return s;
}

static void
test_facts(void)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int64_t queued, ends[2] = {0};
		unsigned attempts = 0;

		memset(&exemplars, 0, sizeof(exemplars));
		note(span_of(i, &queued, ends));
		for (int k = 0; k < 2 && table[i].attempt[k] != -1; k++, attempts++)
			has(copy.latency, table[i].attempt[k] * MS, US(ends[k]), 1);
		if (table[i].queue != -1)
			has(copy.queue, table[i].queue * MS, US(queued), 1);
		CHECK(count(exemplars.queue) == (table[i].queue != -1), "%s", table[i].name);
		CHECK(count(exemplars.latency) == attempts, "%s", table[i].name);
	}
}

/* One attempt of this length, over at this time. */
static struct span *
attempt(unsigned char id, int64_t ns, int64_t over, int64_t ended)
{
	struct span *s = new_span(id, ended);

	span_attempt(s, 1, 1, s->begun + over - ns);
	span_enter(s, PHASE_OUTPUT, s->begun + over);
	return s;
}

/* The latest one of a bucket stays, whichever span is written last. */
static void
test_latest(void)
{
	memset(&exemplars, 0, sizeof(exemplars));
	note(attempt(1, 6 * MS, 100 * MS, 100 * MS));
	note(attempt(3, 7 * MS, 90 * MS, 200 * MS));
	has(copy.latency, 6 * MS, US(100), 1);
	note(attempt(5, 8 * MS, 100 * MS, 200 * MS));
	has(copy.latency, 8 * MS, US(100), 5);
	note(attempt(7, 9 * MS, 101 * MS, 200 * MS));
	has(copy.latency, 9 * MS, US(101), 7);
	note(attempt(9, 11 * MS, 300 * MS, 300 * MS));
	has(copy.latency, 9 * MS, US(101), 7);
	has(copy.latency, 11 * MS, US(300), 9);
	/* The calendar was set back by an hour. */
	struct span *s = attempt(11, 9 * MS, 400 * MS, 400 * MS);

	exemplars_note(&exemplars, s, OFFSET - 3600 * CLOCK_S);
	span_free(s);
	has(copy.latency, 9 * MS, US(400) - INT64_C(3600000000), 11);
}

/* A span of which events are missing says too much of what is there. */
static void
test_missing(void)
{
	struct span *s = new_span(1, 1000 * MS);

	memset(&exemplars, 0, sizeof(exemplars));
	for (uint32_t i = 0; i <= SPAN_EVENTS; i++)
		span_attempt(s, i + 1, 1, s->begun + i * MS);
	note(s);
	CHECK(count(exemplars.latency) == 0 && count(exemplars.queue) == 0, "some");
}

/* What a reader must not show. */
static const struct {
	const char *name;
	struct metrics_exemplar e;
	bool good;
} entries[] = {
    {"good", {2, {1, 1}, 1, 6 * MS, 1}, true},
    {"half of an id", {2, {0, 1}, 1, 6 * MS, 1}, true},
    {"the upper bound", {2, {1, 1}, 1, 10 * MS, 1}, true},
    {"none", {0, {1, 1}, 1, 6 * MS, 1}, false},
    {"its writer was killed", {3, {1, 1}, 1, 6 * MS, 1}, false},
    {"no trace", {2, {0, 0}, 1, 6 * MS, 1}, false},
    {"no span", {2, {1, 1}, 0, 6 * MS, 1}, false},
    {"less than the bucket", {2, {1, 1}, 1, 5 * MS, 1}, false},
    {"more than the bucket", {2, {1, 1}, 1, 10 * MS + 1, 1}, false},
    {"negative", {2, {1, 1}, 1, -1, 1}, false},
    {"no time", {2, {1, 1}, 1, 6 * MS, 0}, false},
    {"before 1970", {2, {1, 1}, 1, 6 * MS, -1}, false},
};

static void
test_reading(void)
{
	const unsigned bucket = histogram_bucket(6 * MS);

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		memset(&exemplars, 0, sizeof(exemplars));
		memcpy(&exemplars.queue[bucket], &entries[i].e, sizeof(entries[i].e));
		memset(&copy, 0xff, sizeof(copy));
		exemplars_copy(&exemplars, &copy);
		CHECK(count(copy.queue) == entries[i].good && count(copy.latency) == 0, "%s",
		    entries[i].name);
	}
}

static void
test_merge(void)
{
	static struct metrics_exemplars other;

	memset(&exemplars, 0, sizeof(exemplars));
	exemplars.latency[1] = (struct metrics_exemplar){.version = 2, .ns = 1, .end_us = 5};
	exemplars.latency[2] = (struct metrics_exemplar){.version = 2, .ns = 2, .end_us = 5};
	exemplars.queue[3] = (struct metrics_exemplar){.version = 2, .ns = 3, .end_us = 5};
	other.latency[1] = (struct metrics_exemplar){.version = 2, .ns = 4, .end_us = 4};
	other.latency[2] = (struct metrics_exemplar){.version = 2, .ns = 5, .end_us = 6};
	other.latency[4] = (struct metrics_exemplar){.version = 0, .ns = 6, .end_us = 6};
	other.queue[5] = (struct metrics_exemplar){.version = 2, .ns = 7, .end_us = 1};
	exemplars_merge(&exemplars, &other);
	CHECK(exemplars.latency[1].ns == 1 && exemplars.latency[2].ns == 5, "the later ones");
	CHECK(exemplars.queue[3].ns == 3 && exemplars.queue[5].ns == 7, "each has one");
	CHECK(count(exemplars.latency) == 2 && count(exemplars.queue) == 2, "more");
}

/*
 * A reader beside the writer sees whole exemplars only.  It goes on until it
 * has seen many different ones, for 3 s at most.
 */

enum { CHANGES = 100000 };

static _Atomic bool over;

static void *
write_all(void *arg)
{
	struct span *s = attempt(0, 6 * MS, 100 * MS, 100 * MS);

	(void)arg;
	for (unsigned i = 0; !over; i++) {
		unsigned char id = (unsigned char)(1 + i % 100);

		memset(s->context.trace_id, id, sizeof(s->context.trace_id));
		memset(s->context.span_id, id, sizeof(s->context.span_id));
		s->event[0].at = s->event[1].at - 6 * MS - id;
		exemplars_note(&exemplars, s, OFFSET + id * CLOCK_US);
		/* Else a reader seldom finds one that stays for so long. */
		for (volatile unsigned k = 0; k < i % 200; k++)
			continue;
	}
	span_free(s);
	return NULL;
}

static void
test_threads(void)
{
	const int64_t until = clock_now() + 3 * CLOCK_S;
	unsigned reads = 0, changes = 0, bad = 0;
	uint64_t last = 0;
	pthread_t thread;

	memset(&exemplars, 0, sizeof(exemplars));
	CHECK(pthread_create(&thread, NULL, write_all, NULL) == 0);
	while (changes < CHANGES && (changes == 0 || clock_now() < until)) {
		const struct metrics_exemplar *e = &copy.latency[histogram_bucket(6 * MS)];
		unsigned char id, want[24];

		exemplars_copy(&exemplars, &copy);
		if (e->version == 0)
			continue;
		reads++;
		changes += e->version != last;
		last = e->version;
		memcpy(&id, &e->trace_id, 1);
		memset(want, id, sizeof(want));
		bad += memcmp(&e->trace_id, want, sizeof(want)) != 0 || e->ns != 6 * MS + id ||
		    e->end_us != US(100) + id;
	}
	over = true;
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK(bad == 0, "%u of %u were of two", bad, reads);
	printf("%u exemplars in %u reads\n", changes, reads);
}

int
main(void)
{
	test_facts();
	test_latest();
	test_missing();
	test_reading();
	test_merge();
	test_threads();
	return t_end();
}
