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
