#include "pfanout/stall.h"

#include "base/clock.h"
#include "t.h"

#define LOOK (100 * CLOCK_US) /* the window's first look */

/*
 * A child that was started at 0, had its first record at START and owes an
 * answer since then.
 */
#define START (20 * CLOCK_MS)

static struct stall
owing(int64_t timeout)
{
	struct stall s;

	stall_init(&s, timeout);
	stall_started(&s, 0);
	stall_moved(&s, START, LOOK);
	return s;
}

/*
 * Looks as often as it wants to.  Returns when it flushes, or 0 if that is not
 * by `end`.
 */
static int64_t
flush_time(struct stall *s, enum hunger seen, enum hunger searched, bool can_give, bool is_full,
    int64_t end)
{
	while (s->look_at < end) {
		struct stall_facts f = {.now = s->look_at,
		    .since = START,
		    .limit = CLOCK_NEVER,
		    .has_more = can_give || is_full,
		    .can_give = can_give,
		    .is_full = is_full};
		enum stall_verdict v = stall_saw(s, stall_interpret(s, seen), &f);

		CHECK(s->look_at > f.now &&
		    (s->look_at - f.now <= 20 * CLOCK_MS || s->look_at - f.now <= f.now / 8));
		if (v == STALL_SEARCH)
			v = stall_searched(s, searched, &f);
		if (v == STALL_FLUSH)
			return f.now - START;
	}
	return 0;
}

static void
test_table(void)
{
	static const struct {
		const char *what;
		enum hunger seen, searched;
		bool can_give, is_full;
		int64_t timeout;
		/* when it is flushed, in ns after START; 0: never */
		int64_t from, to;
	} table[] = {
	    {"at work", HUNGER_NONE, HUNGER_NONE, false, false, CLOCK_NEVER, 0, 0},
	    {"hungry, there is more", HUNGER_SURE, HUNGER_SURE, true, false, CLOCK_NEVER, 0, 0},
	    /* Its start took 20 ms, so that is how long it may linger. */
	    {"hungry, nothing to give", HUNGER_SURE, HUNGER_SURE, false, false, CLOCK_NEVER,
		20 * CLOCK_MS, 22 * CLOCK_MS},
	    {"the same with -t 40ms", HUNGER_SURE, HUNGER_SURE, false, false, 40 * CLOCK_MS,
		10 * CLOCK_MS, 12 * CLOCK_MS},
	    {"hungry, --window is full", HUNGER_SURE, HUNGER_SURE, false, true, CLOCK_NEVER, 1,
		CLOCK_MS},
	    {"hungry, a thread at work", HUNGER_SURE, HUNGER_NONE, false, false, CLOCK_NEVER, 0, 0},
	    {"hungry, a thread unclear", HUNGER_SURE, HUNGER_UNKNOWN, false, false, CLOCK_NEVER,
		250 * CLOCK_MS, 275 * CLOCK_MS},
	    {"unclear", HUNGER_UNKNOWN, HUNGER_UNKNOWN, false, false, CLOCK_NEVER, 250 * CLOCK_MS,
		275 * CLOCK_MS},
	    {"unclear, there is more", HUNGER_UNKNOWN, HUNGER_UNKNOWN, true, false, CLOCK_NEVER, 0,
		0},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct stall s = owing(table[i].timeout);
		int64_t at = flush_time(&s, table[i].seen, table[i].searched, table[i].can_give,
		    table[i].is_full, 10 * CLOCK_S);

		CHECK(at >= table[i].from && at <= table[i].to, "%s: %lld ns", table[i].what,
		    (long long)at);
	}
}

/*
 * An unclear child that answers at once, twice, had buffered: hunger from then
 * on.
 */
static void
test_learns_hunger(void)
{
	struct stall s = owing(CLOCK_NEVER);

	for (int i = 0; i < 2; i++) {
		CHECK(stall_interpret(&s, HUNGER_UNKNOWN) == HUNGER_UNKNOWN);
		CHECK(flush_time(&s, HUNGER_UNKNOWN, HUNGER_UNKNOWN, false, false, CLOCK_S) > 0);
		stall_ended(&s, s.tested + 5 * CLOCK_MS);
		stall_started(&s, CLOCK_S);
		stall_moved(&s, START, LOOK);
	}
	CHECK(stall_interpret(&s, HUNGER_UNKNOWN) == HUNGER_SURE);
	CHECK(stall_interpret(&s, HUNGER_NONE) == HUNGER_NONE);
	s.startup = CLOCK_MS;
	CHECK(
	    flush_time(&s, HUNGER_UNKNOWN, HUNGER_UNKNOWN, false, false, CLOCK_S) < 20 * CLOCK_MS);
}

