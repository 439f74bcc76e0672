#include "rate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "engine/helper.h"
#include "bucket.h"
#include "fault.h"
#include "server.h"
#include "target.h"

#define LINE_SIZE 4096
#define SHA_SIZE 64

enum command { COMMAND_LOAD, COMMAND_TAKE, COMMAND_CHANGE };

struct rating {
	struct target target;
	struct server *server;
	char sha[SHA_SIZE];          /* "": the server has not learnt it */
	char rate[BUCKET_RATE_SIZE]; /* "": none was told yet */
	bool changes;                /* the bucket is to have it in any case */
	bool owes;                   /* a take has no answer yet, */
	uint64_t n;                  /* of so much */
	bool ended;
	size_t len;
	char line[LINE_SIZE];
};

/* Prints a line.  Nobody reads it: then it is over. */
static void __attribute__((format(printf, 2, 3))) print(struct rating *r, const char *fmt, ...)
{
	char line[128];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (io_write_all(STDOUT_FILENO, line, (size_t)n) == -1)
		r->ended = true;
}

/* Asks, if that is possible now; else learn() does it later. */
static void
ask(struct rating *r, enum command what)
{
	if (!server_is_ready(r->server) || *r->sha == '\0')
		return;
	bucket_write_take(server_command(r->server, (int)what, 0), r->sha, r->target.key, r->rate,
	    what == COMMAND_TAKE ? r->n : 0, r->changes);
}

static void
take(struct rating *r, uint64_t n)
{
	if (r->owes)
		helper_fail("a take before the answer to the last one");
	r->owes = true;
	r->n = n;
	ask(r, COMMAND_TAKE);
}

/* A change is put in force at once, lest others go on at the old rate. */
static void
set_rate(struct rating *r, const char *rate)
{
	r->changes = *r->rate != '\0';
	snprintf(r->rate, sizeof(r->rate), "%s", rate);
	if (r->changes)
		ask(r, COMMAND_CHANGE);
}

static void
take_line(struct rating *r, const char *line)
{
	uint64_t n;

	if (strncmp(line, "rate ", 5) == 0 && bucket_is_rate(line + 5))
		set_rate(r, line + 5);
	else if (sscanf(line, "take %" SCNu64, &n) == 1 && *r->rate != '\0')
		take(r, n);
	else
		helper_fail(
		    "'%s' is neither `rate AMOUNT PER BURST UNIT` nor, after that, `take N`", line);
}

static void
read_lines(struct rating *r)
{
	ssize_t n = read(STDIN_FILENO, r->line + r->len, sizeof(r->line) - r->len);
	char *line = r->line, *end, *lf;

	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
		r->ended = true;
	if (n <= 0)
		return;
	end = r->line + r->len + n;
	while ((lf = memchr(line, '\n', (size_t)(end - line))) != NULL) {
		*lf = '\0';
		take_line(r, line);
		line = lf + 1;
	}
	r->len = (size_t)(end - line);
	memmove(r->line, line, r->len);
	if (r->len == sizeof(r->line))
		helper_fail("a line on standard input is too long");
}

/* The bucket has another rate, which is ours from now on. */
static void
adopt(struct rating *r, const char *rate)
{
	if (!bucket_is_rate(rate))
		server_refuse(r->server, "the bucket has no rate: name another key");
	snprintf(r->rate, sizeof(r->rate), "%s", rate);
	print(r, "rate %s\n", rate);
}

static void
take_answer(struct rating *r, enum command what, const redisReply *reply)
{
	struct bucket_answer a;

	if (!bucket_read_answer(reply, &a))
		server_refuse(r->server, "not what the script returns");
	if (what == COMMAND_CHANGE) {
		r->changes = false;
		print(r, "rate %s\n", r->rate);
	} else if (a.differs) {
		/* Unless it is about to have ours. */
		if (!r->changes)
			adopt(r, a.text);
		ask(r, COMMAND_TAKE);
	} else {
		r->owes = false;
		print(r, "debt %s\n", a.text);
	}
}

/* Has the server learn the script. */
static void
load(struct rating *r)
{
	r->sha[0] = '\0';
	bucket_write_load(server_command(r->server, COMMAND_LOAD, 0));
}

static void
take_error(struct rating *r, const char *error)
{
	enum fault fault = fault_of(error);

	if (strncmp(error, "NOSCRIPT", 8) == 0) {
		if (r->sha[0] != '\0')
			load(r);
	} else if (fault == FAULT_SERVER || fault == FAULT_LATER)
		server_lose(r->server, "%s", error);
	else
		server_refuse(r->server, error);
}

/* The server has learnt the script. */
static void
learn(struct rating *r, const char *sha)
{
	snprintf(r->sha, sizeof(r->sha), "%s", sha);
	if (r->changes)
		ask(r, COMMAND_CHANGE);
	if (r->owes)
		ask(r, COMMAND_TAKE);
}

static void
take_reply(void *arg, int what, uint64_t n, const redisReply *reply)
{
	struct rating *r = arg;

	(void)n;
	if (reply->type == REDIS_REPLY_ERROR)
		take_error(r, reply->str);
	else if (what == COMMAND_LOAD)
		learn(r, reply->str);
	else
		take_answer(r, (enum command)what, reply);
}

static void
become_ready(void *arg)
{
	load(arg);
}

/* What has no answer is asked again: it may be taken twice, but is not lost. */
static void
lose(void *arg)
{
	struct rating *r = arg;

	r->sha[0] = '\0';
}

static void
run(struct rating *r)
{
	struct pollfd p[2];
	int64_t until;

	while (!r->ended) {
		server_step(r->server, 0); /* writes what was asked for */
		p[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
		server_poll(r->server, &p[1], &until);
		if (poll(p, 2, server_timeout(until)) == -1)
			continue;
		server_step(r->server, p[1].revents);
		if (p[0].revents != 0)
			read_lines(r);
	}
}

int
rate_redis(const char *url)
{
	static const struct server_events events = {
	    .ready = become_ready, .lost = lose, .reply = take_reply};
	static const struct url_rule none[] = {{NULL, URL_TEXT, NULL, 0, 0}};
	struct rating r = {.ended = false};

	target_read(&r.target, url, "key", none);
	r.target.keeps_nothing = true;
	r.server = server_new(&r.target, &events, &r);
	run(&r);
	server_free(r.server);
	target_free(&r.target);
	return 0;
}
