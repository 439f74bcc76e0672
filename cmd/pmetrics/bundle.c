#include "bundle.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "json/json.h"
#include "json/members.h"

#define HEAD "{\"resourceSpans\":["
#define TAIL "]}"

/* Whose spans, as texts of the JSON. */
struct who {
	const char *stage, *tool, *pipeline;
};

/* The text of an attribute; NULL: it is not there. */
static const char *
attribute(const json_t *object, const char *key)
{
	const json_t *list = json_object_get(object, "attributes"), *entry;
	size_t i;

	json_array_foreach(list, i, entry)
	{
		const char *name = json_string_value(json_object_get(entry, "key"));

		if (name != NULL && strcmp(name, key) == 0)
			return json_string_value(
			    json_object_get(json_object_get(entry, "value"), "stringValue"));
	}
	return NULL;
}

static uint64_t
count_spans(const json_t *resource_spans, const json_t **first)
{
	const json_t *scopes = json_object_get(resource_spans, "scopeSpans"), *scope;
	uint64_t n = 0;
	size_t i;

	*first = NULL;
	json_array_foreach(scopes, i, scope)
	{
		const json_t *spans = json_object_get(scope, "spans");

		if (*first == NULL)
			*first = json_array_get(spans, 0);
		n += json_array_size(spans);
	}
	return n;
}

static const char *
either(const char *a, const char *b, const char *c)
{
	return a != NULL ? a : b != NULL ? b : c;
}

/*
 * A record's span has the stage as its destination; the run's is named "TOOL
 * STAGE", or "TOOL" where both are the same.
 */
static const char *
stage_of(const json_t *span, const char *tool)
{
	const char *stage = attribute(span, "messaging.destination.name");
	const char *name = json_string_value(json_object_get(span, "name"));
	size_t len = strlen(tool);

	if (stage != NULL || name == NULL || len == 0 || strncmp(name, tool, len) != 0)
		return stage;
	return name[len] == ' ' ? name + len + 1 : name[len] == '\0' ? name : NULL;
}

static struct who
find_who(const json_t *resource_spans, const json_t *span, const char *tool)
{
	const json_t *resource = json_object_get(resource_spans, "resource");

	return (struct who){
	    .stage = either(stage_of(span, tool), attribute(resource, "service.name"), ""),
	    .tool = tool,
	    .pipeline = either(attribute(resource, "service.namespace"), NULL, ""),
	};
}

static int
add_owner(struct bundle *b, size_t place, const struct who *who, uint64_t spans)
{
	struct bundle_owner *o;

	for (size_t i = 0; i < b->n; i++) {
		o = &b->owner[i];
		if (o->place == place && strcmp(o->stage, who->stage) == 0 &&
		    strcmp(o->tool, who->tool) == 0 && strcmp(o->pipeline, who->pipeline) == 0) {
			o->spans += spans;
			return 0;
		}
	}
	if ((o = reallocarray(b->owner, b->n + 1, sizeof(*o))) == NULL)
		return -1;
	b->owner = o;
	o = &b->owner[b->n];
	*o = (struct bundle_owner){.place = place,
	    .stage = strdup(who->stage),
	    .tool = strdup(who->tool),
	    .pipeline = strdup(who->pipeline),
	    .spans = spans};
	b->n++;
	return o->stage != NULL && o->tool != NULL && o->pipeline != NULL ? 0 : -1;
}

/* Adds bytes; there is always room for the tail.  -1 with errno. */
static int
append(struct bundle *b, const char *data, size_t len)
{
	size_t need = b->len + len + sizeof(TAIL);

	if (need > b->room) {
		char *text = realloc(b->text, 2 * need);

		if (text == NULL)
			return -1;
		b->text = text;
		b->room = 2 * need;
	}
	memcpy(b->text + b->len, data, len);
	b->len += len;
	return 0;
}

/* The elements of resourceSpans, as they stand in the line. */
static int
append_elements(struct bundle *b, const char *line, size_t len)
{
	static const char *const name = "resourceSpans";
	struct json_slice array, last;

	members_find(line, len, &name, 1, &array, &last);
	if (append(b, b->len == 0 ? HEAD : ",", b->len == 0 ? strlen(HEAD) : 1) == -1)
		return -1;
	return append(b, array.data + 1, array.len - 2); /* without brackets */
}

/* The list of a line, and *line_json to be freed; NULL: it has none. */
static json_t *
load(const char *line, size_t len, json_t **line_json)
{
	json_t *list;

	*line_json = json_loadb(line, len, JSON_ALLOW_NUL, NULL);
	list = json_object_get(*line_json, "resourceSpans");
	if (json_is_array(list))
		return list;
	json_decref(*line_json);
	return NULL;
}

enum bundle_added
bundle_add(struct bundle *b, const char *line, size_t len, size_t place, const char *tool)
{
	json_t *json, *list, *entry;
	uint64_t spans = 0;
	int error = 0;
	size_t i;

	if (b->len > 0 && b->len + len > BUNDLE_MOST)
		return BUNDLE_FULL;
	if (json_blank(line, len))
		return BUNDLE_ADDED;
	if ((list = load(line, len, &json)) == NULL)
		return BUNDLE_BROKEN;
	json_array_foreach(list, i, entry)
	{
		const json_t *first;
		uint64_t n = count_spans(entry, &first);
		struct who who = find_who(entry, first, tool);

		spans += n;
		if (n > 0 && error == 0)
			error = add_owner(b, place, &who, n);
	}
	if (spans > 0 && error == 0)
		error = append_elements(b, line, len);
	json_decref(json);
	b->spans += spans;
	return error == 0 ? BUNDLE_ADDED : BUNDLE_ERROR;
}

const char *
bundle_text(struct bundle *b, size_t *len)
{
	memcpy(b->text + b->len, TAIL, sizeof(TAIL));
	*len = b->len + strlen(TAIL);
	return b->text;
}

void
bundle_free(struct bundle *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->owner[i].stage);
		free(b->owner[i].tool);
		free(b->owner[i].pipeline);
	}
	free(b->owner);
	free(b->text);
	*b = (struct bundle){0};
}

uint64_t
bundle_count(const char *line, size_t len)
{
	json_t *json, *list = load(line, len, &json), *entry;
	uint64_t n = 0;
	size_t i;

	if (list == NULL)
		return 0;
	json_array_foreach(list, i, entry)
	{
		const json_t *first;

		n += count_spans(entry, &first);
	}
	json_decref(json);
	return n;
}
