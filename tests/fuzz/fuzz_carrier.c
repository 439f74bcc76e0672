/*
 * Carriers.  What carrier_write() makes of any JSON object is JSON, has the
 * context when it is read again, and differs from the object in nothing but the
 * values of the two members; jansson agrees.  In other texts nothing outside
 * the text is read.
 */

#include <stdio.h>

#include <jansson.h>

#include "fuzz.h"
#include "json/json.h"
#include "trace/carrier.h"

#define P "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static const struct context context = {.trace_id = {1}, .span_id = {2}, .flags = 3};

/* Takes the bytes out of the text, and what stands before them, too. */
static void
take_out(char *text, size_t *len, const char *from, size_t n, const char *before)
{
	size_t at = (size_t)(from - text), more = strlen(before);

	require(at >= more && at + n <= *len);
	require(memcmp(from - more, before, more) == 0);
	memmove(text + at - more, text + at + n, *len - at - n);
	*len -= n + more;
}

/*
 * Takes out both values, and of a member that is new all of it.  Those that are
 * further behind leave first.
 */
static void
strip(char *text, size_t *len, const struct carrier *c, bool new_parent, bool new_state, bool alone)
{
	const struct json_slice *p = &c->parent_value, *s = &c->state_value;
	const char *parent = !new_parent ? "" : alone ? "\"traceparent\":" : ",\"traceparent\":";
	const char *state = new_state ? ",\"tracestate\":" : "";

	if (s->data != NULL && s->data > p->data)
		take_out(text, len, s->data, s->len, state);
	if (p->data != NULL)
		take_out(text, len, p->data, p->len, parent);
	if (s->data != NULL && s->data < p->data)
		take_out(text, len, s->data, s->len, state);
}

/*
 * What jansson makes of both, if it can read them: it refuses high numbers, and
 * one that is replaced is gone.
 */
static void
compare(const char *text, size_t len, const char *out, size_t out_len, const struct carrier *now)
{
	json_t *a = json_loadb(text, len, JSON_ALLOW_NUL, NULL);
	json_t *b = json_loadb(out, out_len, JSON_ALLOW_NUL, NULL);
	char printed[CONTEXT_TEXT_SIZE];

	require(a == NULL || b != NULL);
	if (a != NULL) {
		context_print(&context, printed);
		json_object_set_new(a, "traceparent", json_string(printed));
		/* One that is too long to be read is the same, or not there. */
		if (now->state_value.data != NULL)
			json_object_set(a, "tracestate", json_object_get(b, "tracestate"));
		require(json_equal(a, b));
	}
	json_decref(a);
	json_decref(b);
}

static void
write_context(const struct carrier *c, const char *text, size_t len, const char *state)
{
	bool new_parent = c->parent_value.data == NULL;
	bool new_state = c->state_value.data == NULL;
	struct carrier now, old;
	size_t out_len, stripped_len = len;
	char *out, *stripped = malloc(len);

	require(stripped != NULL);
	out = malloc(carrier_room(len, state));
	require(out != NULL);
	out_len = carrier_write(c, text, len, &context, state, out);
	require(out[out_len] == '\n');
	require(json_check(out, out_len, NULL));
	require(carrier_is_likely(out, out_len));
	/* It says what it was told, */
	carrier_read(out, out_len, &now);
	require(now.is_object && now.found);
	require(memcmp(&now.context, &context, sizeof(context)) == 0);
	require(strcmp(now.state, state != NULL ? state : c->state) == 0);
	require(c->keeps_state || state != NULL || now.state[0] == '\0');
	require(
	    (now.state_value.data != NULL) == (!new_state || (state != NULL && *state != '\0')));
	compare(text, len, out, out_len, &now);
	/* and the rest is as before. */
	memcpy(stripped, text, len);
	carrier_read(stripped, len, &old);
	strip(stripped, &stripped_len, &old, false, false, false);
	strip(out, &out_len, &now, new_parent, new_state, c->is_empty);
	require(out_len == stripped_len && memcmp(out, stripped, out_len) == 0);
	free(stripped);
	free(out);
}

/* Here the text ends where its memory ends. */
static void
try(const char *text, size_t len)
{
	char *bare = malloc(len);
	struct carrier c;
	bool good, likely;

	require(bare != NULL || len == 0);
	if (len > 0)
		memcpy(bare, text, len);
	good = json_check(bare, len, NULL);
	likely = carrier_is_likely(bare, len);
	carrier_read(bare, len, &c);
	require(!c.keeps_state || c.found);
	require(c.keeps_state || c.state[0] == '\0');
	require(tracestate_is_valid(c.state, strlen(c.state)));
	if (good) {
		require(likely || c.parent_value.data == NULL);
		require(c.is_object || (!c.found && c.state_value.data == NULL));
	}
	if (good && c.is_object) {
		write_context(&c, bare, len, NULL);
		write_context(&c, bare, len, "");
		write_context(&c, bare, len, "a=\"\\,b@c=2");
	}
	free(bare);
}

/* Chance hardly finds the names, or a traceparent. */
static void
try_in(const char *before, const char *text, size_t len, const char *after)
{
	size_t head = strlen(before), tail = strlen(after);
	char *whole = malloc(head + len + tail + 1);

	require(whole != NULL);
	memcpy(whole, before, head);
	if (len > 0)
		memcpy(whole + head, text, len);
	memcpy(whole + head + len, after, tail);
	try(whole, head + len + tail);
	free(whole);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	try(text, size);
	try_in("{", text, size, "}");
	try_in("{\"traceparent\":", text, size, "}");
	try_in("{\"traceparent\":\"" P "\",", text, size, "}");
	try_in("{\"tracestate\":\"", text, size, "\",\"traceparent\":\"" P "\"}");
	try_in("{\"traceparent\":\"00-", text, size, "\",\"tracestate\":\"a=1\"}");
	return 0;
}
