#include "entry.h"

#include <string.h>

static struct json_slice
slice_of(const redisReply *r)
{
	return (struct json_slice){.data = r->str, .len = r->len};
}

static bool
is_named(const redisReply *r, const char *name)
{
	return r->len == strlen(name) && memcmp(r->str, name, r->len) == 0;
}

struct json_slice
entry_record(const redisReply *fields, const char *field, struct text *scratch)
{
	redisReply *const *f = fields->element;
	size_t n = fields->elements;

	for (size_t i = 0; i + 1 < n; i += 2)
		if (is_named(f[i], field))
			return slice_of(f[i + 1]);
	if (n == 2)
		return slice_of(f[1]);
	scratch->len = 0;
	for (size_t i = 0; i + 1 < n; i += 2) {
		text_raw(scratch, i == 0 ? "{" : ",");
		text_chars(scratch, f[i]->str, f[i]->len);
		TEXT_LITERAL(scratch, ":");
		text_chars(scratch, f[i + 1]->str, f[i + 1]->len);
	}
	TEXT_LITERAL(scratch, "}");
	return (struct json_slice){.data = scratch->data, .len = scratch->len};
}

void
entry_member(struct text *t, const char *name, const char *stream, const char *id)
{
	t->len = 0;
	text_string(t, name);
	TEXT_LITERAL(t, ":{\"stream\":");
	text_string(t, stream);
	TEXT_LITERAL(t, ",\"id\":");
	text_string(t, id);
	text_bytes(t, "}", 2); /* with its NUL */
}
