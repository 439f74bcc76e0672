#include "json/members.h"

#include <string.h>

#include "json/json.h"

/* Behind the string that begins at p. */
static const char *
string_end(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\' && p + 1 < end)
			p++;
	return p < end ? p + 1 : end;
}

/* At the comma or the brace behind a member's value. */
static const char *
value_end(const char *p, const char *end)
{
	unsigned depth = 0;

	while (p < end) {
		switch (*p) {
		case '"':
			p = string_end(p, end);
			continue;
		case '{':
		case '[':
			depth++;
			break;
		case ',':
			if (depth == 0)
				return p;
			break;
		case '}':
		case ']':
			if (depth == 0)
				return p;
			depth--;
			break;
		}
		p++;
	}
	return end;
}

static struct json_slice
trim(struct json_slice s)
{
	for (; s.len > 0 && json_blank(s.data, 1); s.len--)
		s.data++;
	while (s.len > 0 && json_blank(s.data + s.len - 1, 1))
		s.len--;
	return s;
}

/* Which of the names this is, or n. */
static size_t
name_index(const char *quoted, size_t len, const char *const *names, size_t n)
{
	size_t i = 0;

	while (i < n && !json_string_is(quoted, len, names[i], strlen(names[i])))
		i++;
	return i;
}

void
members_find(const char *object, size_t len, const char *const *names, size_t n,
    struct json_slice *values, struct json_slice *last)
{
	const char *name, *p = object, *const end = object + len;

	memset(values, 0, n * sizeof(*values));
	memset(last, 0, sizeof(*last));
	while ((name = memchr(p, '"', (size_t)(end - p))) != NULL) {
		const char *name_end = string_end(name, end);
		size_t i = name_index(name, (size_t)(name_end - name), names, n);

		if ((p = memchr(name_end, ':', (size_t)(end - name_end))) == NULL)
			return;
		last->data = p + 1;
		p = value_end(p + 1, end);
		last->len = (size_t)(p - last->data);
		if (i < n)
			values[i] = trim(*last);
	}
}
