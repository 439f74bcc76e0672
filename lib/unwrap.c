#include "unwrap.h"

#include <stdlib.h>
#include <string.h>

#include "envelope.h"
#include "record.h"

static int
give_passport(struct record *r)
{
	struct envelope_id id;

	if ((r->passport = calloc(1, sizeof(*r->passport))) == NULL)
		return -1;
	envelope_identity(r->data, r->len, &id);
	memcpy(r->passport->id, id.id, sizeof(r->passport->id));
	r->passport->replays = id.replays;
	r->passport->first_failed = id.first_failed;
	return 0;
}

void
unwrap(struct record *r)
{
	struct record copy;
	const char *payload;
	size_t len;
	char *owned;

	if (envelope_payload(r->data, r->len, &payload, &len, &owned) == -1)
		return; /* can't be decoded: data */
	if (memchr(payload, '\n', len) != NULL || give_passport(r) == -1) {
		free(owned);
		return;
	}
	if (owned == NULL) {
		r->data += payload - r->data;
		r->data[len] = '\n'; /* over the closing brace */
		r->len = len;
	} else if (record_copy(&copy, owned, len) == 0) {
		slab_release(r->slab, 1);
		r->data = copy.data;
		r->len = copy.len;
		r->slab = copy.slab;
	}
	free(owned);
}
