/* The JSON of a view, and what a stage does. */

#include <stdlib.h>

#include "pmetrics/doing.h"
#include "pmetrics/viewjson.h"
#include "t.h"
#include "t_view.h"

/* What the JSON of a view has at a place such as "pipelines.0.parts.1.name". */
static json_t *
at(json_t *value, const char *path)
{
	char copy[128], *rest = copy;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *step; value != NULL && (step = strsep(&rest, ".")) != NULL;)
		value = json_is_array(value) ? json_array_get(value, strtoul(step, NULL, 10))
					     : json_object_get(value, step);
	return value;
}

static void
test_values(void)
{
	static const struct {
		const char *path, *value;
	} rows[] = {
	    {"time", "\"2026-11-26T12:00:00.000000Z\""},
	    {"window", "10.0"},
	    {"files", "{\"live\":2,\"dead\":1,\"skipped\":0}"},
	    {"pipelines.0.name", "\"access\""},
	    {"pipelines.0.verdict",
		"{\"kind\":\"pool\",\"part\":1,\"mark\":\"bottleneck\",\"score\":0.98,\"mostly\":"
		"false,\"more\":13.0,"
		"\"seconds\":null,\"text\":\"enrich is the bottleneck: 8 of 8 workers busy, "
		"19.4 ms a record.\"}"},
	    {"pipelines.0.parts.0",
		"{\"id\":0,\"name\":\"in.ndjson\",\"kind\":\"file\",\"pid\":null,\"doing\":"
		"\"file\",\"cpu\":null}"},
	    {"pipelines.0.parts.1.id", "1"},
	    {"pipelines.0.parts.1.kind", "\"stage\""},
	    {"pipelines.0.parts.1.pid", "4711"},
	    {"pipelines.0.parts.1.tool", "\"pfanout\""},
	    {"pipelines.0.parts.1.mode", "\"map\""},
	    {"pipelines.0.parts.1.state", "\"busy\""},
	    {"pipelines.0.parts.1.share", "0.98"},
	    {"pipelines.0.parts.1.doing", "\"workers busy 98 %\""},
	    {"pipelines.0.parts.1.exit", "null"},
	    {"pipelines.0.parts.1.waits",
		"{\"input\":0.01,\"output\":0.02,\"workers\":0.97,\"rate\":0.0}"},
	    {"pipelines.0.parts.1.rates.out", "411.25"},
	    {"pipelines.0.parts.1.limit", "null"},
	    {"pipelines.0.parts.1.workers", "{\"all\":8,\"busy\":8}"},
	    {"pipelines.0.parts.1.latency", "{\"mean\":0.0194,\"p50\":0.018,\"p99\":0.061}"},
	    {"pipelines.0.parts.1.held", "32"},
	    {"pipelines.0.parts.1.totals.received", "1000"},
	    {"pipelines.0.parts.1.totals.failed.timeout", "7"},
	    {"pipelines.0.parts.1.totals.failed.cancelled", "0"},
	    {"pipelines.0.parts.1.totals.failed.unwritten", "0"},
	    {"pipelines.0.parts.1.history", "[400.0,420.0,411.0]"},
	    {"pipelines.0.parts.2.busy", "null"},
	    {"pipelines.0.parts.2.workers", "{\"all\":1,\"busy\":null}"},
	    {"pipelines.0.parts.3.doing", "\"program, CPU 3 %\""},
	    {"pipelines.0.parts.3.cpu", "0.03"},
	    {"pipelines.0.links.1",
		"{\"from\":1,\"to\":2,\"name\":\"\",\"out_wait\":0.02,\"in_wait\":0.97}"},
	    {"pipelines.0.links.2.name", "\"out.fifo\""},
	    {"pipelines.0.links.2.in_wait", "null"},
	    {"pipelines.1.verdict.part", "null"},
	    {"pipelines.1.parts.0.state", "\"ended\""},
	    {"pipelines.1.parts.0.share", "null"},
	    {"pipelines.1.parts.0.exit", "\"killed\""},
	    {"pipelines.1.parts.0.rates.in", "null"},
	    {"pipelines.1.links", "[]"},
	};
	const struct view view = view_made();
	json_t *json = view_json(&view);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *value = at(json, rows[i].path);
		char *is = json_dumps(value, VIEWJSON_FLAGS | JSON_ENCODE_ANY);

		CHECK(is != NULL && strcmp(is, rows[i].value) == 0, "%s is %s instead of %s",
		    rows[i].path, is, rows[i].value);
		free(is);
	}
	json_decref(json);
}

