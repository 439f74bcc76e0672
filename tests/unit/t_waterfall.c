/* The drawing of a trace: what is where, for spans with known times. */

#include "pmetrics/waterfall.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pmetrics/axis.h"
#include "pmetrics/traces.h"
#include "t.h"
#include "t_spans.h"

#define MS CLOCK_MS
#define US CLOCK_US
#define S CLOCK_S
#define H (3600 * CLOCK_S)

#define RECORD(of, number, above, from, to)                                                 \
	.kind = SPANVIEW_RECORD, .stage = of, .id = number, .parent = above, .begun = from, \
	.ended = to
#define RUN(of, number, from, to)                                                              \
	.kind = SPANVIEW_RUN, .stage = of, .name = "pfanout " of, .id = number, .begun = from, \
	.ended = to
#define OTHER(of, call, number, above, from, to)                                            \
	.kind = SPANVIEW_FOREIGN, .stage = of, .name = call, .id = number, .parent = above, \
	.begun = from, .ended = to

#define HEADER "trace 4bf92f3577b34da6a3ce929d0e0e4736"

static const struct scene {
	const char *what;
	int width;
	bool utf8, color;
	const char *place;
	struct made_span span[8];
	const char *want;
} scenes[] = {
    {"the picture of the page: ASCII", 80, false, false, "slowest of 412 traces in 58.0 s",
	{{RECORD("pace", 1, 0, 0, 41 * MS + 400 * US), .input = "access.ndjson", .line = 18,
	     .event = {{"rate", 200 * US, 0, NULL}, {"output", 41 * MS + 200 * US, 0, NULL}}},
	    {RECORD("enrich", 2, 1, 42 * MS, 2310 * MS), .line = 18,
		.event = {{"attempt", 43 * MS, 1, NULL}, {"back-off", 2043 * MS, 0, "timeout"},
		    {"attempt", 2145 * MS, 2, NULL}, {"order", 2298 * MS, 0, NULL},
		    {"output", 2310 * MS - 100 * US, 0, NULL}}},
	    {RECORD("dead", 3, 2, 2310 * MS - 100 * US, 2310 * MS), .line = 18}},
	HEADER "   line 18 of access.ndjson   2.31 s   ok\n"
	       " STAGE  WHAT                0        0.5       1.0      1.5      2.0          s\n"
	       " pace   wait for rate 41 ms .\n"
	       " enrich queue 1.0 ms         .\n"
	       "        attempt 1  2.00 s    ##################################### timeout\n"
	       "        back-off 102 ms\n"
	       "        attempt 2  153 ms                                           ### ok\n"
	       "        in order 12 ms                                                .\n"
	       " dead   100 us                                                        |\n"
	       " 98 % in enrich (2 attempts); slowest of 412 traces in 58.0 s; began 2026-11-26\n"
	       " 14:02:31.000\n"},
    {"a worker's own spans stand below their parent, before the next stage", 80, true, false, "",
	{{RECORD("next", 5, 1, 60 * MS, 100 * MS), .line = 1},
	    {RECORD("map", 1, 0, 0, 60 * MS), .line = 1,
		.event = {{"attempt", 0, 1, NULL}, {"output", 60 * MS, 0, NULL}}},
	    {OTHER("worker", "handle", 2, 1, 5 * MS, 55 * MS)},
	    {OTHER("worker", "SELECT", 3, 2, 10 * MS, 30 * MS)}},
	HEADER "   line 1   100 ms   ok\n"
	       " STAGE  WHAT             0         20        40         60        80         ms\n"
	       " map    attempt 1  60 ms ███████████████████████████████ ok\n"
	       " worker  handle 50 ms       ━━━━━━━━━━━━━━━━━━━━━━━━━\n"
	       " worker   SELECT 20 ms        ━━━━━━━━━━\n"
	       " next   queue 40 ms                                     ····················\n"
	       " 60 % in map (1 attempt); began 2026-11-26 14:02:31.000\n"},
    {"one span of 3 us; its parent is where the trace came from", 60, false, false, "",
	{{RECORD("map", 1, 77, 0, 3 * US), .line = 1,
	    .event = {{"attempt", US, 1, NULL}, {"output", 2 * US, 0, NULL}}}},
	HEADER "\n"
	       " line 1   3.0 us   ok\n"
	       " STAGE WHAT              0         1          2          us\n"
	       " map   queue 1.0 us      ..........\n"
	       "       attempt 1  1.0 us           ########### ok\n"
	       "       output 1.0 us                          ..........\n"
	       " 100 % in map (mostly queue); began 2026-11-26 14:02:31.000\n"},
    {"two hours, and why it failed", 80, false, false, "",
	{{RECORD("map", 1, 0, 0, 2 * H), .input = "in", .line = 7, .reason = "exit",
	    .message = "exit status 3: cannot connect to the server at db.example.org, refused",
	    .event = {{"attempt", MS, 1, NULL}, {"back-off", H, 0, "signal"},
		{"attempt", H + 60 * S, 2, NULL}}}},
	HEADER "   line 7 of in   2 h 00 min   exit\n"
	       " STAGE WHAT                   0                 50               100        min\n"
	       " map   attempt 1  1 h 00 min  ##################### signal\n"
	       "       back-off 60.0 s\n"
	       "       attempt 2  59 min 00 s                      ##################### exit\n"
	       " failed in map: exit: exit status 3: cannot connect to the server at\n"
	       " db.example.org, refused\n"
	       " 100 % in map (2 attempts); began 2026-11-26 14:02:31.000\n"},
    {"more events than the span has", 80, false, false, "",
	{{RECORD("map", 1, 0, 0, 100 * MS), .line = 1, .lost = 396, .reason = "timeout",
	    .event = {{"attempt", 0, 1, NULL}, {"back-off", 10 * MS, 0, "timeout"},
		{"attempt", 20 * MS, 2, NULL}}}},
	HEADER "   line 1   100 ms   timeout\n"
	       " STAGE WHAT                 0        20      40       60      80       100   ms\n"
	       " map   attempt 1  10 ms     #### timeout\n"
	       "       back-off 10 ms\n"
	       "       396 events cut 80 ms          ?????????????????????????????????? timeout\n"
	       " failed in map: timeout\n"
	       " 100 % in map (200 attempts); began 2026-11-26 14:02:31.000\n"},
    {"clocks that differ, a parent that is missing, text that would control the terminal", 72, true,
	true, "",
	{{RECORD("a", 1, 0, 0, 10 * MS), .line = 3},
	    {RECORD("b", 2, 1, -4 * MS, 30 * MS), .line = 3},
	    {OTHER("", "x\\u001b[31m\\u009b\\u202e", 3, 55, MS, 21 * MS), .reason = "boom"},
	    {RECORD("a", 1, 0, 0, 10 * MS), .line = 3}},
	"\033[0;1m" HEADER
	"\033[0m   \033[0;1mline 3\033[0m   \033[0;1m34 ms\033[0m   \033[0;1;31mboom\033[0m\n"
	" \033[0;2mSTAGE\033[0m \033[0;2mWHAT\033[0m           \033[0;2m0\033[0m            "
	"\033[0;2m10\033[0m           \033[0;2m20\033[0m           \033[0;2m30\033[0m      "
	"\033[0;2mms\033[0m\n"
	" \033[0;1ma\033[0m     queue 10 ms         \033[0;2m·············\033[0m\n"
	" \033[0;1mb\033[0m     queue 34 ms    "
	"\033[0;2m············································\033[0m\n"
	" \033[0;1m?\033[0m     x?[31m?? 20 ms       \033[0;36m━━━━━━━━━━━━━━━━━━━━━━━━━━\033[0m "
	"\033[0;31mboom\033[0m\n"
	" \033[0;31mfailed in ?: boom\033[0m\n"
	" the parent of 1 span is missing here\n"
	" a span begins 4.0 ms before its parent: clocks differ\n"
	" \033[0;1m100 % in b (queue); began 2026-11-26 14:02:30.996\033[0m\n"},
    {"of another program", 40, false, false, "",
	{{OTHER("api", "GET /", 1, 0, 0, 10 * MS)},
	    {OTHER("db", "SELECT 1 FROM dual", 2, 1, 2 * MS, 9 * MS)}},
	HEADER "\n"
	       " GET /   10 ms   ok\n"
	       " STAGE WHAT                   0      ms\n"
	       " api   GET / 10 ms            =========\n"
	       " db     SELECT 1 FROM~ 7.0 ms   ======\n"
	       " 70 % in db (SELECT 1 FROM dual); began\n"
	       " 2026-11-26 14:02:31.000\n"},
    {"nobody had it for long", 80, false, false, "",
	{{RECORD("a", 1, 0, 0, 10 * MS), .line = 3, .reason = "invalid",
	     .event = {{"output", 9 * MS, 0, NULL}}},
	    {RECORD("b", 2, 1, 90 * MS, 100 * MS), .line = 1, .result = "filtered"}},
	HEADER "   line 3   100 ms   invalid\n"
	       " STAGE WHAT          0         20        40       60        80        100    ms\n"
	       " a     queue 9.0 ms  ....\n"
	       "       output 1.0 ms     . invalid\n"
	       " b     queue 10 ms                                               ..... filtered\n"
	       " failed in a: invalid\n"
	       " 80 % between the spans; began 2026-11-26 14:02:31.000\n"},
    {"a run", 80, false, false, "", {{RUN("enrich", 1, 0, 60 * S), .result = NULL}},
	HEADER "   pfanout enrich   60.0 s   ok\n"
	       " STAGE  WHAT       0         10        20        30        40        50       s\n"
	       " enrich run 60.0 s ============================================================\n"
	       " 100 % in enrich (run); began 2026-11-26 14:02:31.000\n"},
    {"no time at all", 80, false, false, "", {{RECORD("a", 1, 0, 0, 0)}},
	HEADER "   process   0 ns   ok\n"
	       " STAGE WHAT  0                                                               ns\n"
	       " a     0 ns  |\n"
	       " 100 % in a (queue); began 2026-11-26 14:02:31.000\n"},
};

