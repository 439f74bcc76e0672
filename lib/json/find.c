/* Following a key path, and a look at an object's first member. */

#include "json/json.h"
#include "json/object.h"
#include "json/path.h"

/*
 * The first place from p on where one byte stands, and another one at this
 * distance after it; NULL: there is none.
 */
static const byte *
find_pair(const byte *p, const byte *end, byte first, byte second, size_t distance)
{
	unsigned found;

	for (; (size_t)(end - p) >= 16 + distance; p += 16)
		if ((found = equal16(p, first) & equal16(p + distance, second)) != 0)
			return p + __builtin_ctz(found);
	for (; (size_t)(end - p) > distance; p++)
		if (*p == first && p[distance] == second)
			return p;
	return NULL;
}

/*
 * Whether the rest of a text may have another member of that name.  To look for
 * the name is far quicker than to go through the members.
 */
static bool
may_come_again(const struct path_step *step, const byte *p, const byte *end)
{
	const size_t left = (size_t)(end - p), len = step->len;

	/* Few texts have a backslash at all. */
	if (!step->plain ||
	    (memchr(p, '\\', left) != NULL && find_pair(p, end, '\\', 'u', 1) != NULL))
		return true;
	/* The quote and the first letter, or the other quote, are rare. */
	for (; (p = find_pair(p, end, '"', len > 0 ? (byte)*step->name : '"', 1)) != NULL; p++)
		if ((size_t)(end - p) > len + 1 && p[len + 1] == '"' &&
		    memcmp(p + 1, step->name, len) == 0)
			return true;
	return false;
}

/* The last member of that name in an object. */
static bool
find_member(const struct path_step *step, const struct span *text, struct span *value)
{
	struct object_iter it = object_begin(text);
	struct object_member m;
	bool found = false;

	while (object_next(&it, &m)) {
		if (!object_is_named(&m, step->name, step->len))
			continue;
		*value = m.value;
		if (!may_come_again(step, m.value.end, text->end))
			return true;
		found = true;
	}
	return found;
}

static bool
find_element(const struct path_step *step, const struct span *text, struct span *value)
{
	const byte *p = text->start, *end = text->end;
	struct lookahead w = lookahead_at(text, p);

	for (size_t i = 0;; i++) {
		const byte *start = skip_space(p + 1, end);

		if ((p = skip_value(text, &w, start)) == NULL)
			return false;
		if (i == step->index) {
			*value = (struct span){start, p};
			return true;
		}
		p = skip_space(p, end);
		if (p == end || *p != ',')
			return false;
	}
}

bool
json_path_get(const struct json_path *path, const char *text, size_t len, struct json_slice *value)
{
	struct span found = span_trim(text, len);

	if (found.start == found.end)
		return false;
	for (size_t i = 0; i < path->nsteps; i++) {
		const struct path_step *step = &path->steps[i];
		struct span in = found;

		if (*in.start != (step->name != NULL ? '{' : '['))
			return false;
		if (step->name != NULL ? !find_member(step, &in, &found)
				       : !find_element(step, &in, &found))
			return false;
	}
	*value = span_slice(found);
	return true;
}

/*
 * Skips the string at p, which must be this text; NULL if it is not.  A filter
 * upstream may have written \/ for a slash.
 */
static const byte *
skip_literal(const byte *p, const byte *end, const char *text)
{
	if (p == end || *p != '"')
		return NULL;
	for (p++; p < end && *text != '\0'; p++, text++) {
		if (*text == '/' && *p == '\\' && p + 1 < end)
			p++;
		if (*p != (byte)*text)
			return NULL;
	}
	return p < end && *p == '"' ? p + 1 : NULL;
}

bool
json_first_member(const char *text, size_t len, const char *name, const char *value)
{
	const byte *end = (const byte *)text + len;
	const byte *p = skip_space((const byte *)text, end);

	if (p == end || *p != '{')
		return false;
	p = skip_literal(skip_space(p + 1, end), end, name);
	if (p == NULL)
		return false;
	p = skip_space(p, end);
	return p < end && *p == ':' && skip_literal(skip_space(p + 1, end), end, value) != NULL;
}
