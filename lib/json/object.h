#ifndef PCHAN_JSON_OBJECT_H
#define PCHAN_JSON_OBJECT_H

/*
 * The members of a JSON object one after the other, and the skip functions that
 * the iterator is made of.  Private to lib/json.
 *
 *	struct object_iter it = object_begin(&text);
 *	struct object_member m;
 *
 *	while (object_next(&it, &m))
 *		...
 *
 * The text is not checked.  Strings are skipped by the window (lookahead.h),
 * arrays and objects by counting brackets.  In a text that is not JSON the
 * iterator may find anything, but nothing outside the text is read.
 *
 * A skip function takes the place where something begins and returns the place
 * after it, or NULL where the text is too broken to go on.  What runs for every
 * member is inlined, so that the window stays in registers.
 *
 * Any thread; nothing blocks, allocates or sets errno.
 */

#include <string.h>

#include "json/json.h"
#include "json/lookahead.h"

struct object_iter {
	const struct span *text;
	struct lookahead window;
	/*
	 * At the opening brace or at a comma; the text's end after the last
	 * member.
	 */
	const byte *p;
};

struct object_member {
	struct span name; /* with its quotes */
	bool escaped;     /* the name must be decoded before it is compared */
	struct span value;
	/*
	 * All between the colon and the comma or brace: the value and its white
	 * space.
	 */
	struct span field;
};

/* p is at an opening bracket. */
const byte *object_skip_nested(const struct span *text, struct lookahead *, const byte *p);

/*
 * Skips a number or a word; where the text is not JSON, anything up to a
 * separator.
 */
const byte *object_skip_scalar(const byte *p, const byte *end);

INLINE const byte *
skip_space(const byte *p, const byte *end)
{
	while (p < end && *p <= ' ' && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* p is at the opening quote.  *escaped is set if the string has a backslash. */
INLINE const byte *
skip_string(const struct span *text, struct lookahead *window, const byte *p, bool *escaped)
{
	struct lookahead w = lookahead_refill(text, *window);

	/* Outside strings a text that is not JSON can have stops of its own. */
	if (unlikely(lookahead_stop(w) != p))
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

INLINE const byte *
skip_value(const struct span *text, struct lookahead *w, const byte *p)
{
	bool escaped;

	if (p == text->end)
		return NULL;
	if (*p == '"')
		return skip_string(text, w, p, &escaped);
	if (*p == '{' || *p == '[') {
		/* A copy, so that the window itself can stay in registers. */
		struct lookahead copy = *w;

		p = object_skip_nested(text, &copy, p);
		*w = copy;
		return p;
	}
	return object_skip_scalar(p, text->end);
}

/*
 * text begins with a brace, and must stay in place while the iterator is used.
 */
INLINE struct object_iter
object_begin(const struct span *text)
{
	return (struct object_iter){text, lookahead_at(text, text->start), text->start};
}

/*
 * The next member.  False after the last one, or where the text is too broken
 * to go on.
 */
INLINE bool
object_next(struct object_iter *it, struct object_member *m)
{
	const struct span *text = it->text;
	const byte *p = it->p, *end = text->end;

	if (p == end)
		return false;
	/* The name, */
	m->escaped = false;
	m->name.start = skip_space(p + 1, end);
	if (m->name.start == end || *m->name.start != '"')
		return false;
	m->name.end = skip_string(text, &it->window, m->name.start, &m->escaped);
	if (m->name.end == NULL)
		return false;
	/* the colon, */
	p = skip_space(m->name.end, end);
	if (p == end || *p != ':')
		return false;
	/* the value, */
	m->field.start = p + 1;
	m->value.start = skip_space(p + 1, end);
	m->value.end = skip_value(text, &it->window, m->value.start);
	if (m->value.end == NULL)
		return false;
	/* and what follows: a comma if there are more. */
	p = skip_space(m->value.end, end);
	m->field.end = p;
	it->p = p < end && *p == ',' ? p : end;
	return true;
}

/* Whether this is the member's name.  Names are compared after unescaping. */
INLINE bool
object_is_named(const struct object_member *m, const char *name, size_t name_len)
{
	size_t len = (size_t)(m->name.end - m->name.start);

	if (m->escaped)
		return json_string_is((const char *)m->name.start, len, name, name_len);
	return len == name_len + 2 && memcmp(m->name.start + 1, name, name_len) == 0;
}

/*
 * The text without white space around it; empty (start == end) if it has
 * nothing else.
 */
INLINE struct span
span_trim(const char *text, size_t len)
{
	const byte *start = (const byte *)text, *end = start + len;

	start = skip_space(start, end);
	while (end > start && skip_space(end - 1, end) == end)
		end--;
	return (struct span){start, end};
}

INLINE struct json_slice
span_slice(struct span s)
{
	return (struct json_slice){(const char *)s.start, (size_t)(s.end - s.start)};
}

#endif