static void
check_scenes(void)
{
	for (const struct scene *s = scenes; s < scenes + sizeof(scenes) / sizeof(scenes[0]); s++) {
		const struct waterfall how = {s->width, s->utf8, s->color, s->place};
		struct traces *traces = traces_new();
		struct trace *trace = make_trace(traces, s->span);
		char *text;
		size_t len;
		FILE *f = open_memstream(&text, &len);

		CHECK(waterfall_print(f, trace, &how) == 0, "%s", s->what);
		fclose(f);
		CHECK(strcmp(text, s->want) == 0, "%s:\n%s\nnot\n%s", s->what, text, s->want);
		free(text);
		traces_free(traces);
	}
}

static void
check_axis(void)
{
	static const struct {
		int64_t whole;
		int columns;
		const char *unit, *labels;
	} cases[] = {
	    {1, 40, "ns", "0 1"},
	    {999, 40, "ns", "0 200 400 600 800"},
	    {3 * US, 40, "us", "0 1 2 3"},
	    {999 * US, 30, "us", "0 500"},
	    {41 * MS, 46, "ms", "0 10 20 30 40"},
	    {2310 * MS, 46, "s", "0 0.5 1.0 1.5 2.0"},
	    {179 * S, 50, "s", "0 50 100 150"},
	    {2 * H, 46, "min", "0 50 100"},
	    {10 * H, 46, "h", "0 2 4 6 8 10"},
	    {1000 * H, 46, "d", "0 10 20 30 40"},
	    {INT64_MAX, 46, "d", "0 20000 40000 60000 80000 100000"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct axis axis = axis_of(cases[i].whole, cases[i].columns);
		char all[200] = "", label[AXIS_LABEL_SIZE];

		for (int64_t at = 0; at <= cases[i].whole; at += axis.step) {
			axis_label(&axis, at, label);
			strlcat(all, at > 0 ? " " : "", sizeof(all));
			strlcat(all, label, sizeof(all));
			if (at > INT64_MAX - axis.step)
				break;
		}
		CHECK(strcmp(all, cases[i].labels) == 0 && strcmp(axis.unit, cases[i].unit) == 0,
		    "%zu: %s %s, not %s", i, all, axis.unit, cases[i].labels);
	}
	CHECK(axis_column(5, 10, 4) == 2 && axis_column(10, 10, 4) == 4 &&
	    axis_column(0, 10, 4) == 0);
	CHECK(axis_column(-5, 10, 4) == 0 && axis_column(15, 10, 4) == 4);
}

int
main(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
	check_axis();
	check_scenes();
	return t_end();
}
