#include "sync/park.h"

#include <poll.h>
#include <stdint.h>
#include <unistd.h>

#include "base/clock.h"
#include "t.h"

#define LIMIT 20 /* seconds, for a wake-up that never comes */
#define ROUNDS 20000

static bool
readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void
test_deadlines(void)
{
	static const int64_t past[] = {INT64_MIN, -1, 0, 1, CLOCK_S - 1};
	struct parker p;
	int64_t soon;
	size_t i;

	park_init(&p);
	for (i = 0; i < sizeof(past) / sizeof(past[0]); i++)
		CHECK(!park_wait(&p, past[i]), "deadline %jd", (intmax_t)past[i]);
	soon = clock_now() + 5 * CLOCK_MS;
	CHECK(!park_wait(&p, soon));
	CHECK(clock_now() >= soon, "woke before its time");
}

static void
test_wake_is_kept(void)
{
	struct parker p;

	park_init(&p);
	park_wake(&p);
	park_wake(&p);
	CHECK(park_wait(&p, CLOCK_NEVER));
	CHECK(!park_wait(&p, 0), "one wait takes all wakes");
	park_wake(&p);
	CHECK(park_wait(&p, 0), "a wake counts more than a deadline");
	park_wake(&p);
	park_clear(&p);
	CHECK(!park_wait(&p, 0), "cleared");
}

static void
test_fd(void)
{
	struct parker p;
	int round;

	CHECK(park_init_fd(&p) == 0);
	CHECK(!readable(p.fd));
	for (round = 0; round < 3; round++) {
		park_wake(&p);
		park_wake(&p);
		CHECK(readable(p.fd), "round %d", round);
		park_clear(&p);
		CHECK(!readable(p.fd), "round %d", round);
		park_clear(&p);
	}
	park_close(&p);
	CHECK(p.fd == -1);
	park_close(&p);
}

/* How many of the three are woken, as bits; and forgets it. */
static unsigned
woken(struct parker p[3])
{
	unsigned i, bits = 0;

	for (i = 0; i < 3; i++)
		bits |= (unsigned)park_wait(&p[i], 0) << i;
	return bits;
}

static void
test_list(void)
{
	struct waitlist l;
	struct waiter w[3];
	struct parker p[3];
	int i;

	waitlist_init(&l);
	waitlist_wake(&l, 1);
	for (i = 0; i < 3; i++) {
		park_init(&p[i]);
		waitlist_add(&l, &w[i], &p[i]);
	}
	CHECK(l.count == 3);
	waitlist_wake(&l, 0);
	CHECK(woken(p) == 0);
	waitlist_wake(&l, 2);
	CHECK(woken(p) == 3, "the oldest two");
	CHECK(l.count == 1);
	CHECK(!waitlist_remove(&l, &w[0]), "a wake had taken it");
	CHECK(waitlist_remove(&l, &w[2]), "nobody had");
	CHECK(!waitlist_remove(&l, &w[2]));
	CHECK(l.count == 0);

	waitlist_add(&l, &w[1], &p[1]);
	waitlist_add(&l, &w[0], &p[0]);
	waitlist_wake(&l, 1);
	CHECK(woken(p) == 2, "first in, first out");
	waitlist_wake(&l, SIZE_MAX);
	CHECK(woken(p) == 1);
	waitlist_destroy(&l);
}

/* A number that two threads take turns to count up. */
struct turns {
	_Atomic unsigned n;
	struct waitlist list;
	unsigned late; /* waits that ended by their limit; each thread's own */
};

static void
wait_for_turn(struct turns *t, unsigned n, unsigned *late)
{
	struct parker p;
	struct waiter w;

	park_init(&p);
	waitlist_add(&t->list, &w, &p);
	while (t->n != n && *late == 0) {
		if (!park_wait(&p, clock_now() + LIMIT * CLOCK_S))
			(*late)++;
		waitlist_remove(&t->list, &w);
		waitlist_add(&t->list, &w, &p);
	}
	waitlist_remove(&t->list, &w);
}

static void *
play(void *arg)
{
	struct turns *t = arg;
	unsigned i;

	for (i = 1; i < ROUNDS; i += 2) {
		wait_for_turn(t, i, &t->late);
		t->n = i + 1;
		waitlist_wake(&t->list, 1);
	}
	return NULL;
}

/*
 * The waiter is looked for after the change, the change after the waiter is
 * listed.
 */
static void
test_no_wake_is_lost(void)
{
	struct turns t = {.n = 0};
	unsigned i, late = 0;
	pthread_t other;

	waitlist_init(&t.list);
	CHECK(pthread_create(&other, NULL, play, &t) == 0);
	for (i = 0; i < ROUNDS; i += 2) {
		wait_for_turn(&t, i, &late);
		t.n = i + 1;
		waitlist_wake(&t.list, 1);
	}
	pthread_join(other, NULL);
	CHECK(t.n == ROUNDS);
	CHECK(late == 0 && t.late == 0, "%u and %u waits timed out", late, t.late);
	waitlist_destroy(&t.list);
}

int
main(void)
{
	alarm(60);
	test_deadlines();
	test_wake_is_kept();
	test_fd();
	test_list();
	test_no_wake_is_lost();
	return t_end();
}
