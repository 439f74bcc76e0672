#include "from.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/helper.h"
#include "appetite.h"
#include "command.h"
#include "fault.h"
#include "group.h"
#include "reader.h"

#define BLOCK_MS "100" /* so long other commands wait behind a read, at most */
#define LOOK_AGAIN (100 * CLOCK_MS)
#define STAT_EVERY CLOCK_S
#define END_TIME (5 * CLOCK_S)
#define CLAIM_MIN (100 * CLOCK_MS)
#define CLAIM_MAX (24 * 3600 * CLOCK_S)

static void
read_group(struct reading *r)
{
	struct text *to = server_command(r->server, COMMAND_READ, 0);
	bool blocks = r->phase == PHASE_NEW && !r->ends;

	command_begin(to, blocks ? 11 : 9);
	command_word(to, "XREADGROUP");
	command_word(to, "GROUP");
	command_word(to, r->group);
	command_word(to, r->consumer);
	command_word(to, "COUNT");
	command_number(to, r->count);
	if (blocks) {
		command_word(to, "BLOCK");
		command_word(to, BLOCK_MS);
	}
	command_word(to, "STREAMS");
	command_word(to, r->target.key);
	command_word(to, r->phase == PHASE_OWN ? r->last : ">");
}

static void
read_stream(struct reading *r)
{
	struct text *to;

	if (r->phase == PHASE_FIND) {
		command_words(server_command(r->server, COMMAND_LAST, 0), "XREVRANGE",
		    r->target.key, "+", "-", "COUNT", "1", (char *)NULL);
		return;
	}
	to = server_command(r->server, COMMAND_READ, 0);
	command_begin(to, r->ends ? 6 : 8);
	command_word(to, "XREAD");
	command_word(to, "COUNT");
	command_number(to, r->count);
	if (!r->ends) {
		command_word(to, "BLOCK");
		command_word(to, BLOCK_MS);
	}
	command_word(to, "STREAMS");
	command_word(to, r->target.key);
	command_word(to, r->last);
}

/* Asks for the next entries, if that is not done yet and there is room. */
static void
read_more(struct reading *r, int64_t now)
{
	if (r->asked || r->creating || r->phase == PHASE_ENDED || now < r->next_read ||
	    !giver_has_room(r->giver))
		return;
	r->asked = true;
	if (r->group != NULL)
		read_group(r);
	else
		read_stream(r);
}

/* Nothing more is in the stream. */
static void
end_reading(struct reading *r)
{
	r->phase = PHASE_ENDED;
	giver_end(r->giver);
}

/* There is nothing new, with end=1. */
static void
look_for_others(struct reading *r)
{
	r->next_read = clock_now() + LOOK_AGAIN;
	if (r->group == NULL)
		end_reading(r);
	else
		command_words(server_command(r->server, COMMAND_OTHERS, 0), "XPENDING",
		    r->target.key, r->group, (char *)NULL);
}

/* What others have may come to us: only without that it is the end. */
static void
take_others(struct reading *r, const redisReply *reply)
{
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 && !r->asked && !r->stops &&
	    (uint64_t)reply->element[0]->integer <= pending_count(&r->pending))
		end_reading(r);
}

/* The reply to a read: [[stream, entries]], or nothing. */
static void
take_entries(struct reading *r, const redisReply *reply)
{
	const redisReply *entries = NULL;
	size_t n = 0;

	r->asked = false;
	r->has_read = true;
	if (r->stops)
		return; /* they are pending, and come again */
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 0) {
		entries = reply->element[0]->element[1];
		n = entries->elements;
	}
	if (n == 0 && r->phase == PHASE_OWN)
		r->phase = PHASE_NEW;
	else if (n == 0 && r->ends)
		look_for_others(r);

	/*
	 * The server collects the next ones while we write these; but in these
	 * two cases it has to know which is the last of these.
	 */
	if (n > 0 && r->phase == PHASE_NEW && r->group != NULL)
		read_more(r, clock_now());
	if (n > 0)
		reading_give(r, entries);
}

