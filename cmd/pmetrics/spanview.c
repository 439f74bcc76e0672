#include "spanview.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is wrong with a line. */
static _Thread_local char wrong[JSON_ERROR_TEXT_LENGTH + 32];

static const unsigned char no_id[CONTEXT_TRACE_ID];

bool
spanview_has_parent(const struct spanview *v)
{
	return memcmp(v->parent, no_id, sizeof(v->parent)) != 0;
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* OTLP's ids may have upper case digits.  False: it is none, or zero. */
static bool
read_id(const json_t *object, const char *key, unsigned char *id, size_t n)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (text == NULL || strlen(text) != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high == -1 || low == -1)
			return false;
		id[i] = (unsigned char)(high << 4 | low);
	}
	return memcmp(id, no_id, n) != 0;
}

/* A 64-bit integer is a string of digits, but may be a number.  -1: neither. */
static int64_t
integer(const json_t *value)
{
	const char *text = json_string_value(value);
	char *end;
	long long n;

	if (json_is_integer(value))
		return json_integer_value(value);
	if (text == NULL || *text == '\0')
		return -1;
	errno = 0;
	n = strtoll(text, &end, 10);
	return *end == '\0' && errno == 0 ? n : -1;
}

bool
spanview_time(const json_t *object, const char *key, int64_t *ns)
{
	*ns = integer(json_object_get(object, key));
	return *ns > 0;
}

/* The value of an attribute; NULL: there is none. */
static const json_t *
attribute(const json_t *object, const char *key)
{
	const json_t *list = json_object_get(object, "attributes"), *a;
	const char *name;
	size_t i;

	for (i = 0; (a = json_array_get(list, i)) != NULL; i++)
		if ((name = json_string_value(json_object_get(a, "key"))) != NULL &&
		    strcmp(name, key) == 0)
			return json_object_get(a, "value");
	return NULL;
}

static const char *
or_empty(const char *text)
{
	return text != NULL ? text : "";
}

const char *
spanview_text(const json_t *object, const char *key)
{
	return or_empty(json_string_value(json_object_get(attribute(object, key), "stringValue")));
}

uint64_t
spanview_number(const json_t *object, const char *key)
{
	int64_t n = integer(json_object_get(attribute(object, key), "intValue"));

	return n > 0 ? (uint64_t)n : 0;
}

/* An AnyValue as plain JSON: a new reference. */
static json_t *
plain(json_t *value)
{
	json_t *v;

	if ((v = json_object_get(value, "intValue")) != NULL && json_is_string(v))
		return json_integer(integer(v));
	if ((v = json_object_get(value, "arrayValue")) != NULL) {
		json_t *list = json_array(), *item;
		size_t i;

		for (i = 0; (item = json_array_get(json_object_get(v, "values"), i)) != NULL; i++)
			json_array_append_new(list, plain(item));
		return list;
	}
	/* The one member that there is: stringValue, boolValue, ... */
	v = json_object_iter_value(json_object_iter(value));
	return v != NULL ? json_incref(v) : json_null();
}

json_t *
spanview_attributes(const json_t *object)
{
	const json_t *list = json_object_get(object, "attributes"), *a;
	json_t *all = json_object();
	const char *name;
	size_t i;

	for (i = 0; (a = json_array_get(list, i)) != NULL; i++)
		if ((name = json_string_value(json_object_get(a, "key"))) != NULL)
			json_object_set_new(all, name, plain(json_object_get(a, "value")));
	return all;
}

void
spanview_keep(struct spanview *v)
{
	json_incref(v->json);
	json_incref(v->resource);
}

void
spanview_release(struct spanview *v)
{
	json_decref(v->json);
	json_decref(v->resource);
}

/* An enum is an integer; some write its name. */
static bool
is_error(const json_t *status)
{
	const json_t *code = json_object_get(status, "code");
	const char *name = json_string_value(code);

	return json_integer_value(code) == 2 ||
	    (name != NULL && strcmp(name, "STATUS_CODE_ERROR") == 0);
}

