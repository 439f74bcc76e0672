/* Marks that are outstanding, and what comes back of them. */

#include "pfanin/outstanding.h"

#include "record/mark.h"
#include "t.h"

static char token[200];

/* Marks 1 to n, mark i after 10 * i records. */
static struct outstanding
with_marks(size_t n)
{
	struct outstanding a;

	outstanding_init(&a);
	for (size_t i = 1; i <= n; i++)
		CHECK(outstanding_push(&a, 10 * i, &token[i]) == i);
	return a;
}

/* The marks that can be taken, as a number of digits. */
static unsigned
pop_all(struct outstanding *a)
{
	unsigned popped = 0;
	uint64_t records;
	void *t;

	while (outstanding_pop(a, &records, &t)) {
		popped = popped * 10 + (unsigned)((char *)t - token);
		CHECK(records == (uint64_t)((char *)t - token) * 10);
	}
	return popped;
}

/* What comes back of three marks, and what can be taken after it. */
static const struct {
	uint64_t n, weight;
	enum outstanding_verdict verdict;
	unsigned popped;
} steps[] = {
    {2, MARK_WHOLE, OUTSTANDING_DONE, 0},
    {1, MARK_WHOLE / 3, OUTSTANDING_WAITS, 0},
    {1, MARK_WHOLE / 3, OUTSTANDING_WAITS, 0},
    {1, MARK_WHOLE / 3 + 2, OUTSTANDING_TOO_MUCH, 0},
    {1, MARK_WHOLE / 3 + 1, OUTSTANDING_DONE, 12},
    {2, 1, OUTSTANDING_TOO_MUCH, 0},
    {4, 1, OUTSTANDING_TOO_MUCH, 0},
    {0, 1, OUTSTANDING_TOO_MUCH, 0},
    {3, MARK_WHOLE, OUTSTANDING_DONE, 3},
    {3, MARK_WHOLE, OUTSTANDING_TOO_MUCH, 0},
};

static void
test_steps(void)
{
	struct outstanding a = with_marks(3);

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		CHECK(outstanding_take(&a, steps[i].n, steps[i].weight) == steps[i].verdict, "%zu",
		    i);
		CHECK(pop_all(&a) == steps[i].popped, "%zu", i);
	}
	CHECK(outstanding_count(&a) == 0);
}

/* The ring is used again and again; the last one has room, too. */
static void
test_full(void)
{
	struct outstanding a = with_marks(0);
	uint64_t records;
	void *t;

	for (uint64_t n = 1; n <= 1000; n++) {
		CHECK(outstanding_push(&a, n, NULL) == n);
		if (n > OUTSTANDING_MOST) {
			CHECK(outstanding_take(&a, n - OUTSTANDING_MOST, MARK_WHOLE) ==
			    OUTSTANDING_DONE);
			CHECK(outstanding_pop(&a, &records, &t) && records == n - OUTSTANDING_MOST);
		}
	}
	CHECK(outstanding_count(&a) == OUTSTANDING_MOST);
	CHECK(outstanding_push(&a, 1001, NULL) == 1001);
	for (size_t i = 0; i <= OUTSTANDING_MOST; i++)
		CHECK(outstanding_drop(&a, &t));
	CHECK(!outstanding_drop(&a, &t));
}

int
main(void)
{
	test_steps();
	test_full();
	return t_end();
}
