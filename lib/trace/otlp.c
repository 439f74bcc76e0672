#include "trace/otlp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/reason.h"
#include "base/version.h"
#include "json/text.h"
#include "trace/attribute.h"
#include "trace/context.h"
#include "trace/resource.h"
#include "trace/span.h"

#define SCOPE "pchan"
#define LINE_END "]}]}]}\n"

/* Span.flags: what the parent is, beside the flags of the context. */
#define FLAG_REMOTE_KNOWN 0x100
#define FLAG_REMOTE 0x200

enum { KIND_INTERNAL = 1, KIND_CONSUMER = 5 };
enum { STATUS_UNSET = 0, STATUS_ERROR = 2 };

struct otlp {
	struct text head;   /* of a line, up to its first span */
	struct text record; /* what the spans of all records have */
	struct text run;    /* what the run's span has */
	char *run_link;     /* of those that are linked; or NULL */

	/* Flags and tracestate of the last span, as most have the same. */
	unsigned flags;
	char state[TRACESTATE_SIZE];
	struct text between; /* the id and the times */

	struct text line;
	size_t spans; /* in it */
	int64_t offset;
};

/* What all lines, and all spans, have. */

static void
prepare_head(struct text *t, const struct settings *s, const struct otlp_stage *stage)
{
	TEXT_LITERAL(t, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[");
	resource_put(t, s, stage);
	TEXT_LITERAL(t,
	    "]},\"scopeSpans\":[{\"scope\":{\"name\":\"" SCOPE "\",\"version\":\"" PCHAN_VERSION
	    "\"},\"spans\":[");
}

/* `,"name":"...","kind":n,"attributes":[`: two words make the name. */
static void
prepare_name(struct text *t, const char *first, const char *second, unsigned kind)
{
	struct text name = {0};

	text_raw(&name, first);
	text_raw(&name, *second != '\0' ? " " : "");
	text_bytes(&name, second, strlen(second) + 1);
	TEXT_LITERAL(t, ",\"name\":");
	if (name.failed)
		t->failed = true;
	else
		text_string(t, name.data);
	text_free(&name);
	TEXT_LITERAL(t, ",\"kind\":");
	text_number(t, kind);
	TEXT_LITERAL(t, ",\"attributes\":[");
}

static void
prepare_record(struct text *t, const struct otlp_stage *stage)
{
	prepare_name(t, "process", stage->name, KIND_CONSUMER);
	attribute_text(t, "messaging.system", SCOPE);
	attribute_text(t, "messaging.operation.name", "process");
	attribute_text(t, "messaging.operation.type", "process");
	attribute_text(t, "messaging.destination.name", stage->name);
}

static void
prepare_run(struct text *t, const struct otlp_stage *stage)
{
	prepare_name(t, stage->tool, strcmp(stage->tool, stage->name) != 0 ? stage->name : "",
	    KIND_INTERNAL);
}

/* -1: no memory. */
static int
prepare_link(struct otlp *o, const struct context *run)
{
	struct text t = {0};

	if (run == NULL)
		return 0;
	TEXT_LITERAL(&t, ",\"links\":[{\"traceId\":\"");
	attribute_hex(&t, run->trace_id, sizeof(run->trace_id));
	TEXT_LITERAL(&t, "\",\"spanId\":\"");
	attribute_hex(&t, run->span_id, sizeof(run->span_id));
	text_bytes(&t, "\"}]", sizeof("\"}]"));
	o->run_link = t.data;
	return t.failed ? -1 : 0;
}

struct otlp *
otlp_new(const struct settings *settings, const struct otlp_stage *stage)
{
	struct otlp *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	prepare_head(&o->head, settings, stage);
	prepare_record(&o->record, stage);
	prepare_run(&o->run, stage);
	if (prepare_link(o, stage->run) == 0 && !o->head.failed && !o->record.failed &&
	    !o->run.failed)
		return o;
	otlp_free(o);
	errno = ENOMEM;
	return NULL;
}

void
otlp_free(struct otlp *o)
{
	if (o == NULL)
		return;
	text_free(&o->head);
	text_free(&o->record);
	text_free(&o->run);
	text_free(&o->between);
	text_free(&o->line);
	free(o->run_link);
	free(o);
}

/* A span. */

static void
put_time(const struct otlp *o, struct text *t, int64_t at)
{
	text_number(t, at + o->offset > 0 ? (uint64_t)(at + o->offset) : 0);
}

static void
prepare_between(struct otlp *o, unsigned flags, const char *state)
{
	struct text *t = &o->between;

	t->len = 0;
	t->failed = false;
	TEXT_LITERAL(t, "\",\"flags\":");
	text_number(t, flags);
	if (*state != '\0') {
		TEXT_LITERAL(t, ",\"traceState\":");
		text_string(t, state);
	}
	TEXT_LITERAL(t, ",\"startTimeUnixNano\":\"");
	o->flags = flags;
	strlcpy(o->state, state, sizeof(o->state));
}

static void
put_between(struct otlp *o, struct text *t, unsigned flags, const char *state)
{
	if (o->between.len == 0 || o->between.failed || flags != o->flags ||
	    strcmp(state, o->state) != 0)
		prepare_between(o, flags, state);
	if (o->between.failed)
		t->failed = true;
	text_bytes(t, o->between.data, o->between.len);
}

/* Up to its times. */
static void
put_identity(struct otlp *o, struct text *t, const struct span *s)
{
	static const unsigned char none[CONTEXT_SPAN_ID];
	bool is_child = memcmp(s->parent, none, sizeof(none)) != 0;

	TEXT_LITERAL(t, "{\"traceId\":\"");
	attribute_hex(t, s->context.trace_id, sizeof(s->context.trace_id));
	TEXT_LITERAL(t, "\",\"spanId\":\"");
	attribute_hex(t, s->context.span_id, sizeof(s->context.span_id));
	if (is_child) {
		TEXT_LITERAL(t, "\",\"parentSpanId\":\"");
		attribute_hex(t, s->parent, sizeof(s->parent));
	}
	put_between(o, t, s->context.flags | FLAG_REMOTE_KNOWN | (is_child ? FLAG_REMOTE : 0U),
	    s->state != NULL ? s->state : "");
	put_time(o, t, s->begun);
	TEXT_LITERAL(t, "\",\"endTimeUnixNano\":\"");
	put_time(o, t, s->ended);
	TEXT_LITERAL(t, "\"");
}

static void
put_event(const struct otlp *o, struct text *t, const struct span_event *e)
{
	TEXT_LITERAL(t, "{\"timeUnixNano\":\"");
	put_time(o, t, e->at);
	TEXT_LITERAL(t, "\",\"name\":\"");
	text_raw(t, span_phase_name((enum span_phase)e->phase));
	TEXT_LITERAL(t, "\"");
	if (e->phase == PHASE_ATTEMPT) {
		TEXT_LITERAL(t, ",\"attributes\":[");
		attribute_number(t, "pchan.attempt", e->attempt);
		TEXT_LITERAL(t, "]");
	} else if (e->phase == PHASE_BACKOFF) {
		TEXT_LITERAL(t, ",\"attributes\":[");
		attribute_text(t, "pchan.reason", reason_name((enum reason)e->reason));
		if (e->message != NULL)
			attribute_text(t, "pchan.message", e->message);
		TEXT_LITERAL(t, "]");
	}
	TEXT_LITERAL(t, "}");
}

static void
put_events(const struct otlp *o, struct text *t, const struct span *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (i == 0)
			TEXT_LITERAL(t, ",\"events\":[");
		else
			TEXT_LITERAL(t, ",");
		put_event(o, t, &s->event[i]);
	}
	if (s->n > 0)
		TEXT_LITERAL(t, "]");
	if (s->dropped > 0) {
		TEXT_LITERAL(t, ",\"droppedEventsCount\":");
		text_number(t, s->dropped <= UINT32_MAX ? s->dropped : UINT32_MAX);
	}
}

/* Ends the span: all behind its attributes. */
static void
put_rest(const struct otlp *o, struct text *t, const struct span *s)
{
	TEXT_LITERAL(t, "]");
	put_events(o, t, s);
	if (s->linked && o->run_link != NULL)
		text_raw(t, o->run_link);
	/* There are readers that stumble over a span without a status. */
	TEXT_LITERAL(t, ",\"status\":{\"code\":");
	text_number(t, s->result == SPAN_FAILED ? STATUS_ERROR : STATUS_UNSET);
	if (s->result == SPAN_FAILED && s->message != NULL) {
		TEXT_LITERAL(t, ",\"message\":");
		text_string(t, s->message);
	}
	TEXT_LITERAL(t, "}}");
}

/* Attributes whose keys and texts need no escapes, behind others. */
#define BEGIN(t, key, kind) TEXT_LITERAL(t, ",{\"key\":\"" key "\",\"value\":{\"" kind "Value\":\"")
#define END(t) TEXT_LITERAL(t, "\"}}")

#define ADD_NUMBER(t, key, number)      \
	do {                            \
		BEGIN(t, key, "int");   \
		text_number(t, number); \
		END(t);                 \
	} while (0)

#define ADD_WORD(t, key, word)           \
	do {                             \
		BEGIN(t, key, "string"); \
		text_raw(t, word);       \
		END(t);                  \
	} while (0)

static void
put_record_attributes(struct text *t, const struct span *s)
{
	ADD_NUMBER(t, "messaging.message.body.size", s->size);
	if (s->input != NULL)
		attribute_text(t, "pchan.input", s->input);
	if (s->line > 0)
		ADD_NUMBER(t, "pchan.line", s->line);
	if (s->attempts > 0)
		ADD_NUMBER(t, "pchan.attempts", s->attempts);
	if (s->slot > 0)
		ADD_NUMBER(t, "pchan.worker", s->slot);
	ADD_WORD(t, "pchan.result", span_result_name((enum span_result)s->result));
	if (s->result == SPAN_FAILED)
		ADD_WORD(t, "error.type", reason_name((enum reason)s->reason));
}

void
otlp_begin(struct otlp *o, int64_t offset)
{
	o->line.len = 0;
	o->line.failed = false;
	o->spans = 0;
	o->offset = offset;
	text_bytes(&o->line, o->head.data, o->head.len);
}

/* Begins a span in the line; returns where. */
static size_t
begin_span(struct otlp *o, const struct span *s, const struct text *prepared)
{
	size_t start = o->line.len;

	if (o->spans > 0)
		TEXT_LITERAL(&o->line, ",");
	put_identity(o, &o->line, s);
	text_bytes(&o->line, prepared->data, prepared->len);
	return start;
}

/* Ends the span that begins there; or takes it back. */
static bool
end_span(struct otlp *o, const struct span *s, size_t start)
{
	struct text *t = &o->line;

	put_rest(o, t, s);
	if (!t->failed && text_room(t, sizeof(LINE_END)) != NULL &&
	    (o->spans == 0 || t->len + strlen(LINE_END) <= OTLP_LINE_MAX)) {
		o->spans++;
		return true;
	}
	t->len = start;
	t->failed = start < o->head.len; /* there was no memory before */
	return false;
}

bool
otlp_add(struct otlp *o, const struct span *s)
{
	size_t start = begin_span(o, s, &o->record);

	put_record_attributes(&o->line, s);
	return end_span(o, s, start);
}

/* Whether an attribute from this one on has the key. */
static bool
has_attribute(const struct otlp_attribute *a, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(a[i].key, key) == 0)
			return true;
	return false;
}

bool
otlp_add_run(struct otlp *o, const struct span *s, const struct otlp_attribute *a, size_t n)
{
	size_t start = begin_span(o, s, &o->run);

	for (size_t i = 0; i < n; i++) {
		if (has_attribute(a + i + 1, n - i - 1, a[i].key))
			continue;
		if (a[i].text != NULL)
			attribute_text(&o->line, a[i].key, a[i].text);
		else
			attribute_number(&o->line, a[i].key, a[i].number);
	}
	return end_span(o, s, start);
}

const char *
otlp_end(struct otlp *o, size_t *len)
{
	if (o->spans == 0 || o->line.failed)
		return NULL;
	TEXT_LITERAL(&o->line, LINE_END); /* there is room for it */
	*len = o->line.len;
	return o->line.data;
}
