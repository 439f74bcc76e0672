/* Following a key path, and a look at an object's first member. */

#include "json/json.h"
#include "json/object.h"
#include "json/path.h"

#define BLOCK 18 /* what names16() reads */

/*
 * Whether one of the places in `found`, from p on, has the name in quotes, or
 * an escape that may be part of it.
 */
static bool
is_name(const struct path_step *step, const byte *p, const byte *end, unsigned found)
{
	const size_t len = step->len;

	for (; found != 0; found &= found - 1) {
		const byte *at = p + __builtin_ctz(found);

		if (*at == '\\')
			return true;
		if ((size_t)(end - at) > len + 1 && at[len + 1] == '"' &&
		    memcmp(at + 1, step->name, len) == 0)
			return true;
	}
	return false;
}

/*
 * Whether the rest of a text may have another member of that name, as it stands
 * or with an escape.  To look for the name is far quicker than to go through
 * the members.
 */
static bool
may_come_again(const struct path_step *step, const byte *p, const byte *end)
{
	const size_t len = step->len;
	byte name[3] = {'"'}, copy[BLOCK] = {0};
	unsigned found;

	if (!step->plain || len == 0)
		return true;
	name[1] = (byte)step->name[0];
	name[2] = len > 1 ? (byte)step->name[1] : '"';
	if (end - p < BLOCK) {
		memcpy(copy, p, (size_t)(end - p));
		return (found = names16(copy, name)) != 0 && is_name(step, p, end, found);
	}
	for (; end - p > BLOCK; p += 16) {
		found = names16(p, name);
		if (unlikely(found != 0) && is_name(step, p, end, found))
			return true;
	}
	/* The last block may overlap the one before. */
	p = end - BLOCK;
	return (found = names16(p, name)) != 0 && is_name(step, p, end, found);
}

/*
 * Whether the first member has this name, with no space around it: where the
 * key mostly is, and where no more of the text needs a look.
 */
INLINE bool
is_first(const struct path_step *step, const struct span *text, struct span *value)
{
	const byte *p = text->start + 1, *end = text->end;
	const size_t len = step->len;
	struct lookahead w = {0};

	if (!step->plain || (size_t)(end - p) <= len + 3 || *p != '"' || p[len + 1] != '"' ||
	    p[len + 2] != ':' || memcmp(p + 1, step->name, len) != 0)
		return false;
	p = skip_space(p + len + 3, end);
	if (p < end && (*p == '"' || *p == '{' || *p == '['))
		w = lookahead_seek(text, lookahead_at(text, text->start), p);
	*value = (struct span){p, skip_value(text, &w, p)};
	return value->end != NULL;
}

/* The last member of that name in an object. */
OUTLINE bool
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

OUTLINE bool
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
		if (step->name == NULL) {
			if (!find_element(step, &in, &found))
				return false;
		} else if ((!is_first(step, &in, &found) ||
			       may_come_again(step, found.end, in.end)) &&
		    !find_member(step, &in, &found))
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
