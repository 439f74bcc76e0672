#include "trace/otlp.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "base/version.h"
#include "trace/settings.h"
#include "trace/span.h"

#include "t.h"
#include "t_random.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define OFFSET (INT64_C(1790000000) * CLOCK_S)

static const unsigned char uuid[16] = {
    0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 1, 2, 3, 4, 5, 6, 7, 8};
static const struct context run = {.trace_id = {0xab, [15] = 1}, .span_id = {0xcd, [7] = 2}};
static const struct otlp_stage stage = {"pfanout", "enrich", "access", uuid, 4711, &run};

/*
 * What the lines should be, made with jansson: slow, and of other code.
 */

static json_t *
text_of(const char *s)
{
	size_t len;
	char *clean = utf8_clean(s, strlen(s), &len);
	json_t *text = json_stringn(clean, len);

	free(clean);
	return text;
}

static json_t *
hex_of(const unsigned char *bytes, size_t n)
{
	char text[2 * CONTEXT_TRACE_ID + 1];

	for (size_t i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return json_string(text);
}

static json_t *
decimal(uint64_t n)
{
	return json_sprintf("%" PRIu64, n);
}

static void
want_text(json_t *list, const char *key, const char *value)
{
	json_array_append_new(list,
	    json_pack(
		"{s:o, s:{s:o}}", "key", text_of(key), "value", "stringValue", text_of(value)));
}

static void
want_number(json_t *list, const char *key, uint64_t value)
{
	json_array_append_new(
	    list, json_pack("{s:s, s:{s:o}}", "key", key, "value", "intValue", decimal(value)));
}

static json_t *
want_event(const struct span_event *e)
{
	json_t *event = json_pack("{s:o, s:s}", "timeUnixNano", decimal((uint64_t)(e->at + OFFSET)),
	    "name", span_phase_name((enum span_phase)e->phase));
	json_t *list = json_array();

	if (e->phase == PHASE_ATTEMPT)
		want_number(list, "pchan.attempt", e->attempt);
	if (e->phase == PHASE_BACKOFF)
		want_text(list, "pchan.reason", reason_name((enum reason)e->reason));
	if (e->phase == PHASE_BACKOFF && e->message != NULL)
		want_text(list, "pchan.message", e->message);
	if (json_array_size(list) > 0)
		json_object_set(event, "attributes", list);
	json_decref(list);
	return event;
}

/* All but its name, its kind and its attributes. */
static json_t *
want_span(const struct span *s)
{
	static const unsigned char none[CONTEXT_SPAN_ID];
	bool is_child = memcmp(s->parent, none, sizeof(none)) != 0;
	json_t *span = json_pack("{s:o, s:o, s:i, s:o, s:o}", "traceId",
	    hex_of(s->context.trace_id, CONTEXT_TRACE_ID), "spanId",
	    hex_of(s->context.span_id, CONTEXT_SPAN_ID), "flags",
	    s->context.flags + (is_child ? 0x300 : 0x100), "startTimeUnixNano",
	    decimal((uint64_t)(s->begun + OFFSET)), "endTimeUnixNano",
	    decimal((uint64_t)(s->ended + OFFSET)));
	json_t *events = json_array();

	if (is_child)
		json_object_set_new(span, "parentSpanId", hex_of(s->parent, CONTEXT_SPAN_ID));
	if (s->state != NULL)
		json_object_set_new(span, "traceState", text_of(s->state));
	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(events, want_event(&s->event[i]));
	if (s->n > 0)
		json_object_set(span, "events", events);
	json_decref(events);
	if (s->dropped > 0)
		json_object_set_new(
		    span, "droppedEventsCount", json_integer((json_int_t)s->dropped));
	if (s->linked)
		json_object_set_new(span, "links",
		    json_pack("[{s:o, s:o}]", "traceId", hex_of(run.trace_id, CONTEXT_TRACE_ID),
			"spanId", hex_of(run.span_id, CONTEXT_SPAN_ID)));
	json_object_set_new(span, "status",
	    s->result != SPAN_FAILED ? json_pack("{s:i}", "code", 0)
		: s->message == NULL
		? json_pack("{s:i}", "code", 2)
		: json_pack("{s:i, s:o}", "code", 2, "message", text_of(s->message)));
	return span;
}

static json_t *
want_record(const struct span *s)
{
	json_t *span = want_span(s), *list = json_array();

	json_object_set_new(span, "name", json_string("process enrich"));
	json_object_set_new(span, "kind", json_integer(5));
	json_object_set_new(span, "attributes", list);
	want_text(list, "messaging.system", "pchan");
	want_text(list, "messaging.operation.name", "process");
	want_text(list, "messaging.operation.type", "process");
	want_text(list, "messaging.destination.name", "enrich");
	want_number(list, "messaging.message.body.size", s->size);
	if (s->input != NULL)
		want_text(list, "pchan.input", s->input);
	if (s->line > 0)
		want_number(list, "pchan.line", s->line);
	if (s->attempts > 0)
		want_number(list, "pchan.attempts", s->attempts);
	if (s->slot > 0)
		want_number(list, "pchan.worker", s->slot);
	want_text(list, "pchan.result", span_result_name((enum span_result)s->result));
	if (s->result == SPAN_FAILED)
		want_text(list, "error.type", reason_name((enum reason)s->reason));
	return span;
}

/* Spans of all sorts. */

static const char *const texts[] = {"", "plain", "a \"quoted\" \\ text/", "\b\f\n\r\t\x01\x1f\x7f",
    "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", "\xff torn \xe2\x82",
    "\xed\xa0\x80\xc0\x80"};

static const char *
random_text(void)
{
	return texts[next_random() % LEN(texts)];
}

static void
random_bytes(unsigned char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = (unsigned char)next_random();
	bytes[0] |= 1;
}

static void
random_event(struct span *s, int64_t at)
{
	const char *message = next_random() % 2 ? random_text() : NULL;

	switch (next_random() % 3) {
	case 0:
		span_attempt(s, (uint32_t)next_random(), (unsigned)next_random() % 9, at);
		break;
	case 1:
		span_back_off(s, (enum reason)(next_random() % REASON_COUNT), message, at);
		break;
	default:
		span_enter(s, (enum span_phase)(PHASE_ORDER + next_random() % 2), at);
		break;
	}
}

static struct span *
random_span(void)
{
	struct span *s = span_new();
	size_t events = next_random() % 16 == 0 ? SPAN_EVENTS + 3 : next_random() % 8;

	random_bytes(s->context.trace_id, CONTEXT_TRACE_ID);
	random_bytes(s->context.span_id, CONTEXT_SPAN_ID);
	s->context.flags = next_random() % 4;
	if (next_random() % 2)
		random_bytes(s->parent, CONTEXT_SPAN_ID);
	if (next_random() % 2)
		s->state = strdup("ot=th:8,vendor=\"x\"");
	s->linked = next_random() % 2;
	s->begun = (int64_t)(next_random() % (1000 * (uint64_t)CLOCK_S));
	s->ended = s->begun + (int64_t)(next_random() % (uint64_t)CLOCK_S);
	if (next_random() % 2)
		s->input = strdup(random_text());
	s->line = next_random() % 3;
	s->size = next_random() >> 1;
	for (size_t i = 0; i < events; i++)
		random_event(s, s->begun + (int64_t)i);
	s->result = next_random() % 2 ? SPAN_OK
	    : next_random() % 2       ? SPAN_FILTERED
				      : SPAN_UNWRITTEN;
	if (next_random() % 2)
		span_fail(s, (enum reason)(next_random() % REASON_COUNT), random_text());
	return s;
}

/* Parses a line: its spans, and the attributes of its resource. */
static json_t *
parse(const char *line, size_t len, const json_t **spans, const json_t **attributes)
{
	json_error_t e;
	json_t *root = json_loadb(line, len - 1, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);
	const json_t *resource = json_array_get(json_object_get(root, "resourceSpans"), 0);
	const json_t *scope = json_array_get(json_object_get(resource, "scopeSpans"), 0);
	const json_t *name = json_object_get(scope, "scope");

	CHECK(root != NULL, "%s in %.*s", e.text, (int)len, line);
	CHECK(line[len - 1] == '\n' && memchr(line, '\n', len) == line + len - 1);
	CHECK(json_is_string(json_object_get(name, "name")) &&
	    strcmp(json_string_value(json_object_get(name, "name")), "pchan") == 0);
	CHECK(strcmp(json_string_value(json_object_get(name, "version")), PCHAN_VERSION) == 0);
	*spans = json_object_get(scope, "spans");
	*attributes = json_object_get(json_object_get(resource, "resource"), "attributes");
	return root;
}

static void
check_equal(const json_t *got, json_t *want)
{
	char *a, *b;

	if (!CHECK(json_equal(got, want), "see below")) {
		json_decref(want);
		return;
	}
	a = json_dumps(got, JSON_SORT_KEYS);
	b = json_dumps(want, JSON_SORT_KEYS);
	fprintf(stderr, "got  %s\nwant %s\n", a, b);
	free(a);
	free(b);
	json_decref(want);
}

/* Lines of random spans are what jansson says. */
static void
test_records(void)
{
	struct settings settings = {0};
	struct otlp *o = otlp_new(&settings, &stage);

	for (size_t n = 1; n < 40; n++) {
		struct span *s[40];
		const json_t *spans, *attributes;
		json_t *root;
		const char *line;
		size_t len = 0;

		otlp_begin(o, OFFSET);
		for (size_t i = 0; i < n; i++) {
			s[i] = random_span();
			CHECK(otlp_add(o, s[i]));
		}
		line = otlp_end(o, &len);
		root = parse(line, len, &spans, &attributes);
		CHECK(json_array_size(spans) == n);
		for (size_t i = 0; i < n; i++) {
			check_equal(json_array_get(spans, i), want_record(s[i]));
			span_free(s[i]);
		}
		json_decref(root);
	}
	otlp_free(o);
}

/* The run's span: its name, kind and attributes, and why it failed. */
static void
test_run(void)
{
	static const struct otlp_attribute given[] = {{"pchan.received", NULL, 0},
	    {"pchan.received", NULL, 12}, {"pchan.exit", "2 \"odd\" \xff", 7},
	    {"pchan.big", NULL, UINT64_MAX}};
	static const struct {
		const char *tool, *name, *want;
	} names[] = {{"pfanout", "enrich", "pfanout enrich"}, {"pfanout", "pfanout", "pfanout"},
	    {"pfanin", "\xff\"", "pfanin \xef\xbf\xbd\""}};
	struct settings settings = {0};
	struct span *s = span_new();

	s->context = run;
	s->begun = 5;
	s->ended = 6;
	span_fail(s, REASON_EXIT, "the disk is full");
	for (size_t i = 0; i < LEN(names); i++) {
		struct otlp_stage other = stage;
		const json_t *spans, *attributes;
		json_t *root, *want = want_span(s), *list = json_array();
		struct otlp *o;
		const char *line;
		size_t len = 0;

		other.tool = names[i].tool;
		other.name = names[i].name;
		o = otlp_new(&settings, &other);
		otlp_begin(o, OFFSET);
		CHECK(otlp_add_run(o, s, given, LEN(given)));
		CHECK(otlp_add_run(o, s, NULL, 0));
		line = otlp_end(o, &len);
		root = parse(line, len, &spans, &attributes);
		json_object_set_new(want, "name", json_string(names[i].want));
		json_object_set_new(want, "kind", json_integer(1));
		json_object_set_new(want, "attributes", list);
		want_number(list, "pchan.received", 12);
		want_text(list, "pchan.exit", "2 \"odd\" \xff");
		want_number(list, "pchan.big", INT64_MAX);
		check_equal(json_array_get(spans, 0), json_incref(want));
		json_array_clear(list);
		check_equal(json_array_get(spans, 1), want);
		json_decref(root);
		otlp_free(o);
	}
	span_free(s);
}

/* The value of a resource's attribute; fails if the key is there twice. */
static const char *
find_attribute(const json_t *list, const char *key)
{
	const char *found = NULL;
	size_t i;
	json_t *one;

	json_array_foreach(list, i, one)
	{
		const json_t *value = json_object_get(one, "value");
		const char *text = json_string_value(json_object_get(value, "stringValue"));

		if (strcmp(json_string_value(json_object_get(one, "key")), key) != 0)
			continue;
		CHECK(found == NULL, "%s is there twice", key);
		found = text != NULL ? text : json_string_value(json_object_get(value, "intValue"));
	}
	return found != NULL ? found : "";
}

/* Settings that give attributes, some of them twice. */
static void
give_settings(struct settings *s)
{
	static const char *const given[][2] = {{"process.pid", "1"}, {"team", "a"},
	    {"service.namespace", "mine"}, {"team", "b \xff"}, {"service.name", "no"},
	    {"telemetry.sdk.name", "x"}, {"host.name", "h"}, {"service.instance.id", "i"}};

	s->service = strdup("svc");
	s->attribute = calloc(LEN(given), sizeof(*s->attribute));
	for (; s->attributes < LEN(given); s->attributes++)
		s->attribute[s->attributes] = (struct settings_attribute){
		    strdup(given[s->attributes][0]), strdup(given[s->attributes][1])};
}

static void
take_settings(struct settings *s)
{
	for (size_t i = 0; i < s->attributes; i++) {
		free(s->attribute[i].key);
		free(s->attribute[i].value);
	}
	free(s->attribute);
	free(s->service);
}

static void
test_resource(void)
{
	char host[256] = "";
	struct {
		struct settings settings;
		const char *want[8][2];
		size_t size;
	} cases[] = {
	    {{0},
		{{"service.name", "enrich"}, {"service.namespace", "access"},
		    {"process.pid", "4711"},
		    {"service.instance.id", "12345678-9abc-def0-0102-030405060708"},
		    {"telemetry.sdk.name", "pchan"}, {"telemetry.sdk.language", "c"},
		    {"telemetry.sdk.version", PCHAN_VERSION}, {"host.name", host}},
		8},
	    {{0},
		{{"service.name", "svc"}, {"service.namespace", "mine"}, {"process.pid", "1"},
		    {"service.instance.id", "i"}, {"telemetry.sdk.name", "x"},
		    {"team", "b \xef\xbf\xbd"}, {"telemetry.sdk.version", PCHAN_VERSION},
		    {"host.name", "h"}},
		9},
	};
	struct span *s = span_new();

	gethostname(host, sizeof(host) - 1);
	give_settings(&cases[1].settings);
	for (size_t i = 0; i < LEN(cases); i++) {
		struct otlp *o = otlp_new(&cases[i].settings, &stage);
		const json_t *spans, *attributes;
		const char *line;
		json_t *root;
		size_t len = 0;

		otlp_begin(o, OFFSET);
		CHECK(otlp_add(o, s));
		line = otlp_end(o, &len);
		root = parse(line, len, &spans, &attributes);
		for (size_t j = 0; j < 8; j++)
			CHECK(strcmp(find_attribute(attributes, cases[i].want[j][0]),
				  cases[i].want[j][1]) == 0,
			    "%s: %s", cases[i].want[j][0],
			    find_attribute(attributes, cases[i].want[j][0]));
		CHECK(json_array_size(attributes) == cases[i].size, "%zu", i);
		json_decref(root);
		otlp_free(o);
		take_settings(&cases[i].settings);
	}
	span_free(s);
}

/* Where the run has no span of its own nothing is linked to it. */
static void
test_no_run(void)
{
	struct settings settings = {0};
	struct otlp_stage alone = stage;
	struct span *s = span_new();
	const json_t *spans, *attributes;
	const char *line;
	struct otlp *o;
	json_t *root;
	size_t len = 0;

	alone.run = NULL;
	o = otlp_new(&settings, &alone);
	otlp_begin(o, OFFSET);
	s->linked = true;
	CHECK(otlp_add(o, s));
	line = otlp_end(o, &len);
	root = parse(line, len, &spans, &attributes);
	s->linked = false;
	check_equal(json_array_get(spans, 0), want_record(s));
	json_decref(root);
	span_free(s);
	otlp_free(o);
}

/* A line of more than one span has a bound; no span, no line. */
static void
test_bounds(void)
{
	struct settings settings = {0};
	struct otlp *o = otlp_new(&settings, &stage);
	struct span *small = span_new(), *big = span_new();
	const json_t *spans, *attributes;
	size_t len = 0, n = 0;
	json_t *root;
	const char *line;

	otlp_begin(o, 0);
	CHECK(otlp_end(o, &len) == NULL, "an empty line");
	otlp_begin(o, OFFSET);
	while (otlp_add(o, small))
		n++;
	CHECK(!otlp_add(o, small) && n > 500, "%zu", n);
	line = otlp_end(o, &len);
	CHECK(len <= OTLP_LINE_MAX && len > OTLP_LINE_MAX - 1000, "%zu", len);
	root = parse(line, len, &spans, &attributes);
	CHECK(json_array_size(spans) == n);
	json_decref(root);
	/* One that is longer alone is taken alone. */
	big->input = malloc(OTLP_LINE_MAX + 2);
	memset(big->input, '"', OTLP_LINE_MAX + 1);
	big->input[OTLP_LINE_MAX + 1] = '\0';
	otlp_begin(o, OFFSET);
	CHECK(otlp_add(o, small) && !otlp_add(o, big));
	otlp_begin(o, OFFSET);
	CHECK(otlp_add(o, big) && !otlp_add(o, small));
	line = otlp_end(o, &len);
	CHECK(len > 2 * OTLP_LINE_MAX);
	root = parse(line, len, &spans, &attributes);
	check_equal(json_array_get(spans, 0), want_record(big));
	json_decref(root);
	span_free(small);
	span_free(big);
	otlp_free(o);
}

/* What a span costs: told, as machines differ; a bound that none exceeds. */
static void
test_cost(void)
{
	enum { N = 512, TIMES = 40 };
	struct settings settings = {0};
	struct otlp *o = otlp_new(&settings, &stage);
	struct span *s = span_new();
	int64_t begun, ns;
	size_t len = 0;

	random_bytes(s->context.trace_id, CONTEXT_TRACE_ID);
	s->input = strdup("/var/log/access.ndjson");
	s->line = 1234567;
	s->size = 240;
	s->begun = 123456789012;
	s->ended = 123456799999;
	s->linked = true;
	span_attempt(s, 1, 7, 123456790000);
	span_enter(s, PHASE_OUTPUT, 123456795000);
	begun = clock_now();
	for (int i = 0; i < TIMES; i++) {
		otlp_begin(o, OFFSET);
		for (int j = 0; j < N; j++)
			CHECK(otlp_add(o, s));
		CHECK(otlp_end(o, &len) != NULL);
	}
	ns = (clock_now() - begun) / (N * (int64_t)TIMES);
	printf("%zu bytes and %" PRId64 " ns a span\n", len / N, ns);
	CHECK(ns < 100 * CLOCK_US);
	span_free(s);
	otlp_free(o);
}

/* Prints lines, for programs that read OTLP. */
static int
print_lines(void)
{
	static const struct otlp_attribute given[] = {{"pchan.received", NULL, 12}, {"x", "y", 0}};
	struct settings settings = {0};
	struct otlp *o = otlp_new(&settings, &stage);

	for (int i = 0; i < 40; i++) {
		const char *line;
		size_t len = 0;

		otlp_begin(o, OFFSET);
		for (int j = 0; j < 25; j++) {
			struct span *s = random_span();

			if (i == 0 && j == 0)
				(void)otlp_add_run(o, s, given, LEN(given));
			else
				(void)otlp_add(o, s);
			span_free(s);
		}
		line = otlp_end(o, &len);
		fwrite(line, 1, len, stdout);
	}
	otlp_free(o);
	return fflush(stdout) == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "print") == 0)
		return print_lines();
	test_records();
	test_run();
	test_resource();
	test_no_run();
	test_bounds();
	test_cost();
	return t_end();
}