/* start=$ without a group: the last entry that is there. */
static void
take_last(struct reading *r, const redisReply *reply)
{
	r->asked = false;
	r->phase = PHASE_NEW;
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 0)
		snprintf(r->last, sizeof(r->last), "%s", reply->element[0]->element[0]->str);
}

static void
take_error(struct reading *r, enum command what, const char *error)
{
	enum fault fault = fault_of(error);

	if (fault == FAULT_SERVER || fault == FAULT_LATER)
		server_lose(r->server, "%s", error);
	else if (fault == FAULT_GROUP && r->group != NULL) {
		r->asked = r->asked && what != COMMAND_READ;
		r->claiming = r->claiming && what != COMMAND_CLAIM;
		group_create(r);
	} else if (what == COMMAND_CREATE && strncmp(error, "BUSYGROUP", 9) == 0)
		r->creating = false;
	else if (what == COMMAND_LEAVE)
		r->leaving = false;
	else if (what != COMMAND_LAG && what != COMMAND_LENGTH)
		server_refuse(r->server, error);
}

static void
take_reply(void *arg, int what, uint64_t n, const redisReply *reply)
{
	struct reading *r = arg;

	if (reply->type == REDIS_REPLY_ERROR)
		take_error(r, (enum command)what, reply->str);
	else if (what == COMMAND_READ)
		take_entries(r, reply);
	else if (what == COMMAND_LAST)
		take_last(r, reply);
	else if (what == COMMAND_OTHERS)
		take_others(r, reply);
	else
		group_take(r, (enum command)what, n, reply);
}

static void
become_ready(void *arg)
{
	struct reading *r = arg;

	r->next_round = r->next_stat = 0;
}

static void
lose(void *arg)
{
	struct reading *r = arg;

	r->asked = false;
	group_lose(r);
}

/* All up to a mark is finished at the end of the pipeline. */
static void
finish(void *arg, const char *token)
{
	struct reading *r = arg;

	if (!pending_finish(&r->pending, strtoull(token, NULL, 10)))
		helper_fail("done %s: there is no such mark", token);
}

static void
tell_stats(struct reading *r, int64_t now)
{
	if (now < r->next_stat || r->phase == PHASE_ENDED)
		return;
	r->next_stat = now + STAT_EVERY;
	giver_stat(r->giver, "reconnects", server_losses(r->server), NULL);
	if (r->group == NULL)
		return;
	giver_stat(r->giver, "unacknowledged", pending_count(&r->pending), NULL);
	if (server_is_ready(r->server))
		group_ask_lag(r);
}

/* Does what is due.  Returns when to look again at the latest. */
static int64_t
act(struct reading *r)
{
	int64_t now = clock_now(), until = r->phase == PHASE_ENDED ? CLOCK_NEVER : r->next_stat;

	tell_stats(r, now);
	if (!server_is_ready(r->server))
		return until;
	if (r->group != NULL) {
		group_acknowledge(r);
		if (now >= r->next_round)
			group_make_round(r, now);
		until = clock_earlier(until, r->next_round);
	}
	read_more(r, now);
	return r->ends && !r->asked ? clock_earlier(until, r->next_read) : until;
}

static void
run(struct reading *r)
{
	enum giver_state state = GIVER_GOES_ON;
	struct pollfd p;
	int64_t until, timer;

	while (state == GIVER_GOES_ON) {
		timer = act(r);
		server_step(r->server, 0); /* writes what was asked for */
		server_poll(r->server, &p, &until);
		state = giver_step(r->giver, &p, 1, server_timeout(clock_earlier(until, timer)));
		server_step(r->server, p.revents);
	}
}

/*
 * Nothing is given any more: what is finished is acknowledged, and the consumer
 * leaves.  Bounded, as somebody waits for us.
 */
