/* Which offsets of Kafka may be committed. */

#include "kafka/offsets.h"

#include <string.h>

#include "t.h"

static struct place *
assign(struct offsets *o, const char *topic, int32_t partition)
{
	struct place *p = offsets_place(o, topic, partition);

	offsets_assign(p);
	return p;
}

static void
read_some(struct offsets *o, struct place *p, int64_t from, int64_t to)
{
	for (int64_t offset = from; offset < to; offset++)
		CHECK(!offsets_read(o, p, offset), "%d", (int)offset);
}

/* The same place is found again, in whatever order they came. */
static void
test_places(void)
{
	struct offsets o = {0};
	struct place *p[40];

	for (int i = 0; i < 40; i++)
		p[i] = offsets_place(&o, i % 2 ? "b" : "a", i * 7 % 40);
	CHECK(o.n == 40);
	for (int i = 0; i < 40; i++) {
		CHECK(offsets_place(&o, i % 2 ? "b" : "a", i * 7 % 40) == p[i]);
		CHECK(offsets_find(&o, i % 2 ? "b" : "a", i * 7 % 40) == p[i]);
		CHECK(offsets_find(&o, i % 2 ? "b" : "a", 40 + i) == NULL);
	}
	CHECK(strcmp(p[1]->name, "b[7]") == 0, "%s", p[1]->name);
	CHECK(offsets_find(&o, "c", 0) == NULL);
	offsets_free(&o);
}

/* What is finished is what the last mark that is done stands for. */
static void
test_marks(void)
{
	struct offsets o = {0};
	struct place *a = assign(&o, "t", 0), *b = assign(&o, "t", 1);

	CHECK(!offsets_is_due(a));
	read_some(&o, a, 10, 20);
	/* What was before the first record is done. */
	CHECK(a->done == 10 && offsets_is_due(a) && !offsets_is_settled(a));
	CHECK(offsets_mark(&o, 1) == 0);
	read_some(&o, a, 20, 25);
	read_some(&o, b, 100, 101);
	CHECK(offsets_mark(&o, 2) == 0);
	read_some(&o, b, 101, 103);
	CHECK(offsets_outstanding(&o) == 18 && o.unmarked == 2);

	offsets_done(&o, 1);
	CHECK(a->done == 20 && b->done == 100);
	CHECK(offsets_outstanding(&o) == 8);
	offsets_done(&o, 2);
	CHECK(a->done == 25 && b->done == 101);
	CHECK(offsets_is_settled(a) && !offsets_is_settled(b));
	a->committed = 25;
	CHECK(!offsets_is_due(a) && offsets_is_due(b));
	/* A token that was done, and one that stands for nothing. */
	offsets_done(&o, 1);
	offsets_done(&o, 2);
	CHECK(a->done == 25 && b->done == 101 && offsets_outstanding(&o) == 2);
	offsets_free(&o);
}

/* A token also stands for those before it. */
static void
test_jump(void)
{
	struct offsets o = {0};
	struct place *p = assign(&o, "t", 0);

	for (uint64_t token = 1; token <= 5000; token++) {
		read_some(&o, p, (int64_t)token - 1, (int64_t)token);
		CHECK(offsets_mark(&o, token) == 0);
		if (token % 100 == 0) {
			offsets_done(&o, token - 50);
			CHECK(p->done == (int64_t)token - 50, "%d", (int)p->done);
			CHECK(offsets_outstanding(&o) == 50);
		}
	}
	CHECK(o.room <= 512, "%zu", o.room);
	offsets_free(&o);
}

/* What is done late, of a partition that was revoked, commits nothing. */
static void
test_generations(void)
{
	struct offsets o = {0};
	struct place *a = assign(&o, "t", 0), *b = assign(&o, "t", 1);

	read_some(&o, a, 0, 10);
	read_some(&o, b, 0, 10);
	CHECK(offsets_mark(&o, 1) == 0);
	offsets_revoke(a);
	CHECK(offsets_is_settled(a) && !offsets_is_due(a));
	offsets_done(&o, 1);
	CHECK(a->done == 0 && b->done == 10);
	CHECK(!offsets_is_due(a) && offsets_outstanding(&o) == 0);

	/* It comes back, to a place before, with a mark from its first time. */
	read_some(&o, b, 10, 20);
	offsets_assign(a);
	read_some(&o, a, 5, 8);
	CHECK(offsets_mark(&o, 2) == 0);
	offsets_revoke(a);
	offsets_assign(a);
	CHECK(!offsets_is_due(a) && a->committed == OFFSETS_NONE);
	read_some(&o, a, 6, 7);
	offsets_done(&o, 2);
	CHECK(a->done == 6 && b->done == 20);
	CHECK(offsets_mark(&o, 3) == 0);
	offsets_done(&o, 3);
	CHECK(a->done == 7);
	offsets_free(&o);
}

/* Records read before a partition was revoked are in no later mark of it. */
static void
test_unmarked_and_revoked(void)
{
	struct offsets o = {0};
	struct place *p = assign(&o, "t", 0);

	read_some(&o, p, 0, 10);
	offsets_revoke(p);
	offsets_assign(p);
	CHECK(offsets_mark(&o, 1) == 0);
	offsets_done(&o, 1);
	CHECK(p->done == OFFSETS_NONE && !offsets_is_due(p), "%d", (int)p->done);
	CHECK(offsets_outstanding(&o) == 0);
	offsets_free(&o);
}

/* The end of a partition is a position, too. */
static void
test_end(void)
{
	struct offsets o = {0};
	struct place *p = assign(&o, "t", 0);

	/* An empty partition has a position that can be committed. */
	offsets_reached(p, 7);
	CHECK(p->at_end && p->done == 7 && offsets_is_due(p) && offsets_is_settled(p));
	read_some(&o, p, 7, 9);
	CHECK(!p->at_end && p->done == 7);
	/* Behind the last record is one of Kafka's own. */
	offsets_reached(p, 10);
	CHECK(p->done == 7);
	CHECK(offsets_mark(&o, 1) == 0);
	offsets_done(&o, 1);
	CHECK(p->done == 10 && offsets_is_settled(p));
	offsets_reached(p, 12);
	CHECK(p->done == 12);
	offsets_free(&o);
}

/* A server that has lost records goes on before them. */
static void
test_back(void)
{
	struct offsets o = {0};
	struct place *p = assign(&o, "t", 0);

	read_some(&o, p, 100, 110);
	CHECK(offsets_mark(&o, 1) == 0);
	CHECK(offsets_read(&o, p, 50));
	offsets_done(&o, 1);
	CHECK(p->done == 50, "%d", (int)p->done);
	CHECK(offsets_mark(&o, 2) == 0);
	offsets_done(&o, 2);
	CHECK(p->done == 51);
	offsets_free(&o);
}

int
main(void)
{
	test_places();
	test_marks();
	test_jump();
	test_generations();
	test_unmarked_and_revoked();
	test_end();
	test_back();
	return t_end();
}
