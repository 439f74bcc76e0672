/* The summaries of traces, in whatever order their spans come. */

#include "pmetrics/traces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pmetrics/tracejson.h"
#include "pmetrics/tracelist.h"
#include "t.h"

/* Span number `id` of trace `trace`; the times are ms. */
struct row {
	unsigned char trace, id;
	enum spanview_kind kind;
	const char *stage;
	int begun, ended;
	const char *input;
	int line;
	const char *reason;
};

static const struct row rows[] = {
    {3, 1, SPANVIEW_RUN, "enrich", 0, 9000, "", 0, NULL},
    {1, 3, SPANVIEW_RECORD, "dead", 300, 310, "", 7, "exit"},
    {1, 4, SPANVIEW_FOREIGN, "worker", 110, 900, "", 0, "refused"},
    {1, 2, SPANVIEW_RECORD, "enrich", 100, 290, "stdin", 17, "timeout"},
    {1, 1, SPANVIEW_RECORD, "pace", 50, 99, "access", 18, NULL},
    {1, 5, SPANVIEW_RECORD, "pace", 40, 45, "", 0, NULL},
    {2, 1, SPANVIEW_FOREIGN, "api", 10, 20, "", 0, NULL},
    {2, 2, SPANVIEW_FOREIGN, "", 11, 60, "", 0, NULL},
    {4, 1, SPANVIEW_RECORD, "enrich", 70, 900, "", 5, NULL},
};

static struct spanview
view(const struct row *r)
{
	struct spanview v = {.kind = r->kind,
	    .begun = INT64_C(1795701751000000000) + r->begun * INT64_C(1000000),
	    .ended = INT64_C(1795701751000000000) + r->ended * INT64_C(1000000),
	    .failed = r->reason != NULL,
	    .line = (uint64_t)r->line,
	    .input = r->input,
	    .reason = r->reason != NULL ? r->reason : "",
	    .name = "a call",
	    .service = r->stage,
	    .stage = r->stage,
	    .message = "",
	    .result = ""};

	v.trace_id[0] = r->trace;
	v.span_id[0] = r->id;
	return v;
}

/* All rows, from the first or from the last one. */
static struct traces *
add_all(bool backwards)
{
	const size_t n = sizeof(rows) / sizeof(rows[0]);
	struct traces *t = traces_new();

	for (size_t i = 0; i < n; i++) {
		struct spanview v = view(&rows[backwards ? n - 1 - i : i]);

		CHECK(traces_add(t, &v) == 0);
	}
	return t;
}

static void
check_list(bool backwards)
{
	static const char *const want[] = {
	    "03: pfanout? 0-9000 enrich",
	    "02: a call 10-60 api ?",
	    "01: line 18 of access 40-900 timeout pace enrich worker dead",
	    "04: line 5 70-900 enrich",
	};
	struct traces *t = add_all(backwards);
	struct trace **list;
	size_t n;

	list = traces_list(t, &n);
	CHECK(n == 4, "%zu", n);
	for (size_t i = 0; i < n; i++) {
		char *about = traces_about(list[i]), got[200];
		const int64_t zero = INT64_C(1795701751000000000);

		snprintf(got, sizeof(got), "%02x: %s %d-%d%s%s", list[i]->id[0],
		    list[i]->only_runs ? "pfanout?" : about,
		    (int)((list[i]->begun - zero) / 1000000),
		    (int)((list[i]->ended - zero) / 1000000), list[i]->failed ? " " : "",
		    list[i]->failed ? list[i]->reason.text : "");
		for (size_t k = 0; k < list[i]->stages; k++) {
			strlcat(got, " ", sizeof(got));
			strlcat(got, *list[i]->stage[k].name ? list[i]->stage[k].name : "?",
			    sizeof(got));
		}
		CHECK(strcmp(got, want[i]) == 0, "%s, not %s", got, want[i]);
		free(about);
	}
	traces_free(t);
}

static void
check_slowest(void)
{
	struct traces *t = add_all(false), *runs = traces_new();
	struct spanview v = view(&rows[0]);
	struct trace **list;
	size_t n;

	list = traces_list(t, &n);
	CHECK(traces_slowest(list, n) == 3);
	CHECK(list[0]->id[0] == 1 && list[1]->id[0] == 4 && list[2]->id[0] == 2);
	CHECK(list[3]->id[0] == 3, "the runs are behind them");
	traces_free(t);
	/* If there is nothing else. */
	CHECK(traces_add(runs, &v) == 0);
	list = traces_list(runs, &n);
	CHECK(n == 1 && traces_slowest(list, n) == 1);
	traces_free(runs);
}

static void
check_lines(void)
{
	static const struct {
		struct tracelist how;
		int lines;
		const char *want;
	} cases[] = {
	    {{.utf8 = true}, 4,
		"TRACE                             BEGAN                  TIME  RESULT   STAGES    "
		"               RECORD\n"
		"03000000000000000000000000000000  2026-11-26 14:02:31  9.00 s  ok       enrich    "
		"               a call\n"
		"02000000000000000000000000000000  2026-11-26 14:02:31   50 ms  ok       api,?     "
		"               a call\n"
		"01000000000000000000000000000000  2026-11-26 14:02:31  860 ms  timeout  "
		"pace,enrich,worker,dead  line 18 of access\n"
		"04000000000000000000000000000000  2026-11-26 14:02:31  830 ms  ok       enrich    "
		"               line 5\n"},
	    {{.width = 60, .failed = true, .color = true}, 1,
		"\033[0;2mTRACE\033[0m                             \033[0;2mBEGAN\033[0m           "
		"    "
		"   \033[0;2mTIM\033[0m\n"
		"01000000000000000000000000000000  2026-11-26 14:02:31  860 m\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct traces *t = add_all(false);
		struct trace **list;
		size_t n, len;
		char *text;
		FILE *f = open_memstream(&text, &len);

		list = traces_list(t, &n);
		CHECK(tracelist_print(f, list, n, &cases[i].how) == cases[i].lines);
		fclose(f);
		CHECK(strcmp(text, cases[i].want) == 0, "%s, not\n%s", text, cases[i].want);
		free(text);
		traces_free(t);
	}
}

static void
check_json(void)
{
	struct traces *t = add_all(false);
	struct trace **list;
	size_t n;
	json_t *json;
	char *text;

	list = traces_list(t, &n);
	json = trace_json(list[2], false);
	text = json_dumps(json, TRACEJSON_FLAGS);
	CHECK(strcmp(text,
		  "{\"trace_id\":\"01000000000000000000000000000000\",\"began\":"
		  "\"2026-11-26T14:02:31.040000Z\",\"duration\":0.86,\"status\":\"error\","
		  "\"reason\":\"timeout\",\"record\":\"line 18 of access\",\"input\":\"access\","
		  "\"line\":18,\"stages\":[\"pace\",\"enrich\",\"worker\",\"dead\"]}") == 0,
	    "%s", text);
	free(text);
	json_decref(json);
	json = trace_json(list[1], false);
	CHECK(json_is_null(json_object_get(json, "line")) &&
	    json_is_null(json_object_get(json, "reason")));
	json_decref(json);
	traces_free(t);
}

int
main(void)
{
	setenv("TZ", "UTC", 1);
	check_list(false);
	check_list(true);
	check_slowest();
	check_lines();
	check_json();
	return t_end();
}