/* Parts of one kind have the same members, whatever is known of them. */
static void
test_members(void)
{
	const struct view view = view_made();
	json_t *json = view_json(&view), *value;
	const char *key;

	json_object_foreach(at(json, "pipelines.0.parts.1"), key, value)
	    CHECK(at(at(json, "pipelines.1.parts.0"), key) != NULL, "no %s", key);
	json_decref(json);
}

static void
test_odd_bytes(void)
{
	struct view view = view_made();
	json_t *json;

	snprintf(view_parts[1].name, MODEL_NAME_SIZE, "a\"b\\c</script>\xc3\xa9");
	snprintf(view_stages[0].header.argv, STATFILE_ARGV_SIZE, "x\033[31m \xff");
	snprintf(view_stages[0].header.tool, STATFILE_TOOL_SIZE, "\xc3");
	view_stages[0].header.mode = 99;
	view_parts[1].in = INFINITY;
	json = view_json(&view);
	CHECK(json != NULL, "no JSON");
	CHECK(strcmp(json_string_value(at(json, "pipelines.0.parts.1.name")),
		  "a\"b\\c</script>\xc3\xa9") == 0,
	    "the name");
	CHECK(strcmp(json_string_value(at(json, "pipelines.0.parts.1.argv")), "x?[31m ?") == 0,
	    "the arguments");
	CHECK(json_is_null(at(json, "pipelines.0.parts.1.mode")), "the mode");
	CHECK(json_is_null(at(json, "pipelines.0.parts.1.rates.in")), "the rate");
	json_decref(json);
}

static void
test_empty(void)
{
	const struct view view = {0};
	json_t *json = view_json(&view);

	CHECK(json_is_array(at(json, "pipelines")), "no pipelines");
	json_decref(json);
}

static void
test_doing(void)
{
	static const struct {
		enum statfile_mode mode;
		struct part part;
		const char *word, *text;
		double share;
	} rows[] = {
	    {STAGE_MAPS, {.input = NAN, .output = NAN}, "measuring", "measuring", NAN},
	    {STAGE_MAPS, {.ended = true}, "ended", "ended", NAN},
	    {STAGE_MAPS, {.ended = true, .how = EXIT_KILLED}, "ended", "killed", NAN},
	    {STAGE_PASSES, {.input = 0.98, .output = 0.01}, "input", "waits for input 98 %", 0.98},
	    {STAGE_PASSES, {.output = 0.8, .own = 0.8}, "output", "waits for output 80 %", 0.8},
	    {STAGE_LIMITS, {.own = 0.95, .rate = 0.9}, "rate", "waits for rate 90 %", 0.9},
	    {STAGE_MAPS, {.own = 0.99, .busy = 1}, "busy", "workers busy 100 %", 1},
	    {STAGE_MAPS, {.own = 0.95, .busy = 0.12}, "workers", "waits for workers 95 %", 0.95},
	    {STAGE_PASSES, {.own = NAN, .rate = NAN, .busy = NAN}, "works", "works 100 %", 1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct look_stage stage = {.header.mode = rows[i].mode};
		struct part part = rows[i].part;
		struct doing doing;

		part.stage = &stage;
		doing_of(&part, &doing);
		CHECK(strcmp(doing.word, rows[i].word) == 0, "row %zu: %s", i, doing.word);
		CHECK(strcmp(doing.text, rows[i].text) == 0, "row %zu: %s", i, doing.text);
		CHECK(isnan(rows[i].share) ? isnan(doing.share) : doing.share == rows[i].share,
		    "row %zu: %g", i, doing.share);
	}
}

int
main(void)
{
	json_object_seed(0);
	test_values();
	test_members();
	test_odd_bytes();
	test_empty();
	test_doing();
	return t_end();
}
