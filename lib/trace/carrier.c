#include "trace/carrier.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json/members.h"
#include "trace/glance.h"

/* A string that is decoded: each character can be an escape, \u0000. */
#define ESCAPED 6
#define RAW_MAX (ESCAPED * TRACESTATE_MAX + 2)

/* Both members, but for what is in their values. */
#define MEMBERS ",\"traceparent\":\"\",\"tracestate\":\"\""

/* Text that takes the place of `cut` bytes of the record. */
struct edit {
	const char *at;
	size_t cut;
	size_t len;
	char text[sizeof(MEMBERS) + CONTEXT_TEXT_SIZE + RAW_MAX];
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool
carrier_is_likely(const char *text, size_t len)
{
	return glance_for_names(text, text + len) != text + len;
}

/*
 * What a string says: in place if it has no escapes, else decoded.  False: the
 * value is no string, or it has escapes and is too long.
 */
static bool
decode(const struct json_slice *value, char buffer[RAW_MAX], struct json_slice *content)
{
	if (value->len < 2 || value->data[0] != '"')
		return false;
	*content = (struct json_slice){value->data + 1, value->len - 2};
	if (memchr(content->data, '\\', content->len) == NULL)
		return true;
	if (value->len > RAW_MAX)
		return false;
	*content = (struct json_slice){buffer, json_unquote(value->data, value->len, buffer)};
	return content->len != (size_t)-1;
}

/* Where another member goes: behind the last value, or the opening brace. */
static void
find_end(const char *text, size_t len, struct carrier *c)
{
	while (len > 0 && is_space(text[len - 1]))
		len--;
	len -= len > 0; /* the closing brace */
	while (len > 0 && is_space(text[len - 1]))
		len--;
	c->end = text + len;
	c->is_empty = len > 0 && text[len - 1] == '{';
}

void
carrier_read(const char *text, size_t len, struct carrier *c)
{
	static const char *const names[] = {"traceparent", "tracestate"};
	struct json_slice values[2] = {{NULL, 0}}, content, last;
	char buffer[RAW_MAX];
	size_t blank = 0;

	while (blank < len && is_space(text[blank]))
		blank++;
	c->is_object = blank < len && text[blank] == '{';
	find_end(text, len, c);
	if (carrier_is_likely(text, len))
		members_find(text, len, names, 2, values, &last);
	c->parent_value = values[0];
	c->state_value = values[1];
	c->state[0] = '\0';
	c->found = decode(&c->parent_value, buffer, &content) &&
	    context_read(content.data, content.len, &c->context);
	c->keeps_state = c->found && decode(&c->state_value, buffer, &content) &&
	    tracestate_is_valid(content.data, content.len);
	if (c->keeps_state && content.len <= TRACESTATE_MAX) {
		memcpy(c->state, content.data, content.len);
		c->state[content.len] = '\0';
	}
}

/* An edit that replaces this. */
static void
begin(struct edit *e, const struct json_slice *old)
{
	e->at = old->data;
	e->cut = old->len;
	e->len = 0;
}

static void
add(struct edit *e, const char *text, size_t len)
{
	memcpy(e->text + e->len, text, len);
	e->len += len;
}

#define ADD(edit, literal) add(edit, literal, sizeof(literal) - 1)

/* A valid tracestate as a JSON string: its only control character is a tab. */
static void
add_string(struct edit *e, const char *text)
{
	char *to = e->text + e->len;
	size_t plain;

	*to++ = '"';
	for (;; text++) {
		plain = strcspn(text, "\"\\\t");
		to = mempcpy(to, text, plain);
		text += plain;
		if (*text == '\0')
			break;
		if (*text == '\t')
			to = mempcpy(to, "\\u0009", ESCAPED);
		else {
			*to++ = '\\';
			*to++ = *text;
		}
	}
	*to++ = '"';
	e->len = (size_t)(to - e->text);
}

/* The text with the edits, which are in the order of their places. */
static size_t
splice(const char *text, size_t len, const struct edit *const *edits, size_t n, char *out)
{
	const char *from = text;
	char *to = out;

	for (size_t i = 0; i < n; i++) {
		to = mempcpy(to, from, (size_t)(edits[i]->at - from));
		to = mempcpy(to, edits[i]->text, edits[i]->len);
		from = edits[i]->at + edits[i]->cut;
	}
	to = mempcpy(to, from, (size_t)(text + len - from));
	*to = '\n';
	return (size_t)(to - out);
}

size_t
carrier_room(size_t len, const char *state)
{
	return len + sizeof(MEMBERS) + CONTEXT_TEXT_SIZE +
	    (state != NULL ? ESCAPED * strlen(state) : 0);
}

size_t
carrier_write(const struct carrier *c, const char *text, size_t len, const struct context *context,
    const char *state, char *out)
{
	struct edit parent, other;
	const struct edit *edits[2] = {&parent};
	size_t n = 1;
	char printed[CONTEXT_TEXT_SIZE];

	/* The traceparent, */
	begin(&parent, &c->parent_value);
	if (parent.at == NULL) {
		parent.at = c->end;
		if (!c->is_empty)
			ADD(&parent, ",");
		ADD(&parent, "\"traceparent\":");
	}
	context_print(context, printed);
	ADD(&parent, "\"");
	add(&parent, printed, sizeof(printed) - 1);
	ADD(&parent, "\"");
	/* the tracestate, if there is something to say, */
	if (c->state_value.data != NULL && (state != NULL || !c->keeps_state)) {
		begin(&other, &c->state_value);
		add_string(&other, state != NULL ? state : "");
		edits[n++] = &other;
	} else if (c->state_value.data == NULL && state != NULL && *state != '\0') {
		ADD(&parent, ",\"tracestate\":");
		add_string(&parent, state);
	}
	/* and both in the order in which they stand. */
	if (n == 2 && c->state_value.data < parent.at) {
		edits[0] = &other;
		edits[1] = &parent;
	}
	return splice(text, len, edits, n, out);
}
