#include "key.h"

#include <stdlib.h>

#include "record/record.h"
#include "record/unwrap.h"

int
key_find(
    struct key *key, const struct json_path *path, const struct record *r, bool may_be_envelope)
{
	const char *data = r->data;
	size_t len = r->len;

	*key = (struct key){.value.data = ""};
	if (may_be_envelope)
		unwrap_view(r, &data, &len, &key->payload);
	if (json_key_find(&key->value, path, data, len) == 0)
		return 0;
	key_forget(key);
	return -1;
}

void
key_forget(struct key *key)
{
	json_key_forget(&key->value);
	free(key->payload);
	key->payload = NULL;
}
