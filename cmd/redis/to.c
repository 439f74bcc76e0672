#include "to.h"

#include <inttypes.h>
#include <stdio.h>

#include "engine/helper.h"
#include "engine/taker.h"
#include "command.h"
#include "fault.h"
#include "flight.h"
#include "server.h"
#include "target.h"

/*
 * A batch is what has come while others were on their way.  It is a
 * transaction: the server syncs its file once for it, and not once for each 16
 * KiB that it reads.
 */
#define BATCHES 2 /* on their way at once */
#define BATCH_RECORDS 1000
#define BATCH_BYTES ((size_t)256 << 10)

enum command {
	COMMAND_ADD, /* XADD of one record */
	COMMAND_MULTI,
	COMMAND_QUEUED, /* XADD after MULTI */
	COMMAND_EXEC,   /* of n records */
};

#define ERROR_SIZE 256

struct writing {
	struct target target;
	const char *field;
	int64_t most; /* maxlen=; 0: no limit */
	struct taker *taker;
	struct server *server;
	struct flight flight;
	unsigned batches;       /* on their way */
	char error[ERROR_SIZE]; /* why the transaction will fail, or "" */
	uint64_t longest;       /* one byte more was refused */
};

static void
add_entry(const struct writing *w, enum command what, const struct taker_record *r)
{
	struct text *to = server_command(w->server, (int)what, r->len);

	command_begin(to, w->most > 0 ? 8 : 5);
	command_word(to, "XADD");
	command_word(to, w->target.key);
	if (w->most > 0) {
		command_word(to, "MAXLEN");
		command_word(to, "~");
		command_number(to, (uint64_t)w->most);
	}
	command_word(to, "*");
	command_word(to, w->field);
	command_bytes(to, r->data, r->len);
}

static void
add_entries(struct writing *w, size_t n)
{
	w->batches++;
	if (n == 1) {
		add_entry(w, COMMAND_ADD, flight_unsent(&w->flight, 0));
		return;
	}
	command_words(server_command(w->server, COMMAND_MULTI, 0), "MULTI", (char *)NULL);
	for (size_t i = 0; i < n; i++)
		add_entry(w, COMMAND_QUEUED, flight_unsent(&w->flight, i));
	command_words(server_command(w->server, COMMAND_EXEC, n), "EXEC", (char *)NULL);
}

static bool
is_too_long(const struct writing *w, const struct taker_record *r)
{
	return r->len > w->longest || r->len > server_longest(w->server);
}

/* How many of the records are the next batch. */
static size_t
batch_size(const struct writing *w)
{
	const struct taker_record *r;
	size_t n = 0, bytes = 0;

	while (n < BATCH_RECORDS && bytes < BATCH_BYTES &&
	    (r = flight_unsent(&w->flight, n)) != NULL && !is_too_long(w, r)) {
		bytes += r->len;
		n++;
	}
	return n;
}

/* The next record is one that the server would close the connection for. */
static void
reject_next(struct writing *w)
{
	struct taker_record r;

	flight_send(&w->flight, 1);
	if (flight_reply(&w->flight, &r))
		taker_reject(w->taker, r.n,
		    "%s: the record has %zu bytes, more than the server's proto-max-bulk-len",
		    w->target.shown, r.len);
}

static void
send_batches(struct writing *w)
{
	while (server_is_ready(w->server) && w->batches < BATCHES &&
	    flight_unsent(&w->flight, 0) != NULL) {
		size_t n = batch_size(w);

		if (n > 0) {
			add_entries(w, n);
			flight_send(&w->flight, n);
			continue;
		}

		/* It waits until all before it have their answers. */
		if (w->batches > 0)
			return;
		reject_next(w);
	}
}

/* The reply to the oldest record, which leaves. */
static void
answer_next(struct writing *w, const char *error)
{
	enum fault fault = error == NULL ? FAULT_OTHER : fault_of(error);
	struct taker_record r;

	if (fault == FAULT_FINAL)
		server_refuse(w->server, error);
	if (!flight_reply(&w->flight, &r))
		return;
	if (error == NULL)
		taker_done(w->taker, r.n);
	else if (fault == FAULT_SIZE)
		taker_reject(w->taker, r.n, "%s: %s", w->target.shown, error);
	else
		taker_again(w->taker, r.n, 0, "%s: %s", w->target.shown, error);
}

static const char *
error_of(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ERROR ? reply->str : NULL;
}

/* An error at a command that belongs to a transaction: all of that is void. */
static void
remember_error(struct writing *w, const char *error, size_t len)
{
	enum fault fault = fault_of(error);

	if (fault == FAULT_FINAL)
		server_refuse(w->server, error);
	if (fault == FAULT_SIZE && len > 0)
		w->longest = len - 1; /* and the server closes the connection */
	if (w->error[0] == '\0')
		snprintf(w->error, sizeof(w->error), "%s", error);
}

/* The end of a transaction: a reply for each record, or one error for all. */
static void
take_exec(struct writing *w, uint64_t n, const redisReply *reply)
{
	const char *error = error_of(reply);

	if (error != NULL && w->error[0] != '\0')
		error = w->error;
	for (uint64_t i = 0; i < n; i++)
		answer_next(w, error != NULL ? error : error_of(reply->element[i]));
	w->error[0] = '\0';
}

static void
take_reply(void *arg, int what, uint64_t n, const redisReply *reply)
{
	struct writing *w = arg;
	const char *error = error_of(reply);

	if (error != NULL && fault_of(error) == FAULT_SERVER) {
		server_lose(w->server, "%s", error);
		return;
	}
	if (what == COMMAND_MULTI || what == COMMAND_QUEUED) {
		if (error != NULL)
			remember_error(w, error, (size_t)n);
		return;
	}
	w->batches--;
	if (what == COMMAND_ADD)
		answer_next(w, error);
	else if (error == NULL && (reply->type != REDIS_REPLY_ARRAY || reply->elements != n))
		server_lose(w->server, "the transaction has no replies");
	else
		take_exec(w, n, reply);
}

static void
lose(void *arg)
{
	struct writing *w = arg;

	flight_lose(&w->flight);
	w->batches = 0;
	w->error[0] = '\0';
}

/* Takes what has been read. */
static void
take_records(struct writing *w)
{
	struct taker_record r;

	while (taker_next(w->taker, &r))
		if (flight_add(&w->flight, &r) == -1)
			helper_fail("out of memory");
}

static void
run(struct writing *w)
{
	enum taker_state state = TAKER_GOES_ON;
	struct pollfd p;
	int64_t until;

	while (state == TAKER_GOES_ON) {
		take_records(w);
		send_batches(w);
		server_step(w->server, 0); /* writes */
		server_poll(w->server, &p, &until);
		taker_stat(w->taker, "reconnects", server_losses(w->server));
		state = taker_step(w->taker, &p, 1, server_timeout(until));
		server_step(w->server, p.revents);
	}
}

int
to_redis(const char *url)
{
	static const struct server_events events = {.lost = lose, .reply = take_reply};
	struct writing w = {.field = "record", .longest = UINT64_MAX};
	const struct url_rule rules[] = {
	    {"field", URL_TEXT, &w.field, 0, 0},
	    {"maxlen", URL_NUMBER, &w.most, 1, INT64_MAX},
	    {NULL, URL_TEXT, NULL, 0, 0},
	};

	target_read(&w.target, url, "stream", rules);
	w.taker = taker_new();
	w.server = server_new(&w.target, &events, &w);
	run(&w);
	server_free(w.server);
	flight_free(&w.flight);
	taker_free(w.taker);
	target_free(&w.target);
	return 0;
}
