/* Values at a key path, for comparison. */

#include "json/key.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* Decodes a string.  Its first quote stays: the string "1" is not a number. */
static int
decode_string(struct json_key *key)
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
	*key = (struct json_key){.data = text, .len = len + 1, .owned = text};
	return 0;
}

int
json_key_find(struct json_key *key, const struct json_path *path, const char *text, size_t len)
{
	struct json_slice found;

	*key = (struct json_key){.data = ""};
	if (!json_path_get(path, text, len, &found))
		return -1;
	*key = (struct json_key){.data = found.data, .len = found.len};
	if (*key->data != '"')
		return 0;
	if (memchr(key->data, '\\', key->len) != NULL)
		return decode_string(key);
	key->len--; /* its last quote */
	return 0;
}

bool
json_key_equal(const struct json_key *a, const struct json_key *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

uint64_t
json_key_hash(const struct json_key *key)
{
	return hash_bytes(key->data, key->len);
}

void
json_key_forget(struct json_key *key)
{
	free(key->owned);
	*key = (struct json_key){.data = ""};
}
