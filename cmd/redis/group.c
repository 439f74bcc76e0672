#include "group.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "engine/helper.h"
#include "command.h"

#define IDS_MAX 1000 /* in one command, so that others have their turn */

/* Entries that an XDEL or XCLAIM of ours names. */
static void
write_ids(const struct reading *r, struct text *to, uint64_t first, uint64_t n)
{
	char id[ENTRY_ID_SIZE];

	for (uint64_t i = first; i < first + n; i++) {
		entry_id_write(pending_at(&r->pending, i)->id, id);
		command_word(to, id);
	}
}

static void
acknowledge(struct reading *r, uint64_t first, uint64_t n)
{
	struct text *to = server_command(r->server, COMMAND_ACK, n);

	command_begin(to, 3 + n);
	command_word(to, "XACK");
	command_word(to, r->target.key);
	command_word(to, r->group);
	write_ids(r, to, first, n);
	if (!r->deletes)
		return;
	to = server_command(r->server, COMMAND_DELETE, n);
	command_begin(to, 2 + n);
	command_word(to, "XDEL");
	command_word(to, r->target.key);
	write_ids(r, to, first, n);
}

void
group_acknowledge(struct reading *r)
{
	struct pending *p = &r->pending;

	while (p->sent < p->finished) {
		uint64_t n = p->finished - p->sent;

		if (n > IDS_MAX)
			n = IDS_MAX;
		acknowledge(r, p->sent + 1, n);
		pending_send(p, n);
	}
}

static void
touch(struct reading *r, uint64_t first, uint64_t n)
{
	struct text *to = server_command(r->server, COMMAND_TOUCH, n);

	command_begin(to, 6 + n);
	command_word(to, "XCLAIM");
	command_word(to, r->target.key);
	command_word(to, r->group);
	command_word(to, r->consumer);
	command_word(to, "0");
	write_ids(r, to, first, n);
	command_word(to, "JUSTID");
}

/* Touches those that are not finished, and did not come just now. */
static void
touch_all(struct reading *r, int64_t before)
{
	const struct pending *p = &r->pending;
	uint64_t first = p->finished + 1, end = first;

	while (end <= p->given && pending_at(p, end)->came <= before)
		end++;
	for (uint64_t n; first < end; first += n) {
		n = end - first < IDS_MAX ? end - first : IDS_MAX;
		touch(r, first, n);
	}
}

static void
claim(struct reading *r)
{
	struct text *to;

	if (r->claiming || !giver_has_room(r->giver))
		return;
	to = server_command(r->server, COMMAND_CLAIM, 0);
	r->claiming = true;
	command_begin(to, 8);
	command_word(to, "XAUTOCLAIM");
	command_word(to, r->target.key);
	command_word(to, r->group);
	command_word(to, r->consumer);
	command_number(to, (uint64_t)(r->claim / CLOCK_MS));
	command_word(to, r->cursor);
	command_word(to, "COUNT");
	command_number(to, r->count);
}

void
group_make_round(struct reading *r, int64_t now)
{
	r->next_round = now + r->claim / 4;
	touch_all(r, now - r->claim / 4);
	if (r->phase == PHASE_NEW)
		claim(r);
}

void
group_create(struct reading *r)
{
	/* What came since a group that was there has gone is not to be lost. */
	const char *start = r->has_read ? "0" : r->start;

	if (r->creating)
		return;
	if (r->has_read)
		helper_say("%s: group %s has gone: it is made again, from the stream's begin",
		    r->target.shown, r->group);
	r->creating = true;
	command_words(server_command(r->server, COMMAND_CREATE, 0), "XGROUP", "CREATE",
	    r->target.key, r->group, start, "MKSTREAM", (char *)NULL);
}

void
group_ask_lag(struct reading *r)
{
	command_words(server_command(r->server, COMMAND_LAG, 0), "XINFO", "GROUPS", r->target.key,
	    (char *)NULL);
}

void
group_leave(struct reading *r)
{
	static const char script[] =
	    "if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) == 0 then "
	    "return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2]) end";

	r->leaving = true;
	command_words(server_command(r->server, COMMAND_LEAVE, 0), "EVAL", script, "1",
	    r->target.key, r->group, r->consumer, (char *)NULL);
}

/* The value beside a name in a list; NULL: there is none. */
static const redisReply *
value_of(const redisReply *list, const char *name)
{
	for (size_t i = 0; i + 1 < list->elements; i += 2)
		if (strcmp(list->element[i]->str, name) == 0)
			return list->element[i + 1];
	return NULL;
}

/* The lag of our group; the server may know only the stream's length. */
static void
take_lag(struct reading *r, const redisReply *groups)
{
	for (size_t i = 0; i < groups->elements; i++) {
		const redisReply *name = value_of(groups->element[i], "name");
		const redisReply *lag = value_of(groups->element[i], "lag");

		if (name == NULL || strcmp(name->str, r->group) != 0)
			continue;
		if (lag != NULL && lag->type == REDIS_REPLY_INTEGER)
			giver_stat(r->giver, "lag", (uint64_t)lag->integer, NULL);
		else
			command_words(server_command(r->server, COMMAND_LENGTH, 0), "XLEN",
			    r->target.key, (char *)NULL);
	}
}

/* Goes on at once where the server has not looked at all entries yet. */
static void
take_claimed(struct reading *r, const redisReply *reply)
{
	r->claiming = false;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2 || r->stops)
		return;
	reading_give(r, reply->element[1]);
	snprintf(r->cursor, sizeof(r->cursor), "%s", reply->element[0]->str);
	if (strcmp(r->cursor, GROUP_FIRST) != 0)
		claim(r);
}

void
group_take(struct reading *r, enum command what, uint64_t n, const redisReply *reply)
{
	switch (what) {
	case COMMAND_ACK:
		pending_confirm(&r->pending, n);
		break;
	case COMMAND_CLAIM:
		take_claimed(r, reply);
		break;
	case COMMAND_CREATE:
		r->creating = false;
		break;
	case COMMAND_LAG:
		if (reply->type == REDIS_REPLY_ARRAY)
			take_lag(r, reply);
		break;
	case COMMAND_LENGTH:
		if (reply->type == REDIS_REPLY_INTEGER)
			giver_stat(r->giver, "lag", (uint64_t)reply->integer, NULL);
		break;
	case COMMAND_LEAVE:
		r->leaving = false;
		break;
	default:
		break;
	}
}

void
group_lose(struct reading *r)
{
	pending_lose(&r->pending);
	r->creating = r->claiming = r->leaving = false;
	snprintf(r->cursor, sizeof(r->cursor), GROUP_FIRST);
}
