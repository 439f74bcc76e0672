/*
 * Following a key path.  Nothing is checked that need not be: strings are passed over by the
 * window (lookahead.h), arrays and objects by counting brackets.  A skip function takes
 * the place where it begins and returns the place after what it passed over,
 * or NULL where the text is too broken to go on.
 */

#include <string.h>

#include "json/json.h"
#include "json/path.h"
#include "json/lookahead.h"

INLINE const byte *
skip_space(const byte *p, const byte *end)
{
	while (p < end && *p <= ' ' && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* p is at the opening quote.  *escaped is set if there is a backslash in the string. */
INLINE const byte *
skip_string(const struct span *text, struct lookahead *window, const byte *p, bool *escaped)
{
	struct lookahead w = lookahead_refill(text, *window);

	if (unlikely(
		lookahead_stop(w) != p)) /* what is no JSON can have stops outside of strings */
		w = lookahead_seek(text, w, p);
	w = lookahead_next(w);
	for (;;) {
		w = lookahead_refill(text, w);
		if (unlikely(w.stops == 0))
			return NULL;
		p = lookahead_stop(w);
		if (likely(*p == '"'))
			break;
		if (*p == '\\') {
			*escaped = true;
			if (text->end - p < 2)
				return NULL;
			w = lookahead_seek(text, w, p + 2);
		} else
			w = lookahead_next(w);
	}
	*window = lookahead_next(w);
	return p + 1;
}

static const byte *
find_bracket(const byte *p, const byte *end)
{
	for (; end - p >= 16; p += 16) {
		unsigned found = brackets16(p);

		if (found != 0)
			return p + __builtin_ctz(found);
	}
	while (p < end && *p != '"' && (*p | 0x20) != '{' && (*p | 0x20) != '}')
		p++;
	return p;
}

/* p is at an opening bracket. */
static const byte *
skip_nested(const struct span *text, struct lookahead *w, const byte *p)
{
	size_t depth = 0;
	bool escaped;

	do {
		p = find_bracket(p, text->end);
		if (p == text->end)
			return NULL;
		if (*p == '"') {
			if ((p = skip_string(text, w, p, &escaped)) == NULL)
				return NULL;
			continue;
		}
		if (*p == '{' || *p == '[')
			depth++;
		else
			depth--;
		p++;
	} while (depth > 0);
	return p;
}

/* A number or a word, or anything else up to where one ends. */
static const byte *
skip_scalar(const byte *p, const byte *end)
{
	const byte *start = p;

	while (p<end && * p> ' ' && *p != ',' && *p != ']' && *p != '}')
		p++;
	return p > start ? p : NULL;
}

INLINE const byte *
skip_value(const struct span *text, struct lookahead *w, const byte *p)
{
	bool escaped;

	if (p == text->end)
		return NULL;
	if (*p == '"')
		return skip_string(text, w, p, &escaped);
	if (*p == '{' || *p == '[') {
		struct lookahead copy = *w;

		p = skip_nested(text, &copy, p);
		*w = copy;
		return p;
	}
	return skip_scalar(p, text->end);
}

/* escaped: the name has to be decoded to be compared. */
static inline bool
is_named(const struct step *step, const byte *p, const byte *after, bool escaped)
{
	size_t len = (size_t)(after - p);

	if (escaped)
		return json_string_is((const char *)p, len, step->name, step->len);
	return len == step->len + 2 && memcmp(p + 1, step->name, step->len) == 0;
}

/* The last member of that name in an object. */
static bool
member(const struct step *step, const struct span *text, struct span *value)
{
	const byte *p = text->start, *end = text->end;
	struct lookahead w = lookahead_at(text, p);
	bool found = false;

	do {
		bool escaped = false;
		const byte *name = skip_space(p + 1, end);
		const byte *after;

		if (name == end || *name != '"')
			break;
		if ((after = skip_string(text, &w, name, &escaped)) == NULL)
			break;
		p = skip_space(after, end);
		if (p == end || *p != ':')
			break;
		const byte *start = skip_space(p + 1, end);
		if ((p = skip_value(text, &w, start)) == NULL)
			break;
		if (is_named(step, name, after, escaped)) {
			*value = (struct span){start, p};
			found = true;
		}
		p = skip_space(p, end);
	} while (p < end && *p == ',');
	return found;
}

static bool
element(const struct step *step, const struct span *text, struct span *value)
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

static struct span
trim(const char *text, size_t len)
{
	const byte *start = (const byte *)text, *end = start + len;

	start = skip_space(start, end);
	while (end > start && skip_space(end - 1, end) == end)
		end--;
	return (struct span){start, end};
}

bool
json_path_get(const struct json_path *path, const char *text, size_t len, struct json_slice *value)
{
	struct span found = trim(text, len);

	if (found.start == found.end)
		return false;
	for (size_t i = 0; i < path->nsteps; i++) {
		const struct step *step = &path->steps[i];
		struct span in = found;

		if (*in.start != (step->name != NULL ? '{' : '['))
			return false;
		if (step->name != NULL ? !member(step, &in, &found) : !element(step, &in, &found))
			return false;
	}
	*value = (struct json_slice){(const char *)found.start, (size_t)(found.end - found.start)};
	return true;
}

/* A string at p that is this text, which is passed over; a filter may have put \/ for a slash. */
static const byte *
literal(const byte *p, const byte *end, const char *text)
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
	p = literal(skip_space(p + 1, end), end, name);
	if (p == NULL)
		return false;
	p = skip_space(p, end);
	return p < end && *p == ':' && literal(skip_space(p + 1, end), end, value) != NULL;
}
