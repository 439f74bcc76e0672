#include "trace/attribute.h"

#include "base/hex.h"
#include "json/text.h"

static void
begin_attribute(struct text *t, const char *key)
{
	if (t->len > 0 && t->data[t->len - 1] != '[')
		TEXT_LITERAL(t, ",");
	TEXT_LITERAL(t, "{\"key\":");
	text_string(t, key);
	TEXT_LITERAL(t, ",\"value\":{\"");
}

void
attribute_text(struct text *t, const char *key, const char *value)
{
	begin_attribute(t, key);
	TEXT_LITERAL(t, "stringValue\":");
	text_string(t, value);
	TEXT_LITERAL(t, "}}");
}

void
attribute_number(struct text *t, const char *key, uint64_t value)
{
	begin_attribute(t, key);
	TEXT_LITERAL(t, "intValue\":\"");
	text_number(t, value <= INT64_MAX ? value : INT64_MAX);
	TEXT_LITERAL(t, "\"}}");
}

void
attribute_hex(struct text *t, const unsigned char *id, size_t n)
{
	char *at = text_room(t, 2 * n + 1);

	if (at == NULL)
		return;
	hex_print(id, n, at);
	t->len += 2 * n;
}
