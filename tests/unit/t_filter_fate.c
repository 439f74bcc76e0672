#include "pfanout/filter_fate.h"

#include <signal.h>

#include "t.h"

/* As waitpid(2) gives them. */
#define EXITED(status) ((status) << 8)
#define KILLED(sig) (sig)

static void
test_fates(void)
{
	static const struct {
		const char *what;
		/*
		 * status, listed, greps, complained, stopped, hasty, unread,
		 * waiting
		 */
		struct filter_facts facts;
		enum filter_fate fate;
	} table[] = {
	    {"exit 0", {EXITED(0), true, false, false, false, false, 0, 0}, FILTER_DONE},
	    {"exit 0, with warnings", {EXITED(0), true, false, true, false, false, 0, 0},
		FILTER_DONE},
	    {"exit 0, some unread", {EXITED(0), true, false, false, false, false, 3, 0},
		FILTER_LEFT},
	    {"exit 0, more to come", {EXITED(0), true, false, false, false, false, 0, 1},
		FILTER_LEFT},
	    {"exit 0, before the end", {EXITED(0), true, false, false, false, true, 0, 0},
		FILTER_LEFT},
	    {"exit 3, before the end", {EXITED(3), false, false, false, false, true, 0, 0},
		FILTER_FAILED},
	    {"exit 1", {EXITED(1), false, false, false, false, false, 0, 0}, FILTER_FAILED},
	    {"exit 1, with a message", {EXITED(1), false, false, true, false, false, 0, 0},
		FILTER_FAILED},
	    {"grep, exit 1", {EXITED(1), false, true, false, false, false, 0, 0}, FILTER_DONE},
	    {"grep, exit 1, a message", {EXITED(1), false, true, true, false, false, 0, 0},
		FILTER_FAILED},
	    {"grep, exit 1, some unread", {EXITED(1), false, true, false, false, false, 2, 0},
		FILTER_LEFT},
	    {"grep, exit 2", {EXITED(2), false, true, false, false, false, 0, 0}, FILTER_FAILED},
	    {"grep, killed", {KILLED(SIGKILL), false, true, false, false, false, 0, 0},
		FILTER_DIED},
	    {"a listed status", {EXITED(3), true, false, true, false, false, 0, 0}, FILTER_DONE},
	    {"a listed status, some unread", {EXITED(3), true, false, false, false, false, 1, 0},
		FILTER_LEFT},
	    {"killed", {KILLED(SIGSEGV), false, false, false, false, false, 0, 0}, FILTER_DIED},
	    {"stopped", {KILLED(SIGTERM), false, false, false, true, false, 9, 9}, FILTER_STOPPED},
	    {"stopped, and exits", {EXITED(143), false, true, true, true, false, 0, 0},
		FILTER_STOPPED},
	    {"a status that is none", {-1, false, false, false, false, false, 0, 0},
		FILTER_UNKNOWN},
	    {"killed, some unread", {KILLED(SIGSEGV), false, false, false, false, false, 9, 9},
		FILTER_DIED},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		enum filter_fate got = filter_fate_of(&table[i].facts);

		CHECK(got == table[i].fate, "%s: %d", table[i].what, (int)got);
	}
	CHECK(filter_fate_is_well(FILTER_DONE) && filter_fate_is_well(FILTER_LEFT));
	CHECK(!filter_fate_is_well(FILTER_FAILED) && !filter_fate_is_well(FILTER_DIED));
}

static void
test_names(void)
{
	static const char *const greps[] = {
	    "grep", "/usr/bin/egrep", "./zgrep", "ugrep", "rg", "/usr/bin/rg", "ag", "ack"};
	static const char *const others[] = {
	    "", "/", "rep", "sh", "perl", "grep.py", "grep/", "grep/perl", "rgx", "brag"};

	for (size_t i = 0; i < sizeof(greps) / sizeof(greps[0]); i++)
		CHECK(filter_is_grep(greps[i]), "%s", greps[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		CHECK(!filter_is_grep(others[i]), "%s", others[i]);
}

int
main(void)
{
	test_fates();
	test_names();
	return t_end();
}
