#include "pratelimit/pacer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "stage/meter.h"
#include "record/record.h"
#include "t.h"
#include "t_random.h"

#define S CLOCK_S
#define MS CLOCK_MS
#define START (1000 * S)
#define ROOM 20000

/* A pacer on a simulated clock, and when each record left, by its number. */
struct sim {
	struct meter *meter;
	struct pacer pacer;
	size_t come, left;
	int64_t *time;
	size_t *order; /* the numbers in the order in which they left */
};

static void
begin_sim(struct sim *s, struct rate rate, bool bytes, size_t max_flows)
{
	*s = (struct sim){.meter = meter_new(&rate)};
	s->time = calloc(ROOM, sizeof(*s->time));
	s->order = calloc(ROOM, sizeof(*s->order));
	CHECK(s->meter != NULL && s->time != NULL && s->order != NULL);
	CHECK(pacer_init(&s->pacer, s->meter, bytes, max_flows, ROOM) == 0);
	pacer_set_time(&s->pacer, START);
}

static void
end_sim(struct sim *s)
{
	pacer_free(&s->pacer);
	meter_free(s->meter);
	free(s->time);
	free(s->order);
}

static void
note_leave(struct sim *s, const struct record *r)
{
	s->time[r->seq] = s->pacer.now;
	s->order[s->left++] = r->seq;
}

/* A record of so many bytes with its LF comes now. */
static void
come(struct sim *s, const char *key, size_t bytes)
{
	struct record r = {.seq = s->come++, .len = bytes - 1, .came = s->pacer.now};
	struct flow *flow = pacer_flow(&s->pacer, key, strlen(key));

	CHECK(flow != NULL);
	if (pacer_take(&s->pacer, flow, &r) == BOOKED)
		note_leave(s, &r);
	else
		CHECK(pacer_wait(&s->pacer, flow, &r));
}

/* Wakes at that time, and lets through what is due. */
static void
wake(struct sim *s, int64_t now)
{
	struct record r;

	pacer_set_time(&s->pacer, now);
	while (pacer_due(&s->pacer, &r))
		note_leave(s, &r);
}

/*
 * Wakes whenever there is something to do, or up to `late` after that, until
 * that time.
 */
static void
run_until(struct sim *s, int64_t until, int64_t late)
{
	int64_t next;

	while ((next = pacer_next(&s->pacer)) <= until)
		wake(s, next + (late > 0 ? rand() % late : 0));
	if (until != CLOCK_NEVER - 1 && s->pacer.now < until)
		wake(s, until);
}

/* All records come at once, and each leaves at its own moment. */
static void
test_exact(void)
{
	static const struct rate rates[] = {{50, S, 1}, {7, S, 1}, {1000, S, 1}, {999983, S, 1},
	    {3000000, S, 1}, {1, 24 * 3600 * S, 1}, {20000, S, 40}};

	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct sim s;
		bool good = true;

		begin_sim(&s, rates[i], false, 1);
		for (int n = 0; n < 10000; n++)
			come(&s, "", 1);
		run_until(&s, CLOCK_NEVER - 1, 0);
		CHECK(s.left == 10000);
		for (uint64_t n = 0; n < 10000; n++) {
			uint64_t waits = n < rates[i].burst ? 0 : n - rates[i].burst + 1;
			int64_t exact = START + (int64_t)(waits * rates[i].per / rates[i].amount);

			good =
			    good && s.order[n] == n && s.time[n] >= exact && s.time[n] <= exact + 2;
		}
		CHECK(good, "rate %zu", i);
		end_sim(&s);
	}
}

/* The most that left within 100 ms. */
static size_t
worst_window(const struct sim *s)
{
	size_t worst = 0;

	for (size_t first = 0, i = 0; i < s->left; i++) {
		while (s->time[s->order[i]] - s->time[s->order[first]] > 100 * MS)
			first++;
		if (i - first + 1 > worst)
			worst = i - first + 1;
	}
	return worst;
}

/*
 * Waking late costs nothing in the long run, and no window of 100 ms gets more
 * than its share and what was late.
 */
