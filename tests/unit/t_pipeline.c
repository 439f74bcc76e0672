/*
 * Pipelines of mock processors.  Records carry a number in seq; a source counts
 * them out, a sink ticks them off, and each must have come exactly once,
 * whatever stood in between.
 */

#include "stage/pipeline.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "record/record.h"
#include "sync/chan.h"
#include "sync/ctx.h"
#include "t.h"

CHAN_OF(record, struct record)

#define MAX_IDS 6000
#define MAX_WORKERS 8

/* What the processors of one pipeline share. */
struct mock {
	size_t n;    /* records to send */
	size_t bulk; /* at a time */
	_Atomic size_t sent;
	_Atomic unsigned opened, closed, running;
	unsigned fail_at; /* this open fails, counted from 1; 0: none */
	_Atomic unsigned char seen[MAX_IDS];
	_Atomic size_t received, disorder, processed;
	unsigned per_worker[MAX_WORKERS];
	struct ctx *ctx;
	size_t cancel_at; /* the sink cancels after so many; 0: never */
};

/* What the threads found wrong: CHECK() is for one thread. */
static _Atomic unsigned wrong;

/* A worker's state. */
struct own {
	struct mock *mock;
	unsigned worker;
	size_t done; /* only by its own thread: TSan looks */
};

static int
mock_open(struct processor *p, unsigned worker, void **state)
{
	struct own *o;

	CHECK(*state == NULL);
	if (++((struct mock *)p->arg)->opened == ((struct mock *)p->arg)->fail_at) {
		errno = EXDEV;
		return -1;
	}
	if ((o = calloc(1, sizeof(*o))) == NULL)
		return -1;
	o->mock = p->arg;
	o->worker = worker;
	*state = o;
	return 0;
}

static void
mock_close(void *state)
{
	struct own *o = state;

	CHECK(o->mock->running == 0, "closed while somebody runs");
	o->mock->per_worker[o->worker] = (unsigned)o->done;
	o->mock->closed++;
	free(o);
}

static void
source(void *state, struct ctx *ctx, struct chan *in, struct chan *out)
{
	struct own *o = state;
	struct mock *m = o->mock;
	struct record batch[64];
	size_t n, sent;

	m->running++;
	wrong += in != NULL || out == NULL;
	for (size_t at = 0; at < m->n && ctx_state(ctx) == CTX_LIVE; at += n) {
		n = m->bulk < m->n - at ? m->bulk : m->n - at;
		for (size_t i = 0; i < n; i++) {
			wrong += record_copy(&batch[i], "text", 4) != 0;
			batch[i].seq = at + i;
		}
		if (record_sendn(out, ctx, batch, n, &sent) != CHAN_OK) {
			m->sent += sent;
			record_freen(batch + sent, n - sent);
			break;
		}
		m->sent += sent;
	}
	m->running--;
}

static void
sink(void *state, struct ctx *ctx, struct chan *in, struct chan *out)
{
	struct own *o = state;
	struct mock *m = o->mock;
	uint64_t next = 0;
	struct record r;
	size_t n;

	m->running++;
	wrong += in == NULL || out != NULL;
	while (record_recvn(in, ctx, &r, 1, &n) == CHAN_OK) {
		m->disorder += r.seq < next;
		next = r.seq + 1;
		m->seen[r.seq]++;
		if (r.slab != NULL)
			wrong += memcmp(r.data, "text\n", 5) != 0;
		record_free(&r);
		if (++m->received == m->cancel_at)
			ctx_cancel(m->ctx);
	}
	m->running--;
}

static void
identity(void *state, struct record *r)
{
	struct own *o = state;

	(void)r;
	o->done++;
	o->mock->processed++;
}

/* Every third leaves as RECORD_DROP, without its bytes. */
static void
drop(void *state, struct record *r)
{
	identity(state, r);
	if (r->seq % 3 != 0)
		return;
	record_free(r);
	r->kind = RECORD_DROP;
}

/*
 * Takes its time, and more for some: records overtake each other.  After
 * sched_yield() a busy machine would have others first each time.
 */
static void
slow(void *state, struct record *r)
{
	struct timespec pause = {.tv_nsec = (long)(r->seq % 5) * 1000};

	identity(state, r);
	if (pause.tv_nsec > 0)
		nanosleep(&pause, NULL);
}

/* Without a state. */
static void
stateless(void *state, struct record *r)
{
	wrong += state != NULL || r->slab == NULL;
}

static struct processor
mock(struct mock *m, const char *name, unsigned workers, void (*process)(void *, struct record *),
    void (*run)(void *, struct ctx *, struct chan *, struct chan *))
{
	return (struct processor){.name = name,
	    .workers = workers,
	    .arg = m,
	    .open = mock_open,
	    .process = process,
	    .run = run,
	    .close = mock_close};
}