/* One that took `slowest` to answer a test. */
static struct stall
slow(int64_t timeout, int64_t slowest)
{
	struct stall s = owing(timeout);

	CHECK(flush_time(&s, HUNGER_UNKNOWN, HUNGER_UNKNOWN, false, false, CLOCK_S) > 0);
	stall_ended(&s, s.tested + slowest);
	CHECK(s.slowest == slowest && s.quick_ends == 0);
	stall_started(&s, 0);
	stall_moved(&s, START, LOOK);
	return s;
}

/*
 * One that takes its time was at work: it gets more patience than its work has
 * taken, but not so much that -t would end it.
 */
static void
test_learns_slowness(void)
{
	static const struct {
		int64_t timeout, slowest, want;
	} table[] = {
	    {CLOCK_NEVER, 500 * CLOCK_MS, 3 * CLOCK_S},
	    {CLOCK_NEVER, 10 * CLOCK_S, 22 * CLOCK_S},
	    {20 * CLOCK_S, 3 * CLOCK_S, 8 * CLOCK_S},
	    {20 * CLOCK_S, 15 * CLOCK_S, 10 * CLOCK_S},
	    {3 * CLOCK_S, CLOCK_S, 2 * CLOCK_S},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct stall s = slow(table[i].timeout, table[i].slowest);
		int64_t at =
		    flush_time(&s, HUNGER_UNKNOWN, HUNGER_UNKNOWN, false, false, 100 * CLOCK_S);

		CHECK(at >= table[i].want && at < table[i].want + 50 * CLOCK_MS, "%zu: %lld", i,
		    (long long)at);
	}
}

/* An answer that came without a flush shows how long the work takes. */
static void
test_learns_from_answers(void)
{
	struct stall s = slow(CLOCK_NEVER, CLOCK_S);

	CHECK(flush_time(&s, HUNGER_UNKNOWN, HUNGER_UNKNOWN, false, false, 3 * CLOCK_S) == 0);
	stall_answered(&s, START + 3 * CLOCK_S, LOOK);
	CHECK(s.slowest == 3 * CLOCK_S - LOOK, "%lld", (long long)s.slowest);
	CHECK(s.unclear_since == 0 && s.look_at == START + 3 * CLOCK_S + LOOK);

	/* It teaches nothing of one that may not have been at work. */
	s = owing(CLOCK_NEVER);
	CHECK(flush_time(&s, HUNGER_UNKNOWN, HUNGER_UNKNOWN, false, false, CLOCK_S / 5) == 0);
	stall_answered(&s, CLOCK_S / 5, LOOK);
	CHECK(s.slowest == 0);
}

/* Work that ends just after two tests looks like hunger for a time only. */
static void
test_unlearns_hunger(void)
{
	struct stall s = owing(CLOCK_NEVER);

	for (int i = 0; i < 3; i++) {
		CHECK(flush_time(&s, HUNGER_UNKNOWN, HUNGER_UNKNOWN, false, false, CLOCK_S) > 0);
		stall_ended(&s, START + 300 * CLOCK_MS);
		stall_started(&s, 0);
		stall_moved(&s, START, LOOK);
	}
	CHECK(stall_interpret(&s, HUNGER_UNKNOWN) == HUNGER_UNKNOWN);
	CHECK(flush_time(&s, HUNGER_UNKNOWN, HUNGER_UNKNOWN, false, false, CLOCK_S) == 0);
}

/* An end that is no test teaches nothing. */
static void
test_no_test(void)
{
	struct stall s = owing(CLOCK_NEVER);

	CHECK(flush_time(&s, HUNGER_SURE, HUNGER_SURE, false, false, CLOCK_S) > 0);
	stall_ended(&s, CLOCK_S);
	CHECK(s.slowest == 0 && s.quick_ends == 0);
}

/* What moves starts the wait again; so does a look that finds it at work. */
static void
test_begins_again(void)
{
	struct stall s = owing(CLOCK_NEVER);
	struct stall_facts f = {.now = s.look_at, .since = START, .limit = CLOCK_NEVER};

	CHECK(stall_saw(&s, HUNGER_SURE, &f) == STALL_WAIT && s.hungry_since == f.now);
	stall_moved(&s, f.now + CLOCK_MS, LOOK);
	CHECK(s.hungry_since == 0 && s.look_at == f.now + CLOCK_MS + LOOK);
	f.now = s.look_at;
	stall_saw(&s, HUNGER_UNKNOWN, &f);
	CHECK(s.unclear_since == f.now);
	f.now = s.look_at;
	stall_saw(&s, HUNGER_NONE, &f);
	CHECK(s.unclear_since == 0 && s.hungry_since == 0);
}

