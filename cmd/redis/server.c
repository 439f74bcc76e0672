#include "server.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/helper.h"
#include "expected.h"
#include "fault.h"
#include "greeting.h"
#include "place.h"
#include "wire.h"

#define READ_SIZE (64 * 1024)
#define BEGIN_TIME (10 * CLOCK_S)     /* a connection is ready by then, */
#define REPLY_TIME (15 * CLOCK_S)     /* and does something in that time */
#define LONGEST ((uint64_t)512 << 20) /* a server's default */

enum server_state { AWAY, CONNECTS, SHAKES, GREETS, READY };

struct server {
	const struct target *target;
	const struct server_events *events;
	void *arg;
	enum server_state state;
	int64_t until; /* AWAY: the next try; else patience ends */
	unsigned failures;
	uint64_t losses;
	struct trouble trouble;

	/* Where to connect: all places are tried before it is trouble. */
	struct places places;
	size_t next;

	SSL_CTX *tls;
	struct wire wire;
	struct text out;
	size_t written;
	redisReader *reader;
	struct expected expected; /* greetings are below 0 */

	bool durable_known; /* told, if it is not */
	uint64_t longest;
};

struct server *
server_new(const struct target *t, const struct server_events *events, void *arg)
{
	struct server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		helper_fail("out of memory");
	s->target = t;
	s->events = events;
	s->arg = arg;
	s->wire.fd = -1;
	s->tls = wire_context(t);
	s->longest = LONGEST;
	return s;
}

static void
disconnect(struct server *s)
{
	wire_close(&s->wire);
	if (s->reader != NULL)
		redisReaderFree(s->reader);
	s->reader = NULL;
	expected_forget(&s->expected);
	s->out.len = s->written = 0;
}

void
server_free(struct server *s)
{
	if (s == NULL)
		return;
	disconnect(s);
	expected_free(&s->expected);
	text_free(&s->out);
	SSL_CTX_free(s->tls);
	free(s);
}

bool
server_is_ready(const struct server *s)
{
	return s->state == READY;
}

struct text *
server_command(struct server *s, int what, uint64_t n)
{
	if (expected_count(&s->expected) == 0)
		s->until = clock_now() + REPLY_TIME;
	if (s->out.failed || expected_add(&s->expected, what, n) == -1)
		helper_fail("out of memory");
	return &s->out;
}

/* Bytes of commands that are not written yet. */
static size_t
unsent(const struct server *s)
{
	return s->out.len - s->written;
}

uint64_t
server_owed(const struct server *s)
{
	return expected_count(&s->expected);
}

uint64_t
server_longest(const struct server *s)
{
	return s->longest;
}

uint64_t
server_losses(const struct server *s)
{
	return s->losses;
}

