/* How entries become records (reader.h). */

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "engine/helper.h"
#include "appetite.h"
#include "entry.h"
#include "reader.h"

/*
 * An entry that has been deleted is pending all the same: it is remembered, and
 * acknowledged with its neighbours.
 */
static size_t
give_entry(struct reading *r, const redisReply *entry, int64_t now)
{
	const redisReply *fields = entry->element[1];
	struct giver_record record = {0};
	struct json_slice data;
	struct entry_id id;

	if (!entry_id_read(&id, entry->element[0]->str))
		server_refuse(r->server, "an entry without an id");
	if (r->group != NULL && pending_give(&r->pending, id, now) == -1)
		helper_fail("out of memory");
	if (fields->type != REDIS_REPLY_ARRAY)
		return 0;
	data = entry_record(fields, r->field, &r->scratch);
	record.data = data.data;
	record.len = data.len;
	if (r->meta != NULL) {
		entry_member(&r->member, r->meta, r->target.key, entry->element[0]->str);
		record.member = r->member.data;
	}
	if (r->scratch.failed || r->member.failed)
		helper_fail("out of memory");
	giver_put(r->giver, &record, r->target.shown, id.ms);
	return data.len;
}

void
reading_give(struct reading *r, const redisReply *entries)
{
	int64_t now = clock_now();
	char token[GIVER_TOKEN_SIZE];
	size_t n = 0, bytes = 0;

	for (size_t i = 0; i < entries->elements; i++) {
		const redisReply *entry = entries->element[i];

		if (entry->type != REDIS_REPLY_ARRAY || entry->elements < 2)
			continue;
		bytes += give_entry(r, entry, now);
		snprintf(r->last, sizeof(r->last), "%s", entry->element[0]->str);
		n++;
	}
	r->count = appetite_next(r->count, n, bytes);
	if (n == 0 || r->group == NULL)
		return;
	snprintf(token, sizeof(token), "%" PRIu64, r->pending.given);
	giver_mark(r->giver, token);
}
