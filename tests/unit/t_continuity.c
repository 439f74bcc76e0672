/* What is known of a followed file, and what it means. */

#include "pfanin/continuity.h"

#include "t.h"

static void
test_continuity(void)
{
	static const struct {
		const char *what;
		struct read_facts facts; /* offset, n, size, before, read */
		enum continuity want;
	} tests[] = {
	    {"nothing is there yet", {0, 0, 0, true, true}, CONTINUES},
	    {"the first read", {0, 10, 10, true, true}, CONTINUES},
	    {"there is more than one read", {0, 10, 30, true, true}, CONTINUES},
	    {"nothing new", {10, 0, 10, true, true}, CONTINUES},
	    {"it has grown since the read", {10, 0, 12, true, true}, CONTINUES},
	    {"truncated to nothing", {10, 0, 0, false, true}, CUT_AFTER},
	    {"truncated to less", {10, 0, 4, false, true}, CUT_AFTER},
	    {"truncated, and as long again", {10, 0, 10, false, true}, CUT_AFTER},
	    {"truncated, and longer", {10, 0, 12, false, true}, CUT_AFTER},
	    {"truncated after a first read", {0, 10, 0, true, true}, CUT_AFTER},
	    {"truncated after the read", {10, 5, 0, false, false}, CUT_AFTER},
	    {"truncated into the read", {10, 5, 12, true, true}, CUT_AFTER},
	    {"truncated after the read, and longer", {10, 5, 40, false, false}, CUT_AFTER},
	    {"longer than before when it was read", {10, 5, 15, false, true}, CUT_BEFORE},
	    {"the same, and it goes on", {10, 5, 99, false, true}, CUT_BEFORE},
	};

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		CHECK(continuity_of(&tests[i].facts) == tests[i].want, "%s: %d", tests[i].what,
		    continuity_of(&tests[i].facts));
}

static void
test_parting(void)
{
	static const struct {
		enum writers writers;
		int64_t silent;
		enum parting want;
	} tests[] = {
	    {WRITERS_SOME, 0, PART_ON_EVENT},
	    {WRITERS_SOME, 2 * PARTING_SILENCE, PART_ON_EVENT},
	    {WRITERS_NONE, 0, PART_LATER},
	    {WRITERS_NONE, PARTING_LINGER - 1, PART_LATER},
	    {WRITERS_NONE, PARTING_LINGER, PART_NOW},
	    {WRITERS_UNKNOWN, PARTING_LINGER, PART_LATER},
	    {WRITERS_UNKNOWN, PARTING_SILENCE - 1, PART_LATER},
	    {WRITERS_UNKNOWN, PARTING_SILENCE, PART_NOW},
	};

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		CHECK(parting_of(tests[i].writers, tests[i].silent) == tests[i].want, "row %zu", i);
}

int
main(void)
{
	test_continuity();
	test_parting();
	return t_end();
}