static void
test_late(void)
{
	static const int64_t late[] = {MS / 2, 5 * MS, TELLER_LATE};

	for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++) {
		struct sim s;

		begin_sim(&s, (struct rate){5000, S, 1}, false, 1);
		for (int n = 0; n < 15000; n++)
			come(&s, "", 1);
		run_until(&s, CLOCK_NEVER - 1, late[i]);
		CHECK(s.left == 15000);
		for (int64_t n = 0; n < 15000; n += 1000)
			CHECK(s.time[n] >= START + n * S / 5000 &&
				s.time[n] <= START + n * S / 5000 + late[i] + S / 5000,
			    "%" PRId64 ": %" PRId64, n, s.time[n] - START);
		CHECK(worst_window(&s) <= 500 + 1 + (size_t)(late[i] / (S / 5000)), "%zu",
		    worst_window(&s));
		end_sim(&s);
	}
}

/* Idle time gives a burst, and not a record more; so does a stop. */
static void
test_idle_and_stopped(void)
{
	for (uint64_t burst = 1; burst <= 100; burst += 33) {
		struct sim s;

		begin_sim(&s, (struct rate){100, S, burst}, false, 1);
		for (uint64_t n = 0; n < burst; n++)
			come(&s, "", 1);
		CHECK(s.left == burst);
		wake(&s, START + 3600 * S);
		for (int n = 0; n < 1000; n++)
			come(&s, "", 1);
		CHECK(s.left == 2 * burst, "%zu", s.left);
		run_until(&s, START + 3601 * S, 0);
		CHECK(s.left == 2 * burst + 100, "%zu", s.left);
		/* SIGSTOP for 5 s. */
		wake(&s, START + 3606 * S);
		CHECK(s.left == 3 * burst + 100, "%zu", s.left);
		run_until(&s, START + 3607 * S, 0);
		CHECK(s.left == 3 * burst + 200, "%zu", s.left);
		end_sim(&s);
	}
}

static void
test_bytes(void)
{
	struct sim s;

	begin_sim(&s, (struct rate){1000, S, 100}, true, 1);
	come(&s, "", 60);
	come(&s, "", 40);
	CHECK(s.left == 2, "a burst");
	come(&s, "", 5000); /* more than the burst: when the bucket is full */
	come(&s, "", 100);
	come(&s, "", 1);
	run_until(&s, CLOCK_NEVER - 1, 0);
	CHECK(s.time[2] == START + 100 * MS, "%" PRId64, s.time[2] - START);
	CHECK(
	    s.time[3] == START + 5100 * MS, "the debt is waited out: %" PRId64, s.time[3] - START);
	CHECK(s.time[4] == START + 5101 * MS, "%" PRId64, s.time[4] - START);
	end_sim(&s);
}

/* Another rate applies at once, to what waits and to what was taken. */
static void
test_change(void)
{
	struct rate hour = {1, 3600 * S, 1}, fast = {100, S, 1};
	struct sim s;

	for (int keyed = 0; keyed < 2; keyed++) {
		begin_sim(&s, hour, false, 10);
		for (int n = 0; n < 100; n++)
			come(&s, keyed ? "key" : "", 1);
		CHECK(s.left == 1);
		run_until(&s, START + 1800 * S, 0);
		CHECK(s.left == 1);
		CHECK(meter_change(s.meter, &fast) == 0);
		wake(&s, START + 1800 * S);
		CHECK(pacer_next(&s.pacer) == START + 1800 * S + 5 * MS, "half of it was waited");
		run_until(&s, START + 1800 * S + 95 * MS, 0);
		CHECK(s.left == 11, "%zu", s.left);
		CHECK(meter_change(s.meter, &hour) == 0);
		wake(&s, START + 1800 * S + 100 * MS);
		CHECK(s.left == 11, "%zu", s.left);
		run_until(&s, START + 1800 * S + 1900 * S, 0);
		CHECK(s.left == 12, "%zu", s.left);
		/* However often it changes. */
		for (int n = 0; n < 50; n++) {
			CHECK(meter_change(s.meter, n % 2 == 0 ? &fast : &hour) == 0);
			wake(&s, s.pacer.now);
		}
		CHECK(s.left == 12);
		CHECK(s.pacer.teller.rate.amount == 1);
		end_sim(&s);
	}
}

