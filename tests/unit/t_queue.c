#include "record/queue.h"

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
	struct queue q = {0};
	struct record r;

	/* through several sizes */
	for (uint64_t i = 0; i < 1000; i++) {
		r = numbered(i);
		CHECK(queue_push(&q, &r) == 0);
		CHECK(
		    q.n == i + 1 && queue_at(&q, i)->seq == i && queue_at(&q, i / 2)->seq == i / 2);
	}
	for (uint64_t i = 0; i < 500; i++)
		CHECK((r = queue_pop(&q)).seq == i, "%ju", (uintmax_t)r.seq);
	CHECK(q.n == 500 && queue_at(&q, 0)->seq == 500 && queue_at(&q, 499)->seq == 999);
	queue_free(&q);
	CHECK(q.n == 0);
	queue_free(&q);
}

/*
 * The front runs around the ring many times, at every number of records inside.
 */
static void
test_around(void)
{
	for (size_t held = 0; held < 40; held++) {
		struct queue q = {0};
		uint64_t in = 0, out = 0;
		struct record r;

		while (in < 200) {
			r = numbered(in++);
			CHECK(queue_push(&q, &r) == 0);
			if (q.n > held)
				CHECK(queue_pop(&q).seq == out++);
		}
		while (q.n > 0)
			CHECK(queue_pop(&q).seq == out++);
		CHECK(out == in);
		queue_free(&q);
	}
}

int
main(void)
{
	test_order();
	test_around();
	return t_end();
}
