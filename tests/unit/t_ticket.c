#include "pfanout/ticket.h"

#include <errno.h>
#include <inttypes.h>

#include "stage/meter.h"
#include "t.h"

#define S CLOCK_S
#define MS CLOCK_MS
#define START (1000 * S)
#define WORKERS 4
#define STARTS 4000

/* Workers of one pool on a simulated clock. */
struct pool {
	struct meter *meter;
	struct ticket ticket[WORKERS];
	size_t n; /* attempts so far, and when each began */
	int64_t start[STARTS];
	unsigned by[WORKERS];
};

static void
begin_pool(struct pool *p, struct rate rate)
{
	*p = (struct pool){.meter = meter_new(&rate)};
	CHECK(p->meter != NULL);
	for (int i = 0; i < WORKERS; i++)
		CHECK(ticket_init(&p->ticket[i], p->meter) == 0);
}

static bool
try(struct pool *p, int worker, int64_t now)
{
	if (p->n == STARTS || !ticket_use(&p->ticket[worker], now))
		return false;
	p->start[p->n++] = now;
	p->by[worker]++;
	return true;
}

/*
 * Each worker begins its next attempt as soon as it may, and looks `late` after
 * its time, from `now` to `end`; an attempt takes `work`.
 */
static void
run(struct pool *p, int64_t now, int64_t end, int64_t late, int64_t work)
{
	int64_t next[WORKERS];

	for (int i = 0; i < WORKERS; i++)
		next[i] = now;
	for (;;) {
		int w = 0;

		for (int i = 1; i < WORKERS; i++)
			if (next[i] < next[w])
				w = i;
		if ((now = next[w]) >= end)
			return;
		if (!try(p, w, now))
			next[w] = p->ticket[w].due + late;
		else if (work > 0) {
			ticket_rest(&p->ticket[w]);
			next[w] = now + work;
		}
	}
}

/* By how much the attempts of the worst window exceed the rate. */
static double
excess(const struct pool *p, const struct rate *r)
{
	double worst = 0;

	for (size_t i = 0; i < p->n; i++)
		for (size_t j = i; j < p->n; j++) {
			double ns = (double)(p->start[j] - p->start[i]);
			double more = (double)(j - i + 1) - ns * (double)r->amount / (double)r->per;

			if (more > worst)
				worst = more;
		}
	return worst;
}

static void
test_windows(void)
{
	static const struct {
		struct rate rate;
		int64_t late, work;
		double most;  /* beyond the burst: what is caught up */
		double least; /* attempts in 3 s, of what the rate allows */
	} table[] = {
	    {{100, S, 1}, 0, 0, 0, 1},
	    {{100, S, 10}, 0, 0, 0, 1},
	    {{1000, S, 1}, 0, 0, 0, 1},
	    {{1000, S, 1}, 0, 500 * CLOCK_US, 0, 1},
	    {{1000, S, 1}, MS / 4, 0, 0.26, 0.99},
	    {{3, S, 2}, MS, MS, 0.01, 0.99},
	    /* the workers, not the rate, set the pace */
	    {{1000, S, 5}, 0, 10 * MS, 0, 0.13},
	};
	struct pool p;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct rate *r = &table[i].rate;
		double all = (double)r->burst + 3.0 * (double)r->amount;

		begin_pool(&p, *r);
		run(&p, START, START + 3 * S, table[i].late, table[i].work);
		CHECK(excess(&p, r) <= (double)r->burst + table[i].most + 1e-6, "%zu: %f", i,
		    excess(&p, r));
		CHECK((double)p.n >= table[i].least * all - 1, "%zu: %zu of %f", i, p.n, all);
		for (int w = 0; w < WORKERS; w++)
			CHECK(p.by[w] * WORKERS * 2 > p.n, "%zu: %d has %u of %zu", i, w, p.by[w],
			    p.n);
		meter_free(p.meter);
	}
}

/* Idle time is lost, but for a burst. */
static void
test_idle(void)
{
	struct rate r = {10, S, 3};
	struct pool p;

	begin_pool(&p, r);
	run(&p, START, START + S, 0, 0);
	for (int i = 0; i < WORKERS; i++)
		ticket_rest(&p.ticket[i]);
	run(&p, START + 60 * S, START + 61 * S, 0, 0);
	CHECK(excess(&p, &r) <= 3 + 1e-6, "%f", excess(&p, &r));
	CHECK(p.n >= 24 && p.n <= 26, "%zu", p.n);
	meter_free(p.meter);
}

/*
 * All workers have a token when the process is stopped for a while: they don't
 * start together after that.
 */
static void
test_stopped(void)
{
	struct rate r = {100, S, 1};
	struct pool p;

	begin_pool(&p, r);
	run(&p, START, START + 95 * MS, 0, 0);
	run(&p, START + 10 * S, START + 11 * S, 0, 0);
	CHECK(excess(&p, &r) <= 1 + 1e-6, "%f", excess(&p, &r));
	CHECK(p.n >= 109, "%zu", p.n);
	meter_free(p.meter);
}

/* A machine that always wakes them late slows the pool down, and no more. */
static void
test_always_late(void)
{
	struct rate r = {100, S, 1};
	struct pool p;

	begin_pool(&p, r);
	run(&p, START, START + 3 * S, 50 * MS, 0);
	CHECK(p.n > 50, "%zu", p.n);
	CHECK(excess(&p, &r) <= WORKERS + 1e-6, "%f", excess(&p, &r));
	meter_free(p.meter);
}

/* A token that was booked is for the next attempt. */
static void
test_kept(void)
{
	struct pool p;

	begin_pool(&p, (struct rate){10, S, 1});
	CHECK(try(&p, 0, START));
	CHECK(!try(&p, 0, START));
	ticket_rest(&p.ticket[0]);
	CHECK(!try(&p, 1, START));
	CHECK(!try(&p, 0, START + 50 * MS));
	CHECK(p.ticket[0].due == START + 100 * MS && p.ticket[1].due == START + 200 * MS);
	CHECK(try(&p, 0, START + 100 * MS));
	CHECK(!try(&p, 1, START + 100 * MS) && try(&p, 1, START + 200 * MS));
	meter_free(p.meter);
}

/* Tokens that are booked keep their part of the credit at another rate. */
static void
test_change(void)
{
	struct rate hour = {1, 3600 * S, 1};
	int64_t now = clock_now();
	struct pool p;

	begin_pool(&p, hour);
	CHECK(try(&p, 0, now));
	CHECK(!try(&p, 0, now) && !try(&p, 1, now));
	CHECK(p.ticket[1].due == now + 7200 * S);
	CHECK(meter_change(p.meter, &(struct rate){10, S, 1}) == 0);
	CHECK(!try(&p, 1, now) && !try(&p, 0, now));
	CHECK(p.ticket[0].due - now <= 101 * MS, "%" PRId64, p.ticket[0].due - now);
	CHECK(p.ticket[1].due - now >= 199 * MS, "%" PRId64, p.ticket[1].due - now);
	CHECK(try(&p, 0, now + 101 * MS) && try(&p, 1, now + 201 * MS));
	meter_free(p.meter);
}

int
main(void)
{
	test_windows();
	test_idle();
	test_stopped();
	test_always_late();
	test_kept();
	test_change();
	return t_end();
}
