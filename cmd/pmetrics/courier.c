#include "courier.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "post.h"
#include "reply.h"
#include "stage/retry.h"

#define TYPE "application/json"

/* Between two tries, unless the collector asks for more. */
#define BACKOFF_FIRST (100 * CLOCK_MS)
#define BACKOFF_MOST (30 * CLOCK_S)

/*
 * A collector that comes and goes, or that throttles us, is told about once in
 * a while, unless it stays away for long.
 */
#define QUIET (60 * CLOCK_S)
#define LONG (10 * CLOCK_S)

/* How messages call the items, and what becomes of them meanwhile. */
static const struct words {
	const char *items, *kept;
} words[] = {
    [ENDPOINT_TRACES] = {"spans", "the spans are kept"},
    [ENDPOINT_METRICS] = {"data points", "newer numbers will follow"},
};

struct courier {
	enum endpoint_signal signal;
	const struct words *words;
	struct endpoint endpoint;
	struct post *post;
	struct courier_totals totals;

	/* While it is away: */
	uint32_t tries;
	int64_t since, next;
	bool told;
	int64_t quiet; /* until then, unless it is away for long */

	/* Since it is back, until it has caught up: */
	int64_t away; /* ns; 0: it was not, or was not told about */
	uint64_t sent;

	char rejection[REPLY_TEXT_SIZE]; /* the last one told */
	int64_t patience;                /* until then no other one is */
};

struct courier *
courier_new(enum endpoint_signal s, const char *base, int status)
{
	struct courier *c = calloc(1, sizeof(*c));
	const char *why;
	int error;

	if (c == NULL)
		err(status, "ship");
	c->signal = s;
	c->words = &words[s];
	error = endpoint_read(&c->endpoint, s, base);
	for (size_t i = 0; i < c->endpoint.warnings; i++)
		warnx("ship: %s", c->endpoint.warning[i]);
	if (error == -1 && errno == EINVAL)
		exit(status);
	if (error == -1)
		err(status, "ship");
	if ((c->post = post_new(&c->endpoint, TYPE, &why)) == NULL)
		errx(status, "ship: libcurl is needed (Debian: libcurl4): %s",
		    why != NULL ? why : "out of memory");
	return c;
}

void
courier_free(struct courier *c)
{
	if (c == NULL)
		return;
	post_free(c->post);
	endpoint_free(&c->endpoint);
	free(c);
}

static void
go_away(struct courier *c, const struct reply *r)
{
	int64_t now = clock_now(), wait;

	if (c->tries++ == 0)
		c->since = now;
	if (!c->told && (now >= c->quiet || now - c->since >= LONG)) {
		c->told = true;
		warnx("ship: %s: %s; %s", c->endpoint.shown, r->text, c->words->kept);
	}
	wait = retry_backoff(BACKOFF_FIRST, BACKOFF_MOST, c->tries);
	c->next = clock_after(now, r->after > wait ? r->after : wait);
}

static void
come_back(struct courier *c)
{
	if (c->tries == 0)
		return;
	if (c->told)
		c->away += clock_now() - c->since;
	c->tries = 0;
	c->next = 0;
}

static void
tell_rejection(struct courier *c, const struct reply *r, uint64_t rejected)
{
	int64_t now = clock_now();

	if (c->totals.told > 0 && (now < c->patience || strcmp(c->rejection, r->text) == 0))
		return;
	warnx("ship: %s: %" PRIu64 " %s rejected%s%s; they are not sent again", c->endpoint.shown,
	    rejected, c->words->items, *r->text != '\0' ? ": " : "", r->text);
	snprintf(c->rejection, sizeof(c->rejection), "%s", r->text);
	c->patience = clock_after(now, QUIET);
	c->totals.told += rejected;
}

/* A request came through: counts what was taken of it. */
static void
settle(struct courier *c, const struct reply *r, uint64_t n, uint64_t rejected)
{
	if (rejected > 0)
		tell_rejection(c, r, rejected);
	come_back(c);
	c->totals.sent += n - rejected;
	c->totals.rejected += rejected;
	if (c->away > 0)
		c->sent += n - rejected;
}

enum courier_end
courier_send(struct courier *c, const char *text, size_t len, uint64_t n,
    const struct post_wait *wait, uint64_t *rejected)
{
	struct post_answer answer;
	struct reply reply;

	*rejected = 0;
	c->totals.requests++;
	if (post_send(c->post, text, len, wait, &answer) == -1)
		reply = (struct reply){.kind = REPLY_AGAIN, .after = -1, .text = "out of memory"};
	else
		reply_judge(&answer, clock_calendar() / 1000000, &reply);
	if (reply.kind == REPLY_AGAIN) {
		go_away(c, &reply);
		return COURIER_LATER;
	}
	*rejected = reply.kind == REPLY_REJECTED || reply.rejected > n ? n : reply.rejected;
	settle(c, &reply, n, *rejected);
	return reply.kind == REPLY_TAKEN ? COURIER_TAKEN : COURIER_REJECTED;
}

int64_t
courier_next(const struct courier *c)
{
	return c->next;
}

void
courier_hurry(struct courier *c)
{
	c->next = 0;
}

void
courier_caught_up(struct courier *c)
{
	char away[UNITS_TEXT_SIZE];

	if (c->away == 0 || c->tries > 0)
		return;
	units_format_duration(c->away, away);
	if (c->signal == ENDPOINT_TRACES)
		warnx("ship: %s: back after %s; the %" PRIu64 " spans that waited are sent",
		    c->endpoint.shown, away, c->sent);
	else
		warnx("ship: %s: back after %s", c->endpoint.shown, away);
	c->away = 0;
	c->sent = 0;
	c->told = false;
	c->quiet = clock_after(clock_now(), QUIET);
}

const struct courier_totals *
courier_totals(const struct courier *c)
{
	return &c->totals;
}
