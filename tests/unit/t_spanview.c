/* Lines of OTLP/JSON, ours, those of others, and those that are none. */

#include "pmetrics/spanview.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/reason.h"
#include "pmetrics/steps.h"
#include "t.h"
#include "trace/otlp.h"
#include "trace/settings.h"
#include "trace/span.h"

#define ID "\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"spanId\":\"00f067aa0ba902b7\""
#define TIMES "\"startTimeUnixNano\":\"1000\",\"endTimeUnixNano\":\"3000\""
#define SPANS(scope, spans)                                                           \
	"{\"resourceSpans\":[{\"resource\":{\"attributes\":[" TEXT(                   \
	    "service.name", "svc") "]},\"scopeSpans\":[{\"scope\":{\"name\":\"" scope \
				   "\"},\"spans\":[" spans "]}]}]}"
#define TEXT(key, value) "{\"key\":\"" key "\",\"value\":{\"stringValue\":\"" value "\"}}"
#define NUMBER(key, value) "{\"key\":\"" key "\",\"value\":{\"intValue\":" value "}}"

/* What was seen: a word for each span. */
static char seen[1000];
static int left; /* spans until memory is short */

static int
note(const struct spanview *v, void *arg)
{
	static const char *const kinds[] = {"record", "run", "other"};
	char one[200];

	(void)arg;
	if (left-- == 0) {
		errno = ENOMEM;
		return -1;
	}
	snprintf(one, sizeof(one), "[%s %s %s%s %d-%d%s%s%s%s%s %d%s%s]", kinds[v->kind], v->stage,
	    v->name, spanview_has_parent(v) ? " child" : "", (int)v->begun, (int)v->ended,
	    v->failed ? " failed " : "", v->reason, *v->message != '\0' ? ":" : "", v->message,
	    v->result, (int)v->line, *v->input != '\0' ? " of " : "", v->input);
	strlcat(seen, one, sizeof(seen));
	return 0;
}

static int
note_steps(const struct spanview *v, void *arg)
{
	struct step *step;
	ssize_t n = steps_of(v, &step);

	(void)arg;
	for (struct step *s = step; s < step + n; s++) {
		char one[100], number[32] = "";

		if (s->number > 0)
			snprintf(number, sizeof(number), "%u ", (unsigned)s->number);
		snprintf(one, sizeof(one), "%s %s%d-%d%s%s, ", steps_name(s->kind), number,
		    (int)s->begun, (int)s->ended, s->outcome != NULL ? " " : "",
		    s->outcome != NULL ? s->outcome : "");
		strlcat(seen, one, sizeof(seen));
	}
	free(step);
	return 0;
}

static const struct scene {
	const char *line, *want, *why; /* why: NULL: it is OTLP */
} scenes[] = {
    {"{}", "", NULL},
    {"{\"resourceMetrics\":[]}", "", NULL},
    {"{\"resourceLogs\":[]}", "", NULL},
    {SPANS("pchan", ""), "", NULL},
    {SPANS("x", "{" ID "," TIMES ",\"name\":\"GET\"}"), "[other svc GET 1000-3000 0]", NULL},
    {SPANS("x", "{" ID ",\"parentSpanId\":\"00F067AA0BA902B7\"," TIMES ",\"status\":{\"code\":2}}"),
	"[other svc  child 1000-3000 failed  0]", NULL},
    {SPANS("x",
	 "{" ID ",\"startTimeUnixNano\":7,\"endTimeUnixNano\":5,\"status\":{\"code\":"
	 "\"STATUS_CODE_ERROR\",\"message\":\"m\"},\"attributes\":[" TEXT("error.type", "e") "]}"),
	"[other svc  7-7 failed e:m 0]", NULL},
    /* An id of zeroes is none; the status of others is not error. */
    {SPANS("x", "{" ID ",\"parentSpanId\":\"0000000000000000\"," TIMES ",\"status\":{\"code\":1}}"),
	"[other svc  1000-3000 0]", NULL},
    {SPANS("pchan",
	 "{" ID "," TIMES ",\"name\":\"process s\",\"attributes\":[" TEXT(
	     "messaging.destination.name", "s") "," NUMBER("pchan.line",
	     "\"18\"") "," TEXT("pchan.input", "in") "," TEXT("pchan.result", "filtered") "]}"),
	"[record s process s 1000-3000filtered 18 of in]", NULL},
    {SPANS("pchan", "{" ID "," TIMES ",\"name\":\"pfanout my stage\"}"),
	"[run my stage pfanout my stage 1000-3000 0]", NULL},
    {SPANS("pchan", "{" ID "," TIMES ",\"name\":\"pfanout\"}"), "[run pfanout pfanout 1000-3000 0]",
	NULL},
    /* What is bad is left out, and the rest is used. */
    {SPANS("x", "{\"spanId\":\"00f067aa0ba902b7\"},{" ID "," TIMES "}"), "[other svc  1000-3000 0]",
	"a span without a valid traceId"},
    {SPANS("x",
	 "{\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"spanId\":\"0000000000000000\"," TIMES
	 "}"),
	"", "a span without a valid spanId"},
    {SPANS("x", "{" ID "}"), "", "a span without a valid startTimeUnixNano"},
    {SPANS("x", "{" ID ",\"startTimeUnixNano\":\"x\"}"), "",
	"a span without a valid startTimeUnixNano"},
    {SPANS("x", "{" ID ",\"startTimeUnixNano\":\"99999999999999999999\"}"), "",
	"a span without a valid startTimeUnixNano"},
    {SPANS("x", "1,null,[],{" ID "," TIMES "}"), "[other svc  1000-3000 0]",
	"a span without a valid traceId"},
    {"{\"id\":1}", "", "no resourceSpans"},
    {"{\"resourceSpans\":1}", "", "no resourceSpans"},
    {"[]", "", "no resourceSpans"},
    {"hello", "", "'[' or '{' expected near 'hello' at byte 5"},
    {"", "", "'[' or '{' expected near end of file at byte 0"},
};