static void
check_counts(const struct mock *m, const char *name, size_t capacity, unsigned workers)
{
	size_t missing = 0, twice = 0;

	for (size_t i = 0; i < m->n; i++) {
		missing += m->seen[i] == 0;
		twice += m->seen[i] > 1;
	}
	CHECK(missing == 0 && twice == 0 && m->received == m->n,
	    "%s, capacity %zu, %u workers: %zu came, %zu missing, %zu twice", name, capacity,
	    workers, m->received, missing, twice);
	CHECK(m->closed == m->opened && m->running == 0);
}

static void
test_one(const char *name, void (*process)(void *, struct record *), size_t capacity,
    unsigned workers, size_t n, size_t bulk)
{
	struct mock *m = calloc(1, sizeof(*m));
	struct processor p[] = {mock(m, "source", 1, NULL, source),
	    mock(m, name, workers, process, NULL), mock(m, "sink", 1, NULL, sink)};
	struct pipeline *pipeline;

	m->n = n;
	m->bulk = bulk;
	m->ctx = ctx_new(NULL, CLOCK_NEVER);
	pipeline = pipeline_start(m->ctx, p, 3, capacity);
	CHECK(pipeline != NULL);
	pipeline_join(pipeline);
	check_counts(m, name, capacity, workers);
	CHECK(m->processed == n);
	if (workers == 1)
		CHECK(m->disorder == 0, "one worker keeps the order");
	ctx_free(m->ctx);
	free(m);
}

static void
test_all(void)
{
	static const size_t capacities[] = {0, 1, 64};
	static const unsigned workers[] = {1, 2, 3, 8};

	for (size_t c = 0; c < 3; c++)
		for (size_t w = 0; w < 4; w++) {
			size_t n = capacities[c] == 64 ? MAX_IDS / 2 : 600;

			test_one("identity", identity, capacities[c], workers[w], n, 64);
			test_one("drop", drop, capacities[c], workers[w], 300, 7);
			test_one("slow", slow, capacities[c], workers[w], 150, 1);
		}
	test_one("identity", identity, 64, 8, 0, 1); /* an empty input */
	test_one("identity", identity, 1000, 8, 1, 1);
}

/*
 * A long pipeline; and one that is only a source and a sink, without a state
 * here and there.
 */
static void
test_lengths(void)
{
	for (size_t n = 2; n <= 9; n++) {
		struct mock *m = calloc(1, sizeof(*m));
		struct processor p[9];
		struct pipeline *pipeline;

		m->n = 2000;
		m->bulk = 10;
		m->ctx = ctx_new(NULL, CLOCK_NEVER);
		p[0] = mock(m, "source", 1, NULL, source);
		for (size_t i = 1; i < n - 1; i++)
			p[i] = i % 2 ? mock(m, "slow", 3, slow, NULL)
				     : (struct processor){
					   .name = "stateless", .workers = 2, .process = stateless};
		p[n - 1] = mock(m, "sink", 1, NULL, sink);
		pipeline = pipeline_start(m->ctx, p, n, n % 3);
		CHECK(pipeline != NULL);
		pipeline_join(pipeline);
		check_counts(m, "long", n % 3, 3);
		ctx_free(m->ctx);
		free(m);
	}
}

/* The workers may be last: then they free what comes. */
static void
test_without_sink(void)
{
	struct mock *m = calloc(1, sizeof(*m));
	struct processor p[] = {mock(m, "source", 1, NULL, source), mock(m, "drop", 4, drop, NULL)};

	m->n = 5000;
	m->bulk = 50;
	m->ctx = ctx_new(NULL, CLOCK_NEVER);
	pipeline_join(pipeline_start(m->ctx, p, 2, 16));
	CHECK(m->processed == 5000 && m->opened == 5 && m->closed == 5);
	ctx_free(m->ctx);
	free(m);
}

/* Every worker gets something: no worker takes the whole input. */
static void
meet(void *state, struct record *r)
{
	static pthread_barrier_t *barrier;

	if (state == NULL) { /* set up */
		barrier = (pthread_barrier_t *)r;
		return;
	}
	identity(state, r);
	pthread_barrier_wait(barrier);
}

static void
test_all_work(void)
{
	struct mock *m = calloc(1, sizeof(*m));
	struct processor p[] = {mock(m, "source", 1, NULL, source), mock(m, "meet", 4, meet, NULL),
	    mock(m, "sink", 1, NULL, sink)};
	pthread_barrier_t barrier;

	m->n = 400;
	m->bulk = 1;
	m->ctx = ctx_new(NULL, CLOCK_NEVER);
	pthread_barrier_init(&barrier, NULL, 4);
	meet(NULL, (struct record *)&barrier);
	pipeline_join(pipeline_start(m->ctx, p, 3, 0));
	check_counts(m, "meet", 0, 4);
	for (unsigned i = 0; i < 4; i++)
		CHECK(m->per_worker[i] == 100 || i == 0, "worker %u did %u", i, m->per_worker[i]);
	pthread_barrier_destroy(&barrier);
	ctx_free(m->ctx);
	free(m);
}

