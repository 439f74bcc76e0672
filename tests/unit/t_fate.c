#include "pfanout/fate.h"

#include <signal.h>

#include "t.h"

/* As waitpid(2) gives them. */
#define EXITED(status) ((status) << 8)
#define KILLED(sig) (sig)

static void
test_exited(void)
{
	static const struct {
		const char *what;
		/*
		 * status, flushing, in flight, answered, at most once, stopped,
		 * blameless
		 */
		struct fate_facts facts;
		enum fate fate;
	} table[] = {
	    {"flushed, answered all", {EXITED(0), true, 0, 9, false, false, false}, FATE_DONE},
	    {"flushed, had nothing", {EXITED(0), true, 0, 0, false, false, false}, FATE_DONE},
	    {"flushed, answered all, exit 1", {EXITED(1), true, 0, 9, false, false, false},
		FATE_DONE},
	    {"flushed, answered all, killed", {KILLED(SIGSEGV), true, 0, 9, false, false, false},
		FATE_DONE},
	    {"flushed, too few answers", {EXITED(0), true, 1, 9, false, false, false},
		FATE_LOST_COUNT},
	    {"flushed, no answers", {EXITED(0), true, 3, 0, false, false, false}, FATE_LOST_COUNT},
	    {"flushed, died on the last", {EXITED(3), true, 1, 9, false, false, false}, FATE_BLAME},
	    {"flushed, died on some", {KILLED(SIGKILL), true, 2, 0, false, false, false},
		FATE_BISECT},
	    {"recycled itself, idle", {EXITED(0), false, 0, 100, false, false, false},
		FATE_RECYCLED},
	    {"recycled itself, had read one", {EXITED(0), false, 1, 100, false, false, false},
		FATE_RECYCLED},
	    {"recycled itself, had read more", {EXITED(0), false, 7, 100, false, false, false},
		FATE_RECYCLED},
	    {"the same at --window 1", {EXITED(0), false, 1, 100, true, false, false}, FATE_BLAME},
	    {"idle at --window 1", {EXITED(0), false, 0, 100, true, false, false}, FATE_RECYCLED},
	    {"went before any answer", {EXITED(0), false, 0, 0, false, false, false},
		FATE_IDLE_DEATH},
	    {"went with the first record", {EXITED(0), false, 1, 0, false, false, false},
		FATE_BLAME},
	    {"went with the first records", {EXITED(0), false, 2, 0, false, false, false},
		FATE_BISECT},
	    {"died idle", {EXITED(1), false, 0, 100, false, false, false}, FATE_IDLE_DEATH},
	    {"died on one", {EXITED(1), false, 1, 100, false, false, false}, FATE_BLAME},
	    {"was killed with one", {KILLED(34), false, 1, 0, false, false, false}, FATE_BLAME},
	    {"was killed with many", {KILLED(SIGABRT), false, 64, 5, false, false, false},
		FATE_BISECT},
	    {"was stopped with many", {KILLED(SIGTERM), false, 64, 5, false, true, false},
		FATE_CANCELLED},
	    {"was stopped idle", {KILLED(SIGINT), false, 0, 5, false, true, false}, FATE_CANCELLED},
	    {"flushed, was stopped", {KILLED(SIGHUP), true, 1, 5, true, true, false},
		FATE_CANCELLED},
	    {"flushed, stopped at the end", {KILLED(SIGHUP), true, 0, 5, false, true, false},
		FATE_DONE},
	    {"a helper was killed with many", {KILLED(SIGKILL), false, 64, 5, false, false, true},
		FATE_AGAIN},
	    {"a helper was killed idle", {KILLED(SIGKILL), false, 0, 5, false, false, true},
		FATE_AGAIN},
	    {"a helper ended at once", {EXITED(0), false, 1, 0, false, false, true}, FATE_AGAIN},
	    {"a helper, flushed, was killed", {KILLED(SIGKILL), true, 3, 5, false, false, true},
		FATE_AGAIN},
	    {"a helper lost count", {EXITED(0), true, 3, 5, false, false, true}, FATE_LOST_COUNT},
	    {"a helper was stopped", {KILLED(SIGTERM), false, 3, 5, false, true, true},
		FATE_CANCELLED},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		enum fate got = fate_of(&table[i].facts);

		CHECK(got == table[i].fate, "%s: %d", table[i].what, (int)got);
	}
}

static void
test_killed(void)
{
	static const struct {
		const char *what;
		enum reason reason;
		size_t in_flight;
		bool flushing, blameless;
		enum fate fate;
	} table[] = {
	    {"hangs on one", REASON_TIMEOUT, 1, false, false, FATE_BLAME},
	    {"hangs on some", REASON_TIMEOUT, 2, false, false, FATE_BISECT},
	    {"flushed, hangs on some", REASON_TIMEOUT, 2, true, false, FATE_BISECT},
	    {"closed its stdout with some", REASON_CRASH, 2, false, false, FATE_BISECT},
	    {"closed its stdout with one", REASON_CRASH, 1, false, false, FATE_BLAME},
	    {"closed its stdout with none", REASON_CRASH, 0, false, false, FATE_IDLE_DEATH},
	    {"flushed, answered all, stays", REASON_CRASH, 0, true, false, FATE_DONE},
	    {"its answer says whose it is", REASON_BAD_ANSWER, 1, false, false, FATE_BLAME},
	    {"the same with some", REASON_BAD_ANSWER, 9, false, false, FATE_BLAME},
	    {"the run is over", REASON_COUNT, 9, false, false, FATE_DONE},
	    {"a helper hangs", REASON_TIMEOUT, 9, false, true, FATE_BLAME},
	    {"a helper closed its stdout", REASON_CRASH, 9, false, true, FATE_AGAIN},
	    {"a helper's answer is none", REASON_BAD_ANSWER, 9, false, true, FATE_AGAIN},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		enum fate got = fate_of_killed(
		    table[i].reason, table[i].in_flight, table[i].flushing, table[i].blameless);

		CHECK(got == table[i].fate, "%s: %d", table[i].what, (int)got);
	}
}

int
main(void)
{
	test_exited();
	test_killed();
	return t_end();
}