static void
check_scenes(void)
{
	for (const struct scene *s = scenes; s < scenes + sizeof(scenes) / sizeof(scenes[0]); s++) {
		const char *why = NULL;
		int result;

		*seen = '\0';
		left = 100;
		result = spanview_line(s->line, strlen(s->line), note, NULL, &why);
		CHECK(result == (s->why == NULL ? 0 : -1), "%s", s->line);
		CHECK(strcmp(seen, s->want) == 0, "%s\n%s", seen, s->want);
		CHECK(
		    (why == NULL) == (s->why == NULL) && (why == NULL || strcmp(why, s->why) == 0),
		    "%s: %s, not %s", s->line, why, s->why);
	}
}

/* Memory that is short is told from a line that is bad. */
static void
check_memory(void)
{
	const char *line = SPANS("x", "{},{" ID "," TIMES "}"), *why;

	left = 0;
	errno = 0;
	CHECK(spanview_line(line, strlen(line), note, NULL, &why) == -1);
	CHECK(why == NULL && errno == ENOMEM, "%s", why);
}

/* A span that is kept outlives its line; attributes become members. */
static int
keep(const struct spanview *v, void *to)
{
	*(struct spanview *)to = *v;
	spanview_keep(to);
	return 0;
}

static void
check_kept(void)
{
	char *line = strdup(SPANS("x",
	    "{" ID "," TIMES ",\"name\":\"GET\",\"attributes\":[" TEXT("t", "x") "," NUMBER(
		"n", "\"7\"") ",{\"key\":\"b\",\"value\":{\"boolValue\":true}},{\"key\":\"a\","
			      "\"value\":{"
			      "\"arrayValue\":{\"values\":[{\"intValue\":\"1\"},{\"doubleValue\":0."
			      "5}]}}},{\"key\":\"none\"},{}]}"));
	const char *why;
	struct spanview v;
	json_t *all;
	char *text;

	CHECK(spanview_line(line, strlen(line), keep, &v, &why) == 0);
	memset(line, 'x', strlen(line));
	free(line);
	CHECK(strcmp(v.name, "GET") == 0 && strcmp(v.service, "svc") == 0, "%s", v.name);
	CHECK(strcmp(spanview_text(v.json, "t"), "x") == 0);
	CHECK(spanview_number(v.json, "n") == 7 && spanview_number(v.json, "t") == 0);
	all = spanview_attributes(v.json);
	text = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
	CHECK(strcmp(text, "{\"a\":[1,0.5],\"b\":true,\"n\":7,\"none\":null,\"t\":\"x\"}") == 0,
	    "%s", text);
	free(text);
	json_decref(all);
	spanview_release(&v);
}

/* What our own writer writes of these is read as it was meant. */
static void
check_ours(void)
{
	static const unsigned char uuid[16] = {1};
	const struct context run = {.trace_id = {1}, .span_id = {2}};
	const struct otlp_stage stage = {"pfanout", "enrich", "", uuid, 1, &run};
	struct settings settings = {0};
	struct otlp *o = otlp_new(&settings, &stage);
	struct span *record = span_new(), *whole = span_new();
	const char *line, *why;
	size_t len;

	record->context = (struct context){.trace_id = {3}, .span_id = {4}};
	record->parent[0] = 5;
	record->begun = 1000;
	record->ended = 9000;
	record->input = strdup("in");
	record->line = 18;
	span_attempt(record, 1, 1, 2000);
	span_back_off(record, REASON_TIMEOUT, "slow", 3000);
	span_enter(record, PHASE_RATE, 3500);
	span_attempt(record, 2, 1, 4000);
	span_enter(record, PHASE_ORDER, 5000);
	span_enter(record, PHASE_OUTPUT, 6000);
	span_fail(record, REASON_EXIT, "status 3");
	whole->context = run;
	whole->begun = 500;
	whole->ended = 9500;
	otlp_begin(o, 10000);
	CHECK(otlp_add(o, record) && otlp_add_run(o, whole, NULL, 0));
	CHECK((line = otlp_end(o, &len)) != NULL);
	*seen = '\0';
	left = 100;
	CHECK(spanview_line(line, len, note, NULL, &why) == 0, "%s", why);
	CHECK(
	    strcmp(seen,
		"[record enrich process enrich child 11000-19000 failed exit:status 3failed 18 of "
		"in][run enrich pfanout enrich 10500-19500 0]") == 0,
	    "%s", seen);
	*seen = '\0';
	CHECK(spanview_line(line, len, note_steps, NULL, &why) == 0, "%s", why);
	CHECK(
	    strcmp(seen,
		"queue 11000-12000, attempt 1 12000-13000 timeout, back-off 13000-13500, wait for "
		"rate 13500-14000, attempt 2 14000-15000 exit, in order 15000-16000, output "
		"16000-19000, run 10500-19500, ") == 0,
	    "%s", seen);
	span_free(record);
	span_free(whole);
	otlp_free(o);
}

int
main(void)
{
	check_ours();
	check_scenes();
	check_memory();
	check_kept();
	return t_end();
}
