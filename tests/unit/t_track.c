#include "pmetrics/track.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "t.h"

#define WINDOW (10 * CLOCK_S)
#define BEGIN (1000 * CLOCK_S)

/* A stage as it would be seen at a time. */
static struct look_stage *
stage_new(enum statfile_mode mode, unsigned workers)
{
	struct look_stage *s = aligned_alloc(_Alignof(struct look_stage), sizeof(*s));

	memset(s, 0, sizeof(*s));
	s->header.mode = mode;
	s->header.workers = workers;
	s->header.begun_ns = BEGIN;
	s->live = s->same_clock = true;
	return s;
}

static bool
is_near(double a, double b)
{
	return fabs(a - b) <= 1e-9 + 1e-6 * fabs(b);
}

/* 100 records a second, 40 % waiting for output; 2 workers, each busy half. */
static void
run(struct look_stage *s, int64_t ns)
{
	uint64_t n = (uint64_t)(ns / (CLOCK_S / 100));

	metrics_add(&s->sum, METRIC_RECEIVED, n);
	metrics_add(&s->sum, METRIC_PROCESSED, n);
	metrics_add(&s->sum, METRIC_WRITTEN, n);
	stopwatch_add(&s->sum.time[TIME_OUTPUT], ns * 4 / 10);
	stopwatch_add(&s->sum.time[TIME_BUSY], ns);
	histogram_add(&s->sum.latency, 10 * CLOCK_MS, n);
}

/* A stage that is younger than the window: all it did is in it. */
static void
test_young(void)
{
	struct look_stage *s = stage_new(STAGE_MAPS, 2);
	struct track *t = track_new(s, WINDOW);
	struct part p;
	double seconds;

	run(s, 4 * CLOCK_S);
	CHECK(track_sample(t, s, BEGIN + 4 * CLOCK_S) == 0);
	track_fill(t, s, &p, &seconds);
	CHECK(is_near(seconds, 4) && is_near(p.up, 4), "%f %f", seconds, p.up);
	CHECK(is_near(p.output, 0.4) && is_near(p.input, 0) && is_near(p.busy, 0.5), "%f", p.busy);
	CHECK(is_near(p.in, 100) && is_near(p.out, 100) && is_near(p.results, 100), "%f", p.in);
	CHECK(is_near(p.mean, 0.01) && p.p50 > 0 && p.p99 <= 0.01, "%f %f", p.mean, p.p99);
	CHECK(p.pool && p.workers == 2 && isnan(p.oldest) && isnan(p.limit) && isnan(p.cpu));
	CHECK(p.n_history == 4 && is_near(p.history[0], 100), "%u", p.n_history);
	track_free(t);
	free(s);
}

/* One that began long ago: nothing is known at first. */
static void
test_old(void)
{
	struct look_stage *s = stage_new(STAGE_PASSES, 1);
	int64_t now = BEGIN + 3600 * CLOCK_S;
	struct track *t = track_new(s, WINDOW);
	struct part p;
	double seconds;

	run(s, 3600 * CLOCK_S);
	CHECK(track_sample(t, s, now) == 0);
	track_fill(t, s, &p, &seconds);
	CHECK(seconds == 0 && isnan(p.output) && p.in == 0 && isnan(p.mean), "%f", p.output);
	CHECK(isnan(p.busy) && !p.pool && p.n_history == 0);
	run(s, CLOCK_S);
	CHECK(track_sample(t, s, now + CLOCK_S) == 0);
	track_fill(t, s, &p, &seconds);
	CHECK(is_near(seconds, 1) && is_near(p.output, 0.4) && is_near(p.in, 100), "%f", p.output);
	track_free(t);
	free(s);
}