/* A hot key among 10 000 does not hold up the others, and keeps its order. */
static void
test_hot_key(void)
{
	struct sim s;
	char key[16];

	begin_sim(&s, (struct rate){10, S, 1}, false, 20000);
	for (int n = 0; n < 5000; n++)
		come(&s, "hot", 1);
	CHECK(s.left == 1);
	for (int n = 0; n < 10000; n++) {
		snprintf(key, sizeof(key), "%d", n);
		come(&s, key, 1);
	}
	CHECK(s.left == 10001 && s.pacer.flows.n == 10001);
	/* The others are forgotten once their buckets are full. */
	run_until(&s, START + 10 * S, 0);
	CHECK(s.left == 10101 && s.pacer.flows.n == 1, "%zu %zu", s.left, s.pacer.flows.n);
	run_until(&s, CLOCK_NEVER - 1, 0);
	CHECK(s.left == 15000 && s.pacer.flows.n == 0);
	for (int n = 1; n < 5000; n++)
		CHECK(s.time[n] == START + n * S / 10 && s.order[10000 + n] == (size_t)n, "%d", n);
	end_sim(&s);
}

/*
 * Records are seen 15 ms after they came, with idle time in between: forgotten
 * buckets give no credit.
 */
static void
test_forgotten(void)
{
	struct sim s;

	for (int keys = 1; keys <= 2; keys++) {
		begin_sim(&s, (struct rate){1000, S, 1}, false, 2);
		for (int64_t t = 0; t < S; t += S / 15000) {
			struct record r = {.seq = s.come, .came = START + t - 15 * MS};
			struct flow *flow;

			wake(&s, START + t);
			flow = pacer_flow(&s.pacer, t / MS % keys == 0 ? "a" : "b", 1);
			if (flow == NULL || pacer_take(&s.pacer, flow, &r) != BOOKED)
				continue;
			s.come++;
			note_leave(&s, &r);
		}
		CHECK(s.left >= 990 && s.left <= (size_t)keys * 1016, "%d: %zu", keys, s.left);
		end_sim(&s);
	}
}

/* After seven changes that were not seen the generation is the same again. */
static void
test_generation_comes_again(void)
{
	struct rate hour = {1, 3600 * S, 1}, fast = {100, S, 1};
	struct sim s;
	int64_t full;

	begin_sim(&s, fast, false, 1);
	for (int n = 0; n < 7; n++)
		CHECK(meter_change(s.meter, n % 2 == 0 ? &hour : &fast) == 0);
	CHECK(meter_bucket(s.meter, &full) == s.pacer.teller.generation);
	wake(&s, START);
	CHECK(s.pacer.teller.rate.per == hour.per);
	end_sim(&s);
}

static void
test_bounds(void)
{
	struct rate rate = {1, S, 1};
	struct record r = {.len = 0};
	struct flow *flow;
	struct sim s;

	begin_sim(&s, rate, false, 2);
	come(&s, "a", 1);
	come(&s, "b", 1);
	errno = 0;
	CHECK(pacer_flow(&s.pacer, "c", 1) == NULL && errno == ENOSPC);
	CHECK(pacer_flow(&s.pacer, "a", 1) != NULL, "those that are known stay known");
	run_until(&s, START + S, 0);
	CHECK(pacer_flow(&s.pacer, "c", 1) != NULL, "and are forgotten in time");
	end_sim(&s);

	begin_sim(&s, rate, false, 1);
	for (int n = 0; n < ROOM + 1; n++)
		come(&s, "", 1);
	flow = pacer_flow(&s.pacer, "", 0);
	CHECK(flow->n == ROOM && !pacer_wait(&s.pacer, flow, &r), "no room");
	for (int n = 0; n < ROOM; n++)
		CHECK(pacer_cancel(&s.pacer, &r) && r.seq == (uint64_t)n + 1);
	CHECK(!pacer_cancel(&s.pacer, &r) && pacer_next(&s.pacer) == CLOCK_NEVER);
	end_sim(&s);
}

static size_t
below(size_t n)
{
	return (size_t)(next_random() >> 11) % n;
}

/* A run of n lines of random lengths comes now. */
static struct record
make_run(const struct sim *s, uint64_t n, size_t most)
{
	char text[32 * 20 + 1];
	size_t len = 0;
	struct record r;

	for (uint64_t i = 0; i < n; i++) {
		size_t bytes = below(most);

		memset(text + len, 'x', bytes);
		len += bytes;
		text[len++] = '\n';
	}
	CHECK(record_copy(&r, text, len - 1) == 0);
	r.seq = s->come;
	r.came = s->pacer.now;
	if (n > 1) {
		r.kind = RECORD_RUN;
		r.lines = n;
	}
	return r;
}