/* Nothing runs, what was opened is closed, and errno says why. */
static void
test_open_fails(void)
{
	for (unsigned fail = 1; fail <= 6; fail++) {
		struct mock *m = calloc(1, sizeof(*m));
		struct processor p[] = {mock(m, "source", 1, NULL, source),
		    mock(m, "identity", 4, identity, NULL), mock(m, "sink", 1, NULL, sink)};
		int error;

		m->n = 100;
		m->bulk = 10;
		m->fail_at = fail;
		m->ctx = ctx_new(NULL, CLOCK_NEVER);
		errno = 0;
		CHECK(pipeline_start(m->ctx, p, 3, 8) == NULL, "open %u", fail);
		error = errno;
		CHECK(error == EXDEV, "errno %d", error);
		for (unsigned i = 0; i < 3; i++)
			CHECK((p[i].error == EXDEV) ==
				(i ==
				    (fail == 1          ? 0
					    : fail <= 5 ? 1
							: 2)),
			    "open %u, processor %u", fail, i);
		CHECK(ctx_state(m->ctx) == CTX_CANCELLED);
		CHECK(m->closed == fail - 1, "open %u: %u closed", fail, m->closed);
		CHECK(m->sent == 0 && m->received == 0 && m->processed == 0, "something has run");
		ctx_free(m->ctx);
		free(m);
	}
	pipeline_join(NULL);
}

/*
 * In the middle of it the context is done: all return, no id comes twice,
 * nothing leaks.
 */
static void
test_cancel(size_t capacity, unsigned workers, size_t at)
{
	struct mock *m = calloc(1, sizeof(*m));
	struct processor p[] = {mock(m, "source", 1, NULL, source),
	    mock(m, "slow", workers, slow, NULL), mock(m, "drop", workers, drop, NULL),
	    mock(m, "sink", 1, NULL, sink)};
	size_t twice = 0;

	m->n = MAX_IDS;
	m->bulk = 60;
	m->cancel_at = at;
	m->ctx = ctx_new(NULL, CLOCK_NEVER);
	if (at == 0)
		ctx_cancel(m->ctx);
	pipeline_join(pipeline_start(m->ctx, p, 4, capacity));
	for (size_t i = 0; i < m->n; i++)
		twice += m->seen[i] > 1;
	CHECK(twice == 0 && m->received >= at && m->received <= m->sent && m->running == 0 &&
		m->closed == m->opened,
	    "%zu came, %zu sent, %zu twice", m->received, m->sent, twice);
	CHECK(m->sent < MAX_IDS, "the source was not stopped");
	ctx_free(m->ctx);
	free(m);
}

/* Nobody cancels the context, but its deadline passes. */
static void
endless(void *state, struct ctx *ctx, struct chan *in, struct chan *out)
{
	struct record r = {0};

	(void)state;
	(void)in;
	while (record_sendn(out, ctx, &r, 1, NULL) == CHAN_OK)
		continue;
}

static void
test_deadline(void)
{
	struct mock *m = calloc(1, sizeof(*m));
	struct processor p[] = {{.name = "endless", .workers = 2, .run = endless},
	    mock(m, "identity", 2, identity, NULL)};

	m->ctx = ctx_new(NULL, clock_now() + 20 * CLOCK_MS);
	pipeline_join(pipeline_start(m->ctx, p, 2, 4));
	CHECK(ctx_state(m->ctx) == CTX_TIMED_OUT && m->closed == 2);
	ctx_free(m->ctx);
	free(m);
}

/* What the processor of runs does with each, and what it has seen. */
enum passing { PASS_NONE, PASS_ONE, PASS_PART, PASS_ALL, PASS_ANY };

static enum passing passing;
static _Atomic size_t passed, runs_seen;

/* The line of a record says its seq. */
static bool
says_seq(const struct record *r)
{
	return strtoull(r->data, NULL, 10) == r->seq && r->line == r->seq + 1;
}

/*
 * Each record has a line of six digits.  A run stands for up to 40 of them,
 * and in between are single records.
 */
