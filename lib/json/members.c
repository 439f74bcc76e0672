#include "json/members.h"

#include <string.h>

#include "json/object.h"

void
members_find(const char *text, size_t len, const char *const *names, size_t n,
    struct json_slice *values, struct json_slice *last)
{
	struct span object = span_trim(text, len);
	struct object_iter it;
	struct object_member m;

	memset(values, 0, n * sizeof(*values));
	memset(last, 0, sizeof(*last));
	if (object.start == object.end || *object.start != '{')
		return;
	it = object_begin(&object);
	while (object_next(&it, &m)) {
		*last = span_slice(m.field);
		for (size_t i = 0; i < n; i++)
			if (object_is_named(&m, names[i], strlen(names[i])))
				values[i] = span_slice(m.value);
	}
}

long
members_begin(const char *text, size_t len, bool *empty)
{
	size_t at = 0, next;

	while (at < len && json_blank(text + at, 1))
		at++;
	if (at == len || text[at] != '{')
		return -1;
	for (next = at + 1; next < len && json_blank(text + next, 1); next++)
		continue;
	*empty = next < len && text[next] == '}';
	return (long)at + 1;
}