/* As much of the run as may leaves at once, as limiter.c does it. */
static bool
leave_as_run(struct sim *s, struct flow *flow, struct record *run)
{
	struct record front, one;
	uint64_t n;
	size_t bytes = 0;
	bool left, more;

	for (n = record_count(run); n > 0; n /= 2) {
		bytes = record_run_bytes(run, n);
		if (pacer_take_run(&s->pacer, flow, run, n, bytes))
			break;
	}
	if (n == 0)
		return true;
	left = record_take(run, n, bytes, &front);
	do {
		more = record_take_one(&front, &one);
		note_leave(s, &one);
		record_free(&one);
	} while (more);
	return left;
}

/* A run comes: with pacer_take_run(), or each of its records alone. */
static void
come_run(struct sim *s, struct record *run, bool as_run)
{
	struct flow *flow = pacer_flow(&s->pacer, "", 0);
	struct record one;
	bool more = true;

	s->come += record_count(run);
	while (more) {
		if (as_run && !leave_as_run(s, flow, run))
			return;
		more = record_take_one(run, &one);
		if (pacer_take(&s->pacer, flow, &one) == BOOKED) {
			note_leave(s, &one);
			record_free(&one);
		} else
			CHECK(pacer_wait(&s->pacer, flow, &one));
	}
}

/* As wake(), where records have bytes of their own. */
static void
wake_late(struct sim *s, int64_t now)
{
	struct record r;

	pacer_set_time(&s->pacer, now);
	while (pacer_due(&s->pacer, &r)) {
		note_leave(s, &r);
		record_free(&r);
	}
}

/* As run_until(), in the same way. */
static void
run_until_and_free(struct sim *s, int64_t until)
{
	int64_t next;

	while ((next = pacer_next(&s->pacer)) < until)
		wake_late(s, next);
	if (until < CLOCK_NEVER)
		wake_late(s, until);
}

/*
 * Beside a pacer that takes each record alone, one takes them as runs: each
 * record leaves at the same time, give or take `slack` ns, in the same order.
 */
static void
compare_runs(struct rate rate, bool bytes, int64_t slack, bool stops)
{
	struct sim alone, runs;
	int64_t now = START;
	size_t at_once = 0;
	const size_t most = 20;

	begin_sim(&alone, rate, bytes, 1);
	begin_sim(&runs, rate, bytes, 1);
	while (alone.come < 3000) {
		uint64_t n = below(3) == 0 ? 1 : 2 + below(30);
		struct record run, copy;

		run_until_and_free(&alone, now);
		run_until_and_free(&runs, now);
		CHECK(slack > 0 || runs.left == alone.left, "%zu, not %zu", runs.left, alone.left);
		run = copy = make_run(&alone, n, most);
		atomic_fetch_add(&run.slab->refs, 1);
		/* Now and then the thread is stopped before it has the run. */
		if (stops && below(4) == 0) {
			now += TELLER_LATE + bucket_time(&rate, below(bytes ? 400 : 40));
			wake_late(&alone, now);
			wake_late(&runs, now);
		}
		at_once -= alone.left;
		come_run(&alone, &run, false);
		at_once += alone.left;
		come_run(&runs, &copy, true);
		/* Often nothing is left to wait for, sometimes much is. */
		now += (int64_t)(bucket_time(&rate, below(bytes ? 30 * most : 60)));
	}
	run_until_and_free(&alone, CLOCK_NEVER);
	run_until_and_free(&runs, CLOCK_NEVER);
	CHECK(alone.left == alone.come && runs.left == alone.come &&
		pacer_next(&runs.pacer) == CLOCK_NEVER,
	    "%zu and %zu of %zu", alone.left, runs.left, alone.come);
	for (size_t i = 0; i < alone.come; i++)
		CHECK(runs.order[i] == i && alone.order[i] == i &&
			runs.time[i] - alone.time[i] <= slack &&
			alone.time[i] - runs.time[i] <= slack,
		    "record %zu: %" PRId64 ", not %" PRId64, i, runs.time[i] - START,
		    alone.time[i] - START);
	CHECK(at_once > 100, "%zu at once: this tries little", at_once);
	end_sim(&alone);
	end_sim(&runs);
}