static void
wind_down(struct reading *r)
{
	int64_t end = clock_now() + END_TIME, until;
	bool left = false;
	struct pollfd p;

	r->stops = true;
	while (clock_now() < end) {
		if (server_is_ready(r->server)) {
			group_acknowledge(r);
			if (!left)
				group_leave(r);
			left = true;
		} else if (r->pending.acked == r->pending.finished)
			break;
		server_step(r->server, 0);
		if (left && server_owed(r->server) == 0 && server_is_ready(r->server))
			break;
		server_poll(r->server, &p, &until);
		(void)poll(&p, 1, server_timeout(clock_earlier(until, end)));
		server_step(r->server, p.revents);
	}
	if (r->pending.acked < r->pending.finished)
		helper_say("%s: %" PRIu64 " entries are finished, and not acknowledged: they come "
			   "again",
		    r->target.shown, r->pending.finished - r->pending.acked);
}

static void
read_url(struct reading *r, const char *url)
{
	const struct url_rule rules[] = {
	    {"group", URL_TEXT, &r->group, 0, 0},
	    {"consumer", URL_TEXT, &r->consumer, 0, 0},
	    {"field", URL_TEXT, &r->field, 0, 0},
	    {"start", URL_TEXT, &r->start, 0, 0},
	    {"meta", URL_TEXT, &r->meta, 0, 0},
	    {"claim", URL_DURATION, &r->claim, 0, 0},
	    {"delete", URL_FLAG, &r->deletes, 0, 0},
	    {"end", URL_FLAG, &r->ends, 0, 0},
	    {NULL, URL_TEXT, NULL, 0, 0},
	};
	struct entry_id id;

	target_read(&r->target, url, "stream", rules);
	if (r->group == NULL && (r->consumer != NULL || r->deletes))
		helper_fail("%s: %s= needs group=", r->target.shown,
		    r->consumer != NULL ? "consumer" : "delete");
	if (r->claim < CLAIM_MIN || r->claim > CLAIM_MAX)
		helper_fail("%s: option claim: must be from 100ms to 24h", r->target.shown);
	if (strcmp(r->start, "0") != 0 && strcmp(r->start, "$") != 0 &&
	    !entry_id_read(&id, r->start))
		helper_fail("%s: start=%s: 0, $ or an entry's id such as 1700000000000-0",
		    r->target.shown, r->start);
	if (r->consumer == NULL)
		r->consumer = r->default_consumer;
}

static void
name_consumer(struct reading *r)
{
	char host[HOST_NAME_MAX + 1] = "";

	(void)gethostname(host, sizeof(host) - 1);
	snprintf(r->default_consumer, sizeof(r->default_consumer), "%s-%ld", host, (long)getpid());
}

static void
begin(struct reading *r)
{
	snprintf(r->last, sizeof(r->last), "%s", GROUP_FIRST);
	snprintf(r->cursor, sizeof(r->cursor), "%s", GROUP_FIRST);
	r->count = APPETITE_FIRST;
	r->phase = r->group != NULL ? PHASE_OWN : PHASE_NEW;
	if (r->group != NULL)
		return;
	if (strcmp(r->start, "$") == 0)
		r->phase = PHASE_FIND;
	else
		snprintf(r->last, sizeof(r->last), "%s", r->start);
}

int
from_redis(const char *url)
{
	static const struct server_events events = {
	    .ready = become_ready, .lost = lose, .reply = take_reply};
	struct reading r = {.field = "record", .start = "0", .claim = 5 * CLOCK_S};

	name_consumer(&r);
	read_url(&r, url);
	begin(&r);
	r.giver = giver_new(r.group != NULL, finish, &r);
	r.server = server_new(&r.target, &events, &r);
	run(&r);
	if (r.group != NULL)
		wind_down(&r);
	server_free(r.server);
	giver_free(r.giver);
	pending_free(&r.pending);
	text_free(&r.scratch);
	text_free(&r.member);
	target_free(&r.target);
	return 0;
}