static void
run_source(void *state, struct ctx *ctx, struct chan *in, struct chan *out)
{
	struct own *o = state;
	struct mock *m = o->mock;
	char text[40 * 7 + 1];
	struct record r;
	size_t n;

	(void)in;
	m->running++;
	for (size_t at = 0; at < m->n && ctx_state(ctx) == CTX_LIVE; at += n) {
		n = at % 3 == 0 ? 1 : 1 + at * 7 % 40;
		n = n < m->n - at ? n : m->n - at;
		for (size_t i = 0; i < n; i++)
			snprintf(text + 7 * i, 8, "%06zu\n", at + i);
		wrong += record_copy(&r, text, 7 * n - 1) != 0;
		r.seq = at;
		r.line = at + 1;
		r.reserved = record_weight(n, 7 * n);
		if (n > 1) {
			r.kind = RECORD_RUN;
			r.lines = n;
		}
		if (record_sendn(out, ctx, &r, 1, NULL) != CHAN_OK) {
			record_free(&r);
			break;
		}
		m->sent += n;
	}
	m->running--;
}

/* The sink of run_source(): each record of a run is ticked off. */
static void
run_sink(void *state, struct ctx *ctx, struct chan *in, struct chan *out)
{
	struct own *o = state;
	struct mock *m = o->mock;
	uint64_t next = 0;
	struct record r, one;
	size_t n;
	bool more;

	(void)out;
	m->running++;
	while (record_recvn(in, ctx, &r, 1, &n) == CHAN_OK) {
		do {
			more = record_take_one(&r, &one);
			m->disorder += one.seq < next;
			next = one.seq + 1;
			m->seen[one.seq]++;
			m->received++;
			wrong +=
			    !says_seq(&one) || one.len != 6 || one.reserved != record_weight(1, 7);
			record_free(&one);
		} while (more);
		if (m->received >= m->cancel_at && m->cancel_at > 0)
			ctx_cancel(m->ctx);
	}
	m->running--;
}

/* A record that is processed is single, whatever it was a part of. */
static void
process_one(void *state, struct record *r)
{
	identity(state, r);
	wrong += r->kind != RECORD_DATA || r->full_len != 0 || r->len != 6 || !says_seq(r);
}

static uint64_t
pass_some(void *state, const struct record *run, size_t *bytes)
{
	uint64_t count = record_count(run), n = 0;

	(void)state;
	runs_seen++;
	wrong += run->kind != RECORD_RUN || count < 2 || !says_seq(run);
	switch (passing) {
	case PASS_NONE:
		return 0;
	case PASS_ONE:
		n = 1;
		break;
	case PASS_PART:
		n = count - 1;
		break;
	case PASS_ALL:
		n = count;
		break;
	case PASS_ANY:
		n = (run->seq * 2654435761U >> 7) % (count + 1);
		break;
	}
	*bytes = record_run_bytes(run, n);
	passed += n;
	return n;
}

static void
test_runs(enum passing how, unsigned workers, size_t cancel_at)
{
	struct mock *m = calloc(1, sizeof(*m));
	struct processor p[] = {mock(m, "source", 1, NULL, run_source),
	    mock(m, "runs", workers, process_one, NULL), mock(m, "sink", 1, NULL, run_sink)};

	p[1].pass = pass_some;
	passing = how;
	passed = runs_seen = 0;
	m->n = MAX_IDS;
	m->cancel_at = cancel_at;
	m->ctx = ctx_new(NULL, CLOCK_NEVER);
	pipeline_join(pipeline_start(m->ctx, p, 3, 16));
	if (cancel_at == 0) {
		check_counts(m, "runs", 16, workers);
		CHECK(m->processed + passed == MAX_IDS, "%zu + %zu", m->processed, passed);
		CHECK(runs_seen > 0 && (how == PASS_NONE) == (passed == 0) &&
			(how != PASS_ALL || passed > MAX_IDS / 2),
		    "%d: %zu of %zu runs", how, passed, runs_seen);
	} else
		for (size_t i = 0; i < m->n; i++)
			CHECK(m->seen[i] <= 1, "%zu", i);
	if (workers == 1)
		CHECK(m->disorder == 0, "one worker keeps the order");
	ctx_free(m->ctx);
	free(m);
}

int
main(void)
{
	alarm(60);
	test_all();
	test_lengths();
	test_without_sink();
	test_all_work();
	test_open_fails();
	for (size_t capacity = 0; capacity <= 64; capacity += 32)
		for (unsigned workers = 1; workers <= 8; workers += 7)
			for (size_t at = 0; at <= 1000; at += 500)
				test_cancel(capacity, workers, at);
	test_deadline();
	for (enum passing how = PASS_NONE; how <= PASS_ANY; how++)
		for (unsigned workers = 1; workers <= 3; workers++)
			for (size_t at = 0; at <= 700; at += 700)
				test_runs(how, workers, at);
	CHECK(wrong == 0, "%u", wrong);
	return t_end();
}
