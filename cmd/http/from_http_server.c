/* Takes records that are posted: a request is answered when they are done. */

#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/clock.h"
#include "engine/giver.h"
#include "engine/helper.h"
#include "http.h"
#include "json/text.h"
#include "lines.h"
#include "listener.h"
#include "site.h"

#define STAT_EVERY CLOCK_S
#define STOP_MOST (2 * CLOCK_S) /* for the last answers to leave */

static const char help[] =
    "from-http-server 'http-server://[HOST[:PORT]]/PATH[?OPTION=VALUE&...]'\n"
    "\n"
    "Takes records that are posted to PATH, for pfanin; see pchan-engines(7).\n"
    "A request is answered with 200 when all its records are finished.  HOST is\n"
    "127.0.0.1, and PORT one that the system chooses, unless they are given.\n"
    "\n"
    "  max-body=SIZE     longest body, unpacked (default 16M)\n"
    "  memory=SIZE       of all bodies (default 64M)\n"
    "  connections=N     at a time (default 256)\n"
    "  timeout=TIME      for a client to send a request (default 30s)\n"
    "  token-file=FILE   who may post: with 'Authorization: Bearer TOKEN'\n";

struct desk {
	struct site site;
	char name[ADDRESS_TEXT_SIZE + 8]; /* of the input, in letters */
	struct listener *listener;
	struct giver *giver;
	bool marks;           /* else nobody says what is done */
	struct visits visits; /* whose records are under way, in their order */
	uint64_t token;       /* the last one */

	uint64_t requests, unacknowledged; /* records are unacknowledged */
	uint64_t told_requests, told_unacknowledged;
	int64_t told; /* when */
};

/* {"error":"line 3: why","lines":[3,7],"bad":2} */
static void
refuse(struct visit *v, const struct lines *lines)
{
	struct text t = {0};

	TEXT_LITERAL(&t, "{\"error\":\"line ");
	text_number(&t, lines->shown[0]);
	TEXT_LITERAL(&t, ": ");
	text_raw(&t, lines->why);
	TEXT_LITERAL(&t, "\",\"lines\":[");
	for (size_t i = 0; i < lines->bad && i < LINES_SHOWN; i++) {
		text_raw(&t, i > 0 ? "," : "");
		text_number(&t, lines->shown[i]);
	}
	TEXT_LITERAL(&t, "],\"bad\":");
	text_number(&t, lines->bad);
	text_bytes(&t, "}\n", 3);
	if (t.failed)
		text_free(&t);
	visit_answer(v, 400, t.data);
}

static void
accept_visit(struct visit *v)
{
	char *json;

	if (asprintf(&json, "{\"records\":%" PRIu64 "}\n", v->records) == -1)
		json = NULL;
	visit_answer(v, 200, json);
}

static void
give_records(struct desk *d, struct visit *v, const struct lines *lines)
{
	struct giver_record r = {.traceparent = v->traceparent, .tracestate = v->tracestate};
	struct json_slice slice;
	size_t at = 0;

	while (lines_next(lines, v->body.data, v->body.len, &at, &slice)) {
		r.data = slice.data;
		r.len = slice.len;
		giver_put(d->giver, &r, d->name, v->token);
	}
	body_free(&v->body); /* the giver has a copy */
}

static void
take(void *arg, struct visit *v)
{
	struct desk *d = arg;
	char token[GIVER_TOKEN_SIZE];
	struct lines lines;

	lines_check(v->body.data, v->body.len, &lines);
	if (lines.bad > 0) {
		refuse(v, &lines);
		return;
	}
	v->records = lines.records;
	v->token = ++d->token;
	d->requests++;
	give_records(d, v, &lines);
	if (v->records == 0 || !d->marks) {
		accept_visit(v);
		return;
	}
	snprintf(token, sizeof(token), "%" PRIu64, v->token);
	giver_mark(d->giver, token);
	d->unacknowledged += v->records;
	TAILQ_INSERT_TAIL(&d->visits, v, next);
}

static void
note_done(void *arg, const char *token)
{
	struct desk *d = arg;
	uint64_t done = strtoull(token, NULL, 10);
	struct visit *v;

	while ((v = TAILQ_FIRST(&d->visits)) != NULL && v->token <= done) {
		TAILQ_REMOVE(&d->visits, v, next);
		d->unacknowledged -= v->records;
		accept_visit(v);
	}
}

static void
tell_stats(struct desk *d)
{
	if (clock_now() - d->told < STAT_EVERY ||
	    (d->requests == d->told_requests && d->unacknowledged == d->told_unacknowledged))
		return;
	giver_stat(d->giver, "requests", d->requests, NULL);
	giver_stat(d->giver, "unacknowledged", d->unacknowledged, NULL);
	d->told = clock_now();
	d->told_requests = d->requests;
	d->told_unacknowledged = d->unacknowledged;
}

static void
serve(struct desk *d)
{
	struct pollfd fd = {.fd = listener_fd(d->listener), .events = POLLIN};
	enum giver_state state;

	do {
		listener_set_full(d->listener, !giver_has_room(d->giver));
		tell_stats(d);
		state = giver_step(d->giver, &fd, 1, listener_timeout(d->listener));
		listener_run(d->listener);
	} while (state == GIVER_GOES_ON);
}

/* Whoever waits sends again; the answers that are known leave. */
static void
stop(struct desk *d)
{
	struct pollfd fd = {.fd = listener_fd(d->listener), .events = POLLIN};
	int64_t until = clock_now() + STOP_MOST;
	struct visit *v;

	listener_stop(d->listener);
	while ((v = TAILQ_FIRST(&d->visits)) != NULL) {
		TAILQ_REMOVE(&d->visits, v, next);
		visit_answer(v, 503, strdup("{\"error\":\"the server is stopping\"}\n"));
	}
	listener_run(d->listener);
	while (listener_is_answering(d->listener) && clock_now() < until) {
		(void)poll(&fd, 1, 100);
		listener_run(d->listener);
	}
}

/* Listens, and says where. */
static int
open_socket(struct desk *d)
{
	char name[ADDRESS_TEXT_SIZE];
	const char *why;
	int fd = address_listen(&d->site.address, name, &why);

	if (fd == -1)
		helper_fail("cannot listen on %s, port %s: %s", d->site.address.host,
		    d->site.address.port, why);
	snprintf(d->name, sizeof(d->name), "http://%s", name);
	helper_say("listening on %s%s", d->name, d->site.path);
	if (d->site.token == NULL && !address_is_loopback(fd))
		helper_say("anybody who can reach this address can post records: token-file=FILE "
			   "is against that");
	return fd;
}

int
from_http_server(int argc, char **argv)
{
	const char *url = helper_begin(argc, argv, help);
	struct desk d = {.marks = getenv("PCHAN_KEY") != NULL};
	char why[URL_WHY_SIZE];

	if (site_read(&d.site, url, why) == -1)
		helper_fail("%s", why);
	TAILQ_INIT(&d.visits);
	d.listener = listener_new(&d.site, open_socket(&d), take, &d);
	d.giver = giver_new(true, note_done, &d);
	serve(&d);
	stop(&d);
	listener_free(d.listener);
	giver_free(d.giver);
	site_free(&d.site);
	return 0;
}
