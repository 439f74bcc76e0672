#include "meta.h"

#include <stdlib.h>
#include <string.h>

static void
write_key(struct text *t, const char *key, size_t len)
{
	char *copy = malloc(len + 1);

	if (copy == NULL) {
		t->failed = true;
		return;
	}
	for (size_t i = 0; i < len; i++)
		copy[i] = key[i] != '\0' ? key[i] : (char)0xff;
	copy[len] = '\0';
	text_string(t, copy);
	free(copy);
}

void
meta_write(struct text *t, const char *name, const struct meta *m)
{
	t->len = 0;
	text_string(t, name);
	TEXT_LITERAL(t, ":{\"topic\":");
	text_string(t, m->topic);
	TEXT_LITERAL(t, ",\"partition\":");
	text_number(t, (uint64_t)m->partition);
	TEXT_LITERAL(t, ",\"offset\":");
	text_number(t, (uint64_t)m->offset);
	TEXT_LITERAL(t, ",\"timestamp\":");
	if (m->timestamp >= 0)
		text_number(t, (uint64_t)m->timestamp);
	else
		TEXT_LITERAL(t, "null");
	TEXT_LITERAL(t, ",\"key\":");
	if (m->key != NULL)
		write_key(t, m->key, m->key_len);
	else
		TEXT_LITERAL(t, "null");
	if (m->tombstone)
		TEXT_LITERAL(t, ",\"tombstone\":true");
	TEXT_LITERAL(t, "}");
	text_bytes(t, "", 1);
}
