#include "key.h"

#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "record/envelope.h"
#include "record/record.h"

/* Decodes a string.  Its first quote stays: the string "1" is not a number. */
static int
decode_string(struct key *key)
{
	char *text = malloc(key->len + 1);
	size_t len;

	if (text == NULL)
		return -1;
	text[0] = '"';
	len = json_unquote(key->data, key->len, text + 1);
	if (len == (size_t)-1) {
		free(text);
		return -1;
	}
	free(key->owned);
	key->owned = text;
	key->data = text;
	key->len = len + 1;
	return 0;
}

int
key_find(
    struct key *key, const struct json_path *path, const struct record *r, bool may_be_envelope)
{
	const char *data = r->data;
	struct json_slice found;
	size_t len = r->len;

	*key = (struct key){.data = ""};
	if (may_be_envelope && envelope_kind(data, len) == ENVELOPE_RETRY)
		(void)envelope_payload(r->data, r->len, &data, &len, &key->owned);
	if (!json_path_get(path, data, len, &found)) {
		key_forget(key);
		return -1;
	}
	key->data = found.data;
	key->len = found.len;
	if (*key->data != '"')
		return 0;
	if (memchr(key->data, '\\', key->len) != NULL)
		return decode_string(key);
	key->len--; /* its last quote */
	return 0;
}

void
key_forget(struct key *key)
{
	free(key->owned);
	*key = (struct key){.data = ""};
}