void
server_lose(struct server *s, const char *fmt, ...)
{
	bool was_ready = s->state == READY;
	char why[WIRE_WHY_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	disconnect(s);
	s->state = AWAY;
	s->until = clock_now() + helper_back_off(++s->failures);
	trouble_tell(&s->trouble, "%s: %s", s->target->shown, why);
	if (was_ready) {
		s->losses++;
		s->events->lost(s->arg);
	}
}

void
server_refuse(const struct server *s, const char *error)
{
	helper_fail("%s: the server replies: %s", s->target->shown, error);
}

/* All commands of the greeting; the replies say whether we are welcome. */
static void
begin_greeting(struct server *s)
{
	s->state = GREETS;
	if ((s->reader = redisReaderCreate()) == NULL)
		helper_fail("out of memory");
	s->reader->maxbuf = 1 << 20;
	for (enum greeting g = 0; g < GREETINGS; g++)
		if (greeting_write(g, s->target, &s->out))
			(void)server_command(s, -1 - (int)g, 0);
}

static void
shake(struct server *s)
{
	int done = wire_shake(&s->wire);

	if (done == -1)
		server_lose(s, "%s", s->wire.why);
	else if (done == 1)
		begin_greeting(s);
}

/* Begins with the next place, if there is one. */
static void
connect_next(struct server *s, const char *why)
{
	while (s->next < s->places.n) {
		const struct place *p = &s->places.at[s->next++];
		int fd = place_connect(p);

		if (fd == -1) {
			why = strerror(errno);
			continue;
		}
		if (!wire_open(&s->wire, fd, s->tls, p->host))
			helper_fail("out of memory");
		s->state = CONNECTS;
		s->until = clock_now() + BEGIN_TIME;
		return;
	}
	server_lose(s, "%s", why);
}

static void
begin(struct server *s)
{
	const char *why = places_find(&s->places, s->target);

	s->next = 0;
	if (why != NULL)
		server_lose(s, "%s", why);
	else
		connect_next(s, "no address");
}

static void
end_connect(struct server *s)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(s->wire.fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
		error = errno;
	if (error == 0) {
		s->state = SHAKES;
		shake(s);
		return;
	}
	wire_close(&s->wire);
	connect_next(s, strerror(error));
}

/* We are welcome. */
static void
become_ready(struct server *s)
{
	s->state = READY;
	s->failures = 0;
	trouble_over(&s->trouble);
	if (s->events->ready != NULL)
		s->events->ready(s->arg);
}

/* The server has an error for a greeting. */
static void
take_refusal(struct server *s, enum greeting g, const char *error)
{
	enum fault fault = fault_of(error);

	if (fault == FAULT_SERVER || fault == FAULT_LATER)
		server_lose(s, "%s", error);
	else if (g == GREET_PING && strncmp(error, "NOAUTH", 6) == 0)
		helper_fail("%s: the server wants a password: set REDISCLI_AUTH, or write "
			    "password=... into a file, and name it with config=FILE",
		    s->target->shown);
	else if (g <= GREET_PING && (g != GREET_PING || strncmp(error, "NOPERM", 6) != 0))
		server_refuse(s, error);
}

static void
take_greeting(struct server *s, enum greeting g, const redisReply *r)
{
	if (r->type == REDIS_REPLY_ERROR)
		take_refusal(s, g, r->str);
	else if (g == GREET_FSYNC && !s->durable_known) {
		s->durable_known = true;
		if (!greeting_is_durable(r))
			helper_say("%s: the server may lose what it has replied to, if its machine "
				   "fails: set appendonly yes and appendfsync always",
			    s->target->shown);
	} else if (g == GREET_LONGEST && greeting_longest(r) > 0)
		s->longest = greeting_longest(r);
	if (s->state == GREETS && expected_count(&s->expected) == 0)
		become_ready(s);
}

static void
take_reply(struct server *s, const redisReply *r)
{
	struct expected_reply of;

	if (!expected_take(&s->expected, &of)) {
		/* An error before the connection is closed, by itself. */
		server_lose(s, "%s", r->type == REDIS_REPLY_ERROR ? r->str : "an extra reply");
		return;
	}
	if (of.what < 0)
		take_greeting(s, (enum greeting)(-1 - of.what), r);
	else
		s->events->reply(s->arg, of.what, of.n, r);
}

/* Takes all replies that are complete. */
static void
take_replies(struct server *s)
{
	void *reply;

	while (s->reader != NULL) {
		if (redisReaderGetReply(s->reader, &reply) != REDIS_OK) {
			server_lose(s, "the reply is not Redis's: %s", s->reader->errstr);
			return;
		}
		if (reply == NULL)
			return;
		take_reply(s, reply);
		freeReplyObject(reply);
	}
}

static void
read_replies(struct server *s)
{
	static char bytes[READ_SIZE];
	ssize_t n = wire_read(&s->wire, bytes, sizeof(bytes));

	if (n == -1) {
		server_lose(s, "%s", s->wire.why);
		return;
	}
	if (n == 0)
		return;
	s->until = clock_now() + REPLY_TIME;
	if (redisReaderFeed(s->reader, bytes, (size_t)n) != REDIS_OK)
		helper_fail("out of memory");
	take_replies(s);
}

/* What has been written leaves the text when it is half of it. */
static void
drop_written(struct server *s)
{
	struct text *t = &s->out;

	if (s->written < t->len - s->written)
		return;
	memmove(t->data, t->data + s->written, t->len - s->written);
	t->len -= s->written;
	s->written = 0;
}

/* The server may have said why it closed the connection. */
static void
lose_writing(struct server *s)
{
	char why[WIRE_WHY_SIZE];

	memcpy(why, s->wire.why, sizeof(why));
	read_replies(s);
	if (s->state != AWAY)
		server_lose(s, "%s", why);
}

static void
write_commands(struct server *s)
{
	while (s->state >= GREETS && unsent(s) > 0) {
		ssize_t n = wire_write(&s->wire, s->out.data + s->written, unsent(s));

		if (n == -1)
			lose_writing(s);
		if (n <= 0)
			return;
		s->until = clock_now() + REPLY_TIME;
		s->written += (size_t)n;
		drop_written(s);
	}
}

void
server_poll(const struct server *s, struct pollfd *p, int64_t *until)
{
	bool waits = s->state != READY || expected_count(&s->expected) > 0;

	*p = (struct pollfd){.fd = s->wire.fd};
	*until = waits ? s->until : CLOCK_NEVER;
	if (s->state == CONNECTS)
		p->events = POLLOUT;
	else if (s->state == SHAKES)
		p->events = s->wire.wants;
	else if (s->state >= GREETS)
		p->events = (short)(POLLIN | (unsent(s) > 0 ? POLLOUT : 0));
}

int
server_timeout(int64_t until)
{
	int64_t now = clock_now();

	if (until == CLOCK_NEVER)
		return -1;
	if (until <= now)
		return 0;
	until = clock_earlier(until, now + 60 * CLOCK_S); /* for an int */
	return (int)((until - now + CLOCK_MS - 1) / CLOCK_MS);
}

/* Patience has ended. */
static void
give_up(struct server *s)
{
	if (s->state == AWAY)
		begin(s);
	else if (s->state == CONNECTS) {
		wire_close(&s->wire);
		connect_next(s, "no connection in 10s");
	} else
		server_lose(s, "no reply in 15s");
}

void
server_step(struct server *s, short revents)
{
	struct pollfd p;
	int64_t until;

	if (s->state == CONNECTS && revents != 0)
		end_connect(s);
	else if (s->state == SHAKES && revents != 0)
		shake(s);
	else if (s->state >= GREETS && (revents & ~POLLOUT) != 0)
		read_replies(s);
	write_commands(s);
	server_poll(s, &p, &until);
	if (clock_now() >= until)
		give_up(s);
}
