/* Marks that are outstanding, and what comes back of them. */

#include "pfanin/acks.h"

#include "record/mark.h"
#include "t.h"

static char token[200];

/* Marks 1 to n, mark i after 10 * i records. */
static struct acks
with_marks(size_t n)
{
	struct acks a;

	acks_init(&a);
	for (size_t i = 1; i <= n; i++)
		CHECK(acks_push(&a, 10 * i, &token[i]) == i);
	return a;
}

/* The marks that can be taken, as a number of digits. */
static unsigned
pop_all(struct acks *a)
{
	unsigned popped = 0;
	uint64_t records;
	void *t;

	while (acks_pop(a, &records, &t)) {
		popped = popped * 10 + (unsigned)((char *)t - token);
		CHECK(records == (uint64_t)((char *)t - token) * 10);
	}
	return popped;
}

/* What comes back of three marks, and what can be taken after it. */
static const struct {
	uint64_t n, weight;
	enum acks_verdict verdict;
	unsigned popped;
} steps[] = {
    {2, MARK_WHOLE, ACKS_DONE, 0},
    {1, MARK_WHOLE / 3, ACKS_WAITS, 0},
    {1, MARK_WHOLE / 3, ACKS_WAITS, 0},
    {1, MARK_WHOLE / 3 + 2, ACKS_TOO_MUCH, 0},
    {1, MARK_WHOLE / 3 + 1, ACKS_DONE, 12},
    {2, 1, ACKS_TOO_MUCH, 0},
    {4, 1, ACKS_TOO_MUCH, 0},
    {0, 1, ACKS_TOO_MUCH, 0},
    {3, MARK_WHOLE, ACKS_DONE, 3},
    {3, MARK_WHOLE, ACKS_TOO_MUCH, 0},
};

static void
test_steps(void)
{
	struct acks a = with_marks(3);

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		CHECK(acks_take(&a, steps[i].n, steps[i].weight) == steps[i].verdict, "%zu", i);
		CHECK(pop_all(&a) == steps[i].popped, "%zu", i);
	}
	CHECK(acks_outstanding(&a) == 0);
}

/* The ring is used again and again; the last one has room, too. */
static void
test_full(void)
{
	struct acks a = with_marks(0);
	uint64_t records;
	void *t;

	for (uint64_t n = 1; n <= 1000; n++) {
		CHECK(acks_push(&a, n, NULL) == n);
		if (n > ACKS_MOST) {
			CHECK(acks_take(&a, n - ACKS_MOST, MARK_WHOLE) == ACKS_DONE);
			CHECK(acks_pop(&a, &records, &t) && records == n - ACKS_MOST);
		}
	}
	CHECK(acks_outstanding(&a) == ACKS_MOST);
	CHECK(acks_push(&a, 1001, NULL) == 1001);
	for (size_t i = 0; i <= ACKS_MOST; i++)
		CHECK(acks_drop(&a, &t));
	CHECK(!acks_drop(&a, &t));
}

int
main(void)
{
	test_steps();
	test_full();
	return t_end();
}