/*
 * Looks get rarer: up to 5 ms while there is something to give, else 20 ms; and
 * an eighth of its silence, up to a second, where that is more.
 */
static void
test_rarer(void)
{
	for (int more = 0; more <= 1; more++) {
		struct stall s = owing(CLOCK_NEVER);
		int64_t last = 0, least = (more ? 5 : 20) * CLOCK_MS;
		int looks = 0;

		while (s.look_at < 20 * CLOCK_S) {
			struct stall_facts f = {.now = s.look_at,
			    .since = START,
			    .limit = CLOCK_NEVER,
			    .has_more = more,
			    .can_give = more};

			stall_saw(&s, HUNGER_NONE, &f);
			CHECK(s.look_at - f.now >= last);
			last = s.look_at - f.now;
			CHECK(
			    last <= least || last <= (f.now - START) / 8, "%lld", (long long)last);
			looks++;
		}
		CHECK(last == CLOCK_S, "%lld", (long long)last);
		CHECK(looks < 100, "%d looks in 20 s", looks);
	}
}

/* However rare the looks, a flush that is due is not late. */
static void
test_in_time(void)
{
	struct stall s = owing(CLOCK_NEVER);
	struct stall_facts f = {.since = START, .limit = CLOCK_NEVER};
	enum stall_verdict v = STALL_WAIT;
	int64_t from;

	for (f.now = s.look_at; f.now < 30 * CLOCK_S; f.now = s.look_at)
		stall_saw(&s, HUNGER_NONE, &f);
	for (from = f.now; v == STALL_WAIT; f.now = s.look_at)
		v = stall_saw(&s, HUNGER_UNKNOWN, &f);
	CHECK(v == STALL_FLUSH && s.tested - from == 250 * CLOCK_MS, "%lld",
	    (long long)(s.tested - from));
}

/* Records that come slowly keep it moving, but the oldest answer has waited. */
static void
test_has_waited(void)
{
	struct stall s = owing(CLOCK_NEVER);
	int64_t now = START;
	enum stall_verdict v = STALL_WAIT;

	while (v == STALL_WAIT && now < 10 * CLOCK_S) {
		struct stall_facts f;

		stall_moved(&s, now, LOOK); /* another record */
		now = s.look_at;
		f = (struct stall_facts){.now = now, .since = START, .limit = CLOCK_NEVER};
		v = stall_saw(&s, HUNGER_SURE, &f);
		now += 5 * CLOCK_MS;
	}
	CHECK(v == STALL_SEARCH && now - START >= 200 * CLOCK_MS && now - START < 220 * CLOCK_MS,
	    "%lld", (long long)(now - START));
}

/*
 * A busy child is hungry for a moment after each record, and mostly gets one at
 * once.  `idle` of 100 times it does so only after 10 ms, or after 40 ms.
 */
static int64_t
busy_flush_time(int idle)
{
	struct stall s = owing(CLOCK_NEVER);
	int64_t now = START;

	for (int i = 0; now < 60 * CLOCK_S; i++) {
		bool empty = i % 100 < idle;
		struct stall_facts f;

		stall_moved(&s, now, LOOK);
		now += 20 * CLOCK_MS;
		f = (struct stall_facts){.now = now,
		    .since = START,
		    .limit = CLOCK_NEVER,
		    .has_more = !empty,
		    .can_give = !empty};
		if (stall_saw(&s, HUNGER_SURE, &f) != STALL_WAIT)
			return now - START;
		if (empty)
			now += 10 * CLOCK_MS;
	}
	return 0;
}

/* A moment without input flushes no child that is at work. */
static void
test_busy(void)
{
	CHECK(busy_flush_time(0) == 0);
	CHECK(busy_flush_time(10) == 0);
	CHECK(busy_flush_time(50) >= 400 * CLOCK_MS && busy_flush_time(50) < 500 * CLOCK_MS);
}

/* A flush that frees nothing is none, however long that takes. */
static void
test_must_wait(void)
{
	struct stall s = owing(CLOCK_NEVER);
	struct stall_facts f = {
	    .now = s.look_at, .since = START, .limit = CLOCK_NEVER, .must_wait = true};

	while (f.now < 10 * CLOCK_S) {
		CHECK(stall_saw(&s, HUNGER_SURE, &f) == STALL_WAIT);
		CHECK(s.look_at - f.now <= 20 * CLOCK_MS, "its turn is seen late");
		f.now = s.look_at;
	}
	f.must_wait = false;
	f.is_full = true;
	CHECK(stall_saw(&s, HUNGER_SURE, &f) == STALL_SEARCH);
	CHECK(stall_searched(&s, HUNGER_SURE, &f) == STALL_FLUSH);
}

