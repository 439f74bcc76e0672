#include "pfanout/deadline.h"

#include "base/clock.h"
#include "t.h"

#define LIMIT (500 * CLOCK_MS)
#define START_LIMIT (30 * CLOCK_S)

/*
 * A child gets its first record at CLOCK_S, begins to read at `reads`, and
 * never answers: when does the attempt end, and after how many looks?
 */
static int64_t
end_of_attempt(struct deadline *d, int64_t reads, int *looks)
{
	int64_t since = CLOCK_S, now = since;

	deadline_started(d);
	deadline_given(d, now);
	for (*looks = 0; deadline_awaits_start(d) && now < deadline_end(d, since); ++*looks) {
		CHECK(d->look_at > now);
		now = clock_earlier(d->look_at, deadline_end(d, since));
		deadline_saw(d, now >= reads, since, now);
	}
	return deadline_end(d, since) - since;
}

static void
test_start(void)
{
	static const struct {
		int64_t timeout, reads; /* after the hand-over */
		int64_t from, to;       /* the end, after the hand-over */
	} table[] = {
	    {LIMIT, 0, LIMIT, LIMIT + 2 * CLOCK_MS},
	    {LIMIT, CLOCK_MS, LIMIT, LIMIT + 3 * CLOCK_MS},
	    /* seen an eighth too late at most */
	    {LIMIT, CLOCK_S, LIMIT + CLOCK_S, LIMIT + CLOCK_S + 126 * CLOCK_MS},
	    {LIMIT, 20 * CLOCK_S, LIMIT + 20 * CLOCK_S, LIMIT + 20 * CLOCK_S + 251 * CLOCK_MS},
	    {LIMIT, 100 * CLOCK_S, START_LIMIT, START_LIMIT},
	    /* --start-timeout is never shorter than -t */
	    {60 * CLOCK_S, 100 * CLOCK_S, 60 * CLOCK_S, 60 * CLOCK_S},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct deadline d;
		int looks;
		int64_t end;

		deadline_init(&d, table[i].timeout, START_LIMIT);
		end = end_of_attempt(&d, CLOCK_S + table[i].reads, &looks);
		CHECK(end >= table[i].from && end <= table[i].to, "row %zu: %lld ns", i,
		    (long long)end);
		CHECK(looks > 0 && looks < 300, "row %zu: %d looks", i, looks);
	}
}

/* What it has done with does not time out in its buffer. */
static void
test_done(void)
{
	struct deadline d;

	deadline_init(&d, LIMIT, START_LIMIT);
	deadline_started(&d);
	deadline_given(&d, CLOCK_S);
	deadline_saw(&d, true, CLOCK_S, CLOCK_S);
	deadline_done(&d, 2 * CLOCK_S);
	CHECK(deadline_end(&d, CLOCK_S) == 2 * CLOCK_S + LIMIT);
	CHECK(deadline_since(&d, CLOCK_S) == CLOCK_S, "the answer waits all the same");
	CHECK(deadline_end(&d, 3 * CLOCK_S) == 3 * CLOCK_S + LIMIT, "given later");
	deadline_extend(&d, 10 * CLOCK_S);
	CHECK(deadline_end(&d, 11 * CLOCK_S) == 12 * CLOCK_S + LIMIT);
	deadline_started(&d);
	deadline_saw(&d, true, 0, 0);
	CHECK(deadline_end(&d, CLOCK_S) == CLOCK_S + LIMIT, "a fresh child");
}

/* Once it has read, the wait for the oldest answer counts. */
static void
test_ready(void)
{
	struct deadline d;

	deadline_init(&d, LIMIT, START_LIMIT);
	deadline_given(&d, CLOCK_S);
	deadline_saw(&d, true, CLOCK_S, 2 * CLOCK_S);
	CHECK(!deadline_awaits_start(&d));
	CHECK(deadline_end(&d, CLOCK_S) == 2 * CLOCK_S + LIMIT);
	CHECK(deadline_end(&d, 3 * CLOCK_S) == 3 * CLOCK_S + LIMIT);
	deadline_extend(&d, CLOCK_S);
	CHECK(deadline_end(&d, CLOCK_S) == 3 * CLOCK_S + LIMIT);
	deadline_started(&d);
	CHECK(deadline_awaits_start(&d), "the next child has to start, too");
}

static void
test_no_limit(void)
{
	struct deadline d;

	deadline_init(&d, CLOCK_NEVER, START_LIMIT);
	deadline_given(&d, CLOCK_S);
	CHECK(!deadline_awaits_start(&d));
	CHECK(deadline_end(&d, CLOCK_S) == CLOCK_NEVER);
}

int
main(void)
{
	test_done();
	test_start();
	test_ready();
	test_no_limit();
	return t_end();
}