/*
 * At the first rates of each kind no time has to be rounded.  At the others a
 * ns can decide about who has been stopped.
 */
static void
test_runs(bool stops)
{
	for (uint64_t burst = 1; burst <= 64; burst *= 4) {
		compare_runs((struct rate){100, S, burst}, false, 0, stops);
		compare_runs((struct rate){1, 7, burst}, false, 0, stops);
		compare_runs((struct rate){1, 60 * S, burst}, false, 0, stops);
		compare_runs((struct rate){7, S, burst}, false, 1, false);
		compare_runs((struct rate){999983, S, burst}, false, 1, false);
	}
	for (uint64_t burst = 20; burst <= 640; burst *= 2) {
		compare_runs((struct rate){1000, S, burst}, true, 0, stops);
		compare_runs((struct rate){1, 1, burst}, true, 0, stops);
		compare_runs((struct rate){7, 3 * S, burst}, true, 1, false);
		compare_runs((struct rate){999983, S, burst}, true, 1, false);
	}
}

/* As much as there is credit for, and nothing where a record waits. */
static void
test_run_credit(void)
{
	struct sim s;
	struct record run;
	struct flow *flow;

	begin_sim(&s, (struct rate){10, S, 5}, false, 1);
	flow = pacer_flow(&s.pacer, "", 0);
	run = make_run(&s, 8, 20);
	CHECK(!pacer_take_run(&s.pacer, flow, &run, 6, record_run_bytes(&run, 6)));
	CHECK(pacer_take_run(&s.pacer, flow, &run, 2, record_run_bytes(&run, 2)),
	    "nothing was charged");
	CHECK(!pacer_take_run(&s.pacer, flow, &run, 4, record_run_bytes(&run, 4)));
	CHECK(pacer_take_run(&s.pacer, flow, &run, 3, record_run_bytes(&run, 3)));
	CHECK(!pacer_take_run(&s.pacer, flow, &run, 1, record_run_bytes(&run, 1)));
	come(&s, "", 1);
	CHECK(flow->n == 1, "one waits");
	pacer_set_time(&s.pacer, START + 10 * S);
	CHECK(!pacer_take_run(&s.pacer, flow, &run, 1, record_run_bytes(&run, 1)),
	    "not before the one that waits");
	wake(&s, START + 10 * S);
	CHECK(flow->n == 0 && s.left == 1);
	record_free(&run);
	end_sim(&s);
}

/*
 * A thread that was stopped has a burst after that, and no more, even if what
 * it has is a run that came before the stop.
 */
static void
test_run_stopped(void)
{
	for (uint64_t burst = 1; burst <= 16; burst *= 4) {
		struct sim s;
		struct record run;
		struct flow *flow;

		begin_sim(&s, (struct rate){1000, S, burst}, false, 1);
		flow = pacer_flow(&s.pacer, "", 0);
		run = make_run(&s, 30, 20);
		pacer_set_time(&s.pacer, START + 5 * S);
		CHECK(!pacer_take_run(
			  &s.pacer, flow, &run, burst + 1, record_run_bytes(&run, burst + 1)),
		    "burst %" PRIu64 ": the credit of 5 s", burst);
		CHECK(pacer_take_run(&s.pacer, flow, &run, burst, record_run_bytes(&run, burst)),
		    "burst %" PRIu64, burst);
		run.came = s.pacer.now;
		CHECK(!pacer_take_run(&s.pacer, flow, &run, 1, record_run_bytes(&run, 1)),
		    "burst %" PRIu64 ": the credit is forfeited", burst);
		pacer_set_time(&s.pacer, START + 5 * S + MS);
		CHECK(pacer_take_run(&s.pacer, flow, &run, 1, record_run_bytes(&run, 1)));
		record_free(&run);
		end_sim(&s);
	}
}

int
main(void)
{
	test_exact();
	test_late();
	test_idle_and_stopped();
	test_bytes();
	test_change();
	test_hot_key();
	test_forgotten();
	test_generation_comes_again();
	test_bounds();
	test_runs(false);
	test_runs(true);
	test_run_credit();
	test_run_stopped();
	return t_end();
}