/* What only spans of stages have. */
static void
view_ours(struct spanview *v)
{
	const char *stage = spanview_text(v->json, "messaging.destination.name");
	const char *blank = strchr(v->name, ' ');

	v->kind = *stage != '\0' ? SPANVIEW_RECORD : SPANVIEW_RUN;
	/* A run is called "TOOL STAGE", or both in one word. */
	v->stage = *stage != '\0' ? stage : blank != NULL ? blank + 1 : v->name;
	v->result = spanview_text(v->json, "pchan.result");
	v->input = spanview_text(v->json, "pchan.input");
	v->line = spanview_number(v->json, "pchan.line");
}

/* NULL; or what is wrong with the span. */
static const char *
view(struct spanview *v, json_t *span, json_t *resource, bool ours)
{
	const json_t *status = json_object_get(span, "status");

	*v = (struct spanview){.kind = SPANVIEW_FOREIGN, .json = span, .resource = resource};
	if (!read_id(span, "traceId", v->trace_id, sizeof(v->trace_id)))
		return "a span without a valid traceId";
	if (!read_id(span, "spanId", v->span_id, sizeof(v->span_id)))
		return "a span without a valid spanId";
	if (!read_id(span, "parentSpanId", v->parent, sizeof(v->parent)))
		memset(v->parent, 0, sizeof(v->parent));
	if (!spanview_time(span, "startTimeUnixNano", &v->begun))
		return "a span without a valid startTimeUnixNano";
	if (!spanview_time(span, "endTimeUnixNano", &v->ended) || v->ended < v->begun)
		v->ended = v->begun;
	v->failed = is_error(status);
	v->message = or_empty(json_string_value(json_object_get(status, "message")));
	v->name = or_empty(json_string_value(json_object_get(span, "name")));
	v->service = spanview_text(resource, "service.name");
	v->stage = v->service;
	v->reason = spanview_text(span, "error.type");
	v->result = v->input = "";
	if (ours)
		view_ours(v);
	return NULL;
}

/* -1: *why, or errno. */
static int
view_scope(json_t *scope, json_t *resource, spanview_fn *fn, void *arg, const char **why)
{
	const char *name =
	    json_string_value(json_object_get(json_object_get(scope, "scope"), "name"));
	const bool ours = name != NULL && strcmp(name, "pchan") == 0;
	struct spanview v;
	json_t *span;
	size_t i;

	for (i = 0; (span = json_array_get(json_object_get(scope, "spans"), i)) != NULL; i++) {
		const char *bad = view(&v, span, resource, ours);

		if (bad != NULL)
			*why = bad; /* and go on with the others */
		else if (fn(&v, arg) == -1) {
			*why = NULL;
			return -1;
		}
	}
	return *why != NULL ? -1 : 0;
}

static int
view_all(const json_t *root, spanview_fn *fn, void *arg, const char **why)
{
	json_t *of_resource, *scope;
	size_t i, k;
	int result = 0;

	for (i = 0;
	     (of_resource = json_array_get(json_object_get(root, "resourceSpans"), i)) != NULL;
	     i++) {
		json_t *resource = json_object_get(of_resource, "resource");

		for (k = 0; (scope = json_array_get(
				 json_object_get(of_resource, "scopeSpans"), k)) != NULL;
		     k++) {
			if (view_scope(scope, resource, fn, arg, why) == -1)
				result = -1;
			if (result == -1 && *why == NULL)
				return -1;
		}
	}
	return result;
}

static bool
is_otlp(const json_t *root)
{
	return json_is_object(root) &&
	    (json_object_size(root) == 0 || json_is_array(json_object_get(root, "resourceSpans")) ||
		json_is_array(json_object_get(root, "resourceMetrics")) ||
		json_is_array(json_object_get(root, "resourceLogs")));
}

int
spanview_line(const char *text, size_t len, spanview_fn *fn, void *arg, const char **why)
{
	json_error_t error;
	json_t *root = json_loadb(text, len, JSON_ALLOW_NUL, &error);
	int result = -1, saved;

	*why = NULL;
	if (root == NULL) {
		if (json_error_code(&error) == json_error_out_of_memory) {
			errno = ENOMEM;
			return -1;
		}
		snprintf(wrong, sizeof(wrong), "%s at byte %d", error.text, error.position);
		*why = wrong;
	} else if (!is_otlp(root))
		*why = "no resourceSpans";
	else
		result = view_all(root, fn, arg, why);
	saved = errno;
	json_decref(root);
	errno = saved;
	return result;
}
