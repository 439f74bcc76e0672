#include "base/reason.h"

static const char *const names[] = {
    [REASON_INVALID] = "invalid",
    [REASON_TOO_LONG] = "too_long",
    [REASON_REJECTED] = "rejected",
    [REASON_EXIT] = "exit",
    [REASON_SIGNAL] = "signal",
    [REASON_CRASH] = "crash",
    [REASON_TIMEOUT] = "timeout",
    [REASON_BAD_ANSWER] = "bad_answer",
    [REASON_NO_ANSWER] = "no_answer",
    [REASON_LATE] = "late",
    [REASON_NO_KEY] = "no_key",
    [REASON_BAD_ARGUMENT] = "bad_argument",
    [REASON_OVER_RATE] = "over_rate",
    [REASON_UNROUTABLE] = "unroutable",
    [REASON_CANCELLED] = "cancelled",
    [REASON_EXHAUSTED] = "exhausted",
};

_Static_assert(sizeof(names) / sizeof(names[0]) == REASON_COUNT, "every reason has a name");

const char *
reason_name(enum reason reason)
{
	return (unsigned)reason < REASON_COUNT ? names[reason] : "unknown";
}
