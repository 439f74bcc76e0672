/* The parts of the object iterator that are too long to be inlined. */

#include "json/object.h"

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

const byte *
object_skip_nested(const struct span *text, struct lookahead *w, const byte *p)
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

const byte *
object_skip_scalar(const byte *p, const byte *end)
{
	const byte *start = p;

	/* Mostly digits: up to 16 of them take one look. */
	if (end - p >= 16)
		p += __builtin_ctz(nondigits16(p) | 1u << 16);
	for (; p < end; p++)
		if (*p <= ' ' || *p == ',' || *p == ']' || *p == '}')
			break;
	return p > start ? p : NULL;
}