/* The window moves on, whatever the pace of the samples. */
static void
test_window(void)
{
	static const int64_t paces[] = {CLOCK_S / 10, CLOCK_S, 3 * CLOCK_S, 25 * CLOCK_S};

	for (size_t i = 0; i < sizeof(paces) / sizeof(paces[0]); i++) {
		struct look_stage *s = stage_new(STAGE_PASSES, 1);
		struct track *t = track_new(s, WINDOW);
		int64_t now = BEGIN;
		struct part p;
		double seconds;

		for (int k = 0; k < 400; k++) {
			now += paces[i];
			/* The first half waits for output. */
			if (k < 200)
				stopwatch_add(&s->sum.time[TIME_OUTPUT], paces[i]);
			CHECK(track_sample(t, s, now) == 0);
			track_fill(t, s, &p, &seconds);
			if (k == 199)
				CHECK(is_near(p.output, 1), "%f", p.output);
		}
		CHECK(is_near(p.output, 0), "%f", p.output);
		CHECK(
		    seconds >= 10 - 1e-9 && seconds < 10.5 + (double)paces[i] / 1e9, "%f", seconds);
		CHECK(p.n_history == (now - BEGIN < 60 * CLOCK_S ? 40 : 60), "%u", p.n_history);
		track_free(t);
		free(s);
	}
}

static void
test_held(void)
{
	struct look_stage *s = stage_new(STAGE_PASSES, 1);
	struct track *t = track_new(s, WINDOW);
	struct part p;
	double seconds;

	metrics_add(&s->sum, METRIC_RECEIVED, 500);
	CHECK(track_sample(t, s, BEGIN + 20 * CLOCK_S) == 0);
	metrics_add(&s->sum, METRIC_FILTERED, 100);
	metrics_add(&s->sum, METRIC_FAILED + REASON_TIMEOUT, 100);
	CHECK(track_sample(t, s, BEGIN + 22 * CLOCK_S) == 0);
	track_fill(t, s, &p, &seconds);
	CHECK(p.held == 300 && p.held_before == 500 && is_near(p.results, 100), "%f", p.results);
	track_free(t);
	free(s);
}

/* Where a place has another link, what the one before waited is nothing. */
static void
test_links(void)
{
	struct look_stage *s = stage_new(STAGE_PASSES, 1);
	struct track *t = track_new(s, WINDOW);

	s->n_links = 1;
	s->link[0].state = LINK_OPEN;
	stopwatch_add(&s->link[0].wait, 5 * CLOCK_S);
	CHECK(track_sample(t, s, BEGIN + 20 * CLOCK_S) == 0);
	CHECK(isnan(track_wait(t, 0)));
	stopwatch_add(&s->link[0].wait, CLOCK_S);
	s->n_links = 2;
	s->link[1].state = LINK_OPEN;
	stopwatch_start(&s->link[1].wait, BEGIN + 21 * CLOCK_S);
	CHECK(track_sample(t, s, BEGIN + 22 * CLOCK_S) == 0);
	CHECK(is_near(track_wait(t, 0), 0.5) && is_near(track_wait(t, 1), 0.5), "%f %f",
	    track_wait(t, 0), track_wait(t, 1));
	s->link[0] = (struct metrics_link){.state = LINK_OPEN + 4};
	stopwatch_add(&s->link[0].wait, 1 * CLOCK_S);
	CHECK(track_sample(t, s, BEGIN + 24 * CLOCK_S) == 0);
	CHECK(is_near(track_wait(t, 0), 0.25), "%f", track_wait(t, 0));
	CHECK(isnan(track_wait(t, 2)));
	track_free(t);
	free(s);
}

static void
test_end(void)
{
	struct look_stage *s = stage_new(STAGE_PASSES, 1);
	struct track *t = track_new(s, WINDOW);
	struct part p;
	double seconds;

	run(s, 5 * CLOCK_S);
	CHECK(track_sample(t, s, BEGIN + 5 * CLOCK_S) == 0 && track_ended(t) == 0);
	CHECK(track_end(t, s, EXIT_KILLED, BEGIN + 6 * CLOCK_S) == 0);
	memset(s, 0, sizeof(*s));
	CHECK(track_ended(t) == BEGIN + 6 * CLOCK_S);
	track_fill(t, track_last(t), &p, &seconds);
	CHECK(p.ended && p.how == EXIT_KILLED && is_near(p.up, 6) && is_near(p.out, 100));
	CHECK(p.stage == track_last(t));
	track_free(t);
	free(s);
}

int
main(void)
{
	test_young();
	test_old();
	test_window();
	test_held();
	test_links();
	test_end();
	return t_end();
}