#define LIMIT CLOCK_S

/* When the limit comes near: what the search says decides. */
static void
test_limit(void)
{
	static const struct {
		const char *what;
		enum hunger searched;
		bool can_give, must_wait;
		enum stall_verdict want;
	} table[] = {
	    {"done, there is more", HUNGER_SURE, true, false, STALL_DONE},
	    {"done, the budget is used up", HUNGER_SURE, false, true, STALL_DONE},
	    {"a thread at work", HUNGER_NONE, true, false, STALL_WAIT},
	    {"a thread unclear", HUNGER_UNKNOWN, true, false, STALL_FLUSH},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct stall s = owing(LIMIT);
		enum stall_verdict v = STALL_WAIT;
		struct stall_facts f;

		while (v == STALL_WAIT && s.look_at < START + LIMIT) {
			f = (struct stall_facts){.now = s.look_at,
			    .since = START,
			    .limit = START + LIMIT,
			    .has_more = table[i].can_give,
			    .can_give = table[i].can_give,
			    .must_wait = table[i].must_wait};
			v = stall_saw(&s, HUNGER_SURE, &f);
			if (v == STALL_SEARCH)
				v = stall_searched(&s, table[i].searched, &f);
		}
		CHECK(v == table[i].want, "%s: %d", table[i].what, (int)v);
		CHECK(v == STALL_WAIT || f.now >= START + LIMIT / 2, "%s", table[i].what);
	}
}

/* A child that keeps its answers is looked at closely while it is at work. */
static void
test_close(void)
{
	struct stall s = owing(CLOCK_NEVER);
	struct stall_facts f = {.since = START, .limit = CLOCK_NEVER, .buffers = true};

	for (f.now = s.look_at; f.now < CLOCK_S; f.now = s.look_at) {
		int64_t work = f.now - START, most = work / 8;

		stall_saw(&s, HUNGER_NONE, &f);
		CHECK(s.look_at - f.now <= (most > 500 * CLOCK_US ? most : 500 * CLOCK_US));
	}
}

#define HALT (100 * CLOCK_S)

/* The time of a halt is no silence of the child. */
static void
test_halt(void)
{
	for (enum hunger h = HUNGER_SURE; h <= HUNGER_UNKNOWN; h++) {
		struct stall s = owing(CLOCK_NEVER);
		struct stall_facts f = {.now = s.look_at, .since = START, .limit = CLOCK_NEVER};

		CHECK(stall_saw(&s, h, &f) == STALL_WAIT);
		stall_extend(&s, HALT);
		f.since += HALT;
		f.now += HALT + CLOCK_MS;
		CHECK(stall_saw(&s, h, &f) == STALL_WAIT, "%d: flushed after a halt", h);
		f.now += CLOCK_S;
		CHECK(stall_saw(&s, h, &f) != STALL_WAIT);
	}
}

/* The time of a halt teaches nothing. */
static void
test_halt_teaches_nothing(void)
{
	struct stall s = owing(CLOCK_NEVER);
	int64_t at;

	stall_extend(&s, HALT);
	stall_answered(&s, HALT + START, LOOK);
	stall_moved(&s, START, LOOK);
	CHECK(s.startup == START, "%lld", (long long)s.startup);

	CHECK(flush_time(&s, HUNGER_UNKNOWN, HUNGER_UNKNOWN, false, false, CLOCK_S) > 0);
	at = s.tested;
	stall_extend(&s, 99 * CLOCK_MS);
	stall_ended(&s, at + 150 * CLOCK_MS);
	CHECK(s.quick_ends == 1 && s.slowest == 0, "a short halt");

	stall_moved(&s, START, LOOK);
	CHECK(flush_time(&s, HUNGER_UNKNOWN, HUNGER_UNKNOWN, false, false, CLOCK_S) > 0);
	stall_extend(&s, HALT);
	stall_ended(&s, CLOCK_S + HALT);
	CHECK(s.quick_ends == 1 && s.slowest == 0, "a long halt");
}

int
main(void)
{
	test_table();
	test_learns_hunger();
	test_learns_slowness();
	test_learns_from_answers();
	test_unlearns_hunger();
	test_no_test();
	test_begins_again();
	test_rarer();
	test_in_time();
	test_has_waited();
	test_busy();
	test_must_wait();
	test_limit();
	test_close();
	test_halt();
	test_halt_teaches_nothing();
	return t_end();
}
