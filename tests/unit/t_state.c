#include "metrics/state.h"

#include <math.h>
#include <string.h>

#include "t.h"

#define LEN(table) (sizeof(table) / sizeof((table)[0]))

static const struct {
	struct state_facts facts;
	const char *text;
} cases[] = {
    /* One kind that stands out, in every mode that has it. */
    {{STAGE_CHECKS, .input = 0.98}, "waits for input 98 %"},
    {{STAGE_MAPS, .input = 0.98, .busy = 0.02}, "waits for input 98 %"},
    {{STAGE_SPREADS, .output = 0.91, .own = 0.9, .input = 0.02}, "waits for output 91 %"},
    {{STAGE_PASSES, .own = 0.5, .input = 0.2}, "works 80 %"},
    {{STAGE_PASSES, .own = 0}, "works 100 %"},
    {{STAGE_CHECKS, .own = 0.9, .input = 0.05}, "waits for workers 90 %"},
    {{STAGE_CHECKS, .own = 0.3}, "works 70 %"},
    {{STAGE_FILTERS, .own = 0.95, .output = 0.01}, "waits for workers 94 %"},
    {{STAGE_LIMITS, .own = 1, .rate = 0.92}, "waits for rate 92 %"},
    {{STAGE_LIMITS, .own = 1, .output = 0.92}, "waits for output 92 %"},

    /* A pool: busy workers, one slow record, a reader that does not take. */
    {{STAGE_MAPS, .own = 1, .busy = 1}, "workers busy 100 %"},
    {{STAGE_MAPS, .own = 1, .busy = 0.9}, "workers busy 90 %"},
    {{STAGE_EXECS, .own = 1, .busy = 0.3}, "waits for workers 100 %"},
    {{STAGE_EXECS, .own = 0.96, .output = 0.91, .busy = 1}, "waits for output 91 %"},
    {{STAGE_MAPS, .input = 0.5, .busy = 0.6}, "workers busy 60 %"},

    {{STAGE_CHECKS, .halted = 0.9}, "stopped 90 %"},
    {{STAGE_CHECKS, .halted = 0.3, .input = 0.1}, "works 60 %"},
    {{STAGE_MAPS, .halted = 0.9, .busy = 0.1}, "stopped 90 %"},

    {{STAGE_MAPS, .input = 1, .busy = 1}, "workers busy 100 %"},
    {{STAGE_MAPS, .own = 0}, "waits for input 0 %"},

    /* What is out of range. */
    {{STAGE_MAPS, .input = 1.3, .busy = -1}, "waits for input 100 %"},
    {{STAGE_CHECKS, .input = NAN, .output = NAN, .own = NAN, .rate = NAN}, "works 100 %"},
    {{STAGE_MAPS, .input = 0.5, .busy = NAN}, "waits for input 50 %"},
};

static void
test_states(void)
{
	char text[STATE_TEXT_SIZE];

	for (size_t i = 0; i < LEN(cases); i++) {
		state_say(state_of(&cases[i].facts), text);
		CHECK(strcmp(text, cases[i].text) == 0, "%s: %s", cases[i].text, text);
	}
}

static void
test_workers(void)
{
	struct state_facts f = {STAGE_LIMITS, .own = 1, .output = 0.5, .rate = 0.25};

	CHECK(state_percent(state_workers(&f)) == 25);
	f.output = 0.9;
	CHECK(state_workers(&f) == 0);
	CHECK(state_percent(0.004) == 0 && state_percent(0.005) == 1 && state_percent(1) == 100);
	CHECK(state_percent(NAN) == 0 && state_percent(-1) == 0 && state_percent(7) == 100);
	CHECK(state_is_pool(STAGE_MAPS) && state_is_pool(STAGE_EXECS));
	CHECK(!state_is_pool(STAGE_FILTERS) && !state_is_pool(STAGE_SPREADS));
}

int
main(void)
{
	test_states();
	test_workers();
	return t_end();
}
