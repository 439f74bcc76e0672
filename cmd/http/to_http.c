/* Posts records to a service: pending, gate and outcome decide, this acts. */

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "engine/helper.h"
#include "engine/taker.h"
#include "gate.h"
#include "headers.h"
#include "http.h"
#include "outcome.h"
#include "pending.h"
#include "request.h"
#include "target.h"
#include "wire.h"

static const char help[] =
    "to-http 'http://HOST[:PORT]/PATH[?QUERY][#OPTION=VALUE&...]'\n"
    "\n"
    "Posts each record to the service, for pfanout --to; see pchan-engines(7).\n"
    "PATH and QUERY are the service's.  Options are in the fragment:\n"
    "\n"
    "  batch=N            up to N records in a request, as NDJSON (default 1: as JSON)\n"
    "  batch-bytes=SIZE   and no more bytes than that (default 1M)\n"
    "  parallel=N         requests at a time (default 8; 1 keeps the order)\n"
    "  timeout=TIME       of a request (default 30s)\n"
    "  method=METHOD      POST (default), PUT or PATCH\n"
    "  header-file=FILE   more headers, such as 'Authorization: Bearer TOKEN', a line each\n"
    "  id=PATH            the value there is the Idempotency-Key of the request\n"
    "  gzip               requests are compressed\n"
    "  cacert=FILE cert=FILE key=FILE    of TLS, PEM\n"
    "\n"
    "Environment: PCHAN_HTTP_AUTHORIZATION, the value of an Authorization header.\n";

struct poster {
	struct target target;
	struct headers headers;
	struct taker *taker;
	struct pending pending;
	struct gate gate;
	struct trouble trouble;
	struct wire *wire;
	struct request *request; /* target.parallel of them */
	unsigned running;
	uint64_t requests; /* that were sent */
	bool worked;       /* a request was answered with 2xx */
};

/* What becomes of the records of a bundle: all have the same answer. */
static void
answer_all(struct poster *p, struct bundle *b, const struct outcome *o)
{
	for (size_t i = 0; i < b->n; i++) {
		uint64_t n = b->record[i].n;

		if (o->kind == OUTCOME_TAKEN)
			taker_done(p->taker, n);
		else if (o->kind == OUTCOME_AGAIN)
			taker_again(p->taker, n, o->wait, "%s", o->text);
		else
			taker_reject(p->taker, n, "%s", o->text);
	}
	free(b);
}

static void
tell_trouble(struct poster *p, const struct outcome *o)
{
	trouble_tell(&p->trouble, "%s: %s", p->target.shown, o->text);
}

/* The service has answered as one that works. */
static void
note_works(struct poster *p)
{
	gate_works(&p->gate);
	trouble_over(&p->trouble);
}

/* A URL that has never worked is wrong: its records are not to blame. */
static void
refuse(struct poster *p, struct bundle *b, const struct outcome *o)
{
	if (!p->worked)
		helper_fail("%s: %s; nothing has been taken there yet: check the URL, the rights "
			    "and the certificates",
		    p->target.shown, o->text);
	note_works(p);
	answer_all(p, b, o);
}

/* Does what follows from the outcome. */
static void
conclude(struct poster *p, struct bundle *b, const struct outcome *o)
{
	const int64_t now = clock_now();

	switch (o->kind) {
	case OUTCOME_TAKEN:
		p->worked = true;
		note_works(p);
		break;
	case OUTCOME_AGAIN:
		if (gate_failed(&p->gate, now, o->wait))
			tell_trouble(p, o);
		break;
	case OUTCOME_AWAY:
		(void)gate_away(&p->gate, now);
		tell_trouble(p, o);
		pending_return(&p->pending, b);
		return;
	case OUTCOME_REFUSED:
		refuse(p, b, o);
		return;
	case OUTCOME_UNFIT:
		note_works(p);
		if (b->n > 1 && pending_halve(&p->pending, b))
			return;
		break;
	case OUTCOME_REJECTED:
		note_works(p);
		break;
	}
	answer_all(p, b, o);
}

