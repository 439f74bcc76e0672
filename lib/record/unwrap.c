#include "record/unwrap.h"

#include <stdlib.h>
#include <string.h>

#include "record/envelope.h"
#include "record/record.h"

static int
give_origin(struct record *r)
{
	struct envelope_id id;

	if (record_need_origin(r) == NULL)
		return -1;
	envelope_identity(r->data, r->len, &id);
	r->origin->enveloped = true;
	memcpy(r->origin->id, id.id, sizeof(r->origin->id));
	r->origin->replays = id.replays;
	r->origin->first_failed = id.first_failed;
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
		return;
	if (memchr(payload, '\n', len) != NULL || give_origin(r) == -1) {
		free(owned);
		return;
	}
	/* A part of the line becomes the record, or else a copy of its own. */
	if (owned == NULL) {
		r->data += payload - r->data;
		r->data[len] = '\n'; /* at the closing brace or before it */
		r->len = len;
	} else if (record_copy(&copy, owned, len) == 0) {
		slab_release(r->slab, 1);
		r->data = copy.data;
		r->len = copy.len;
		r->slab = copy.slab;
	}
	free(owned);
}

void
unwrap_view(const struct record *r, const char **data, size_t *len, char **owned)
{
	*owned = NULL;
	if (envelope_kind(r->data, r->len) == ENVELOPE_RETRY &&
	    envelope_payload(r->data, r->len, data, len, owned) == 0)
		return;
	*data = r->data;
	*len = r->len;
}
