#include "deque.h"

#include <stdint.h>

#include "t.h"

static struct record
numbered(uint64_t seq)
{
	return (struct record){.seq = seq};
}

static void
test_order(void)
{
	struct deque d = {0};
	struct record r;

	/* ... 5 3 1 0 2 4 6 ..., through several sizes */
	for (uint64_t i = 0; i < 1000; i++) {
		r = numbered(i);
		CHECK((i % 2 ? deque_push_front(&d, &r) : deque_push_back(&d, &r)) == 0);
		CHECK(deque_at(&d, i % 2 ? 0 : d.n - 1)->seq == i);
	}
	CHECK(d.n == 1000 && deque_at(&d, 499)->seq == 1 && deque_at(&d, 500)->seq == 0);
	for (uint64_t i = 999; i >= 500; i -= 2) {
		CHECK((r = deque_pop_front(&d)).seq == i, "%ju", (uintmax_t)r.seq);
		CHECK((r = deque_pop_back(&d)).seq == i - 1, "%ju", (uintmax_t)r.seq);
	}
	CHECK(d.n == 500);
	deque_free(&d);
	CHECK(d.n == 0);
}

/* The front runs around the ring many times, at every fill. */
static void
test_around(void)
{
	for (size_t held = 0; held < 40; held++) {
		struct deque d = {0};
		uint64_t in = 0, out = 0;
		struct record r;

		while (in < 200) {
			r = numbered(in++);
			CHECK(deque_push_back(&d, &r) == 0);
			if (d.n > held)
				CHECK(deque_pop_front(&d).seq == out++);
		}
		while (d.n > 0)
			CHECK(deque_pop_front(&d).seq == out++);
		CHECK(out == in);
		deque_free(&d);
	}
}

static void
test_backwards(void)
{
	struct deque d = {0};
	struct record r;

	for (uint64_t i = 0; i < 100; i++) {
		r = numbered(i);
		CHECK(deque_push_front(&d, &r) == 0);
		CHECK(deque_push_front(&d, &r) == 0);
		CHECK(deque_pop_front(&d).seq == i);
	}
	for (uint64_t i = 0; i < 100; i++)
		CHECK(deque_pop_back(&d).seq == i);
	deque_free(&d);
	deque_free(&d);
}

int
main(void)
{
	test_order();
	test_around();
	test_backwards();
	return t_end();
}