static void
end_request(void *arg, CURL *easy, CURLcode code)
{
	struct poster *p = arg;
	struct request *r = NULL;
	struct outcome outcome;
	struct bundle *b;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&r);
	b = request_unload(r, code);
	p->running--;
	outcome_judge(&r->answer, time(NULL), &outcome);
	/* A service may repeat what it was sent. */
	if (headers_are_in(&p->headers, outcome.text))
		snprintf(outcome.text, sizeof(outcome.text),
		    "%ld: an answer that is not shown, as it has a value of the headers",
		    r->answer.status);
	conclude(p, b, &outcome);
}

static struct request *
find_idle(const struct poster *p)
{
	struct request *r = p->request;

	while (r->bundle != NULL)
		r++;
	return r;
}

/* Sends a bundle, or rejects the record that can't be sent. */
static void
send_bundle(struct poster *p, struct bundle *b)
{
	struct request *r = find_idle(p);
	const char *why = NULL;

	if (request_load(r, b, &why) == -1) {
		if (why == NULL)
			helper_fail("out of memory");
		taker_reject(p->taker, b->record[0].n, "%s", why);
		free(b);
		return;
	}
	if (wire_add(p->wire, r->easy) == -1)
		helper_fail("out of memory");
	p->running++;
	p->requests++;
}

/* Sends as many bundles as may be under way. */
static void
send_more(struct poster *p)
{
	while (!pending_is_empty(&p->pending) && gate_opens(&p->gate, p->running) <= clock_now()) {
		struct bundle *b = pending_next(
		    &p->pending, (size_t)p->target.batch, (size_t)p->target.batch_bytes);

		if (b == NULL)
			helper_fail("out of memory");
		send_bundle(p, b);
	}
}

/* How many ms nothing is due; -1: until something happens. */
static int
time_to_sleep(const struct poster *p)
{
	int64_t due = wire_due(p->wire), left;

	if (!pending_is_empty(&p->pending))
		due = clock_earlier(due, gate_opens(&p->gate, p->running));
	if (due == CLOCK_NEVER)
		return -1;
	left = due - clock_now();
	return left <= 0          ? 0
	    : left > 60 * CLOCK_S ? 60000
				  : (int)((left + CLOCK_MS - 1) / CLOCK_MS);
}

static void
run(struct poster *p)
{
	enum taker_state state = TAKER_GOES_ON;
	struct pollfd fd = {.fd = wire_fd(p->wire), .events = POLLIN};
	struct taker_record record;

	while (state == TAKER_GOES_ON) {
		while (taker_next(p->taker, &record))
			if (!pending_put(&p->pending, &record))
				helper_fail("out of memory");
		send_more(p);
		taker_stat(p->taker, "requests", p->requests);
		state = taker_step(p->taker, &fd, 1, time_to_sleep(p));
		wire_run(p->wire);
	}
}

static void
begin(struct poster *p, const char *url)
{
	char why[URL_WHY_SIZE], header_why[HEADERS_WHY_SIZE];
	const char *option_why;

	if (target_read(&p->target, url, why) == -1)
		helper_fail("%s", why);
	if (headers_read(&p->headers, p->target.header_file, p->target.gzip, header_why) == -1)
		helper_fail("%s", header_why);
	p->gate.parallel = (unsigned)p->target.parallel;
	p->request = calloc((size_t)p->target.parallel, sizeof(*p->request));
	if (p->request == NULL)
		helper_fail("out of memory");
	p->wire = wire_new(p->target.parallel, end_request, p);
	for (int64_t i = 0; i < p->target.parallel; i++)
		if (request_init(&p->request[i], &p->target, &p->headers, &option_why) == -1)
			helper_fail("%s: %s", p->target.shown, option_why);
	pending_init(&p->pending);
	p->taker = taker_new();
}

static void
end(struct poster *p)
{
	for (int64_t i = 0; i < p->target.parallel; i++)
		request_end(&p->request[i]);
	wire_free(p->wire);
	free(p->request);
	pending_free(&p->pending);
	taker_free(p->taker);
	headers_free(&p->headers);
	target_free(&p->target);
}

int
to_http(int argc, char **argv)
{
	struct poster p = {0};

	begin(&p, helper_begin(argc, argv, help));
	run(&p);
	end(&p);
	return 0;
}
