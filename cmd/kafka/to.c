#include "to.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/helper.h"
#include "engine/taker.h"
#include "json/key.h"
#include "brokers.h"
#include "errors.h"
#include "producer.h"
#include "settings.h"
#include "topics.h"
#include "trace/carrier.h"

#define TURN_MS 1000
#define TOPICS_MS 200
#define QUIET (10 * CLOCK_S) /* without a report, from which on it is told */
#define LOOK_MS 500

/* Records by their numbers, which stand in their order when they are sent. */
struct held {
	struct taker_record *record;
	size_t n, room;
};

struct sender {
	struct brokers brokers; /* first: the opaque pointer of clients */
	struct settings settings;
	struct json_path *key; /* or NULL */
	struct taker *taker;
	int wake;
	struct producer batches;
	struct producer alone; /* started when a batch has been refused */
	bool renews;           /* another client takes the place of batches */
	bool holds;            /* what is in `again` goes first, at `resumes` */
	struct held again;
	int64_t resumes;
	unsigned failures;
	int64_t reported; /* the last report, or when none could come */
	struct trouble quiet;
};

static void report(rd_kafka_t *, const rd_kafka_message_t *, void *);

static struct taker_record
record_of(const rd_kafka_message_t *m)
{
	return (struct taker_record){m->payload, m->len, (uint64_t)(uintptr_t)m->_private};
}

static void
keep(struct held *h, struct taker_record r)
{
	if (h->n == h->room) {
		h->room = h->room == 0 ? 1024 : 2 * h->room;
		if ((h->record = reallocarray(h->record, h->room, sizeof(*h->record))) == NULL)
			helper_fail("out of memory");
	}
	h->record[h->n++] = r;
}

/*
 * The record goes again, without an answer, and no other record before it: when
 * all reports have come, and after some time.
 */
static void
hold(struct sender *s, struct taker_record r)
{
	keep(&s->again, r);
	if (s->holds)
		return;
	s->holds = true;
	s->resumes = clock_now() + helper_back_off(++s->failures);
	taker_hold(s->taker, true);
}

static int
compare(const void *a, const void *b)
{
	uint64_t m = ((const struct taker_record *)a)->n, n = ((const struct taker_record *)b)->n;

	return (m > n) - (m < n);
}

/* What a record says of itself, as headers: `context` and `c` hold them. */
static void
add_context(struct producer_record *r, struct carrier *c, char context[CONTEXT_TEXT_SIZE])
{
	if (!carrier_is_likely(r->data, r->len) || !json_check(r->data, r->len, NULL))
		return;
	carrier_read(r->data, r->len, c);
	if (!c->found)
		return;
	context_print(&c->context, context);
	r->traceparent = context;
	if (*c->state != '\0')
		r->tracestate = c->state;
}

/* The error of a record that cannot be sent. */
static void
refuse(struct sender *s, const struct taker_record *r, rd_kafka_resp_err_t err, bool here)
{
	const char *topic = s->settings.topic[0];

	if (err != RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
		taker_reject(s->taker, r->n, "topic %s: %s", topic, rd_kafka_err2str(err));
	else
		taker_reject(s->taker, r->n, "%zu bytes are too many for %s %s", r->len,
		    here ? "message.max.bytes (config=), before they go to topic" : "topic", topic);
}

/* What becomes of the record is told by report(). */
static void
send_to(struct sender *s, struct producer *p, const struct taker_record *r)
{
	struct producer_record record = {
	    .data = r->data, .len = r->len, .opaque = (void *)(uintptr_t)r->n};
	char context[CONTEXT_TEXT_SIZE];
	struct json_key key = {0};
	struct carrier c;
	rd_kafka_resp_err_t err;

	if (s->key != NULL) {
		if (json_key_find(&key, s->key, r->data, r->len) == -1) {
			taker_reject(s->taker, r->n, "no value at %s", s->settings.key);
			return;
		}
		/* The quote says that this is a string, no more. */
		record.key = *key.data == '"' ? key.data + 1 : key.data;
		record.key_len = key.len - (size_t)(record.key - key.data);
	}
	add_context(&record, &c, context);
	err = producer_send(p, &record);
	json_key_forget(&key);
	switch (err) {
	case RD_KAFKA_RESP_ERR_NO_ERROR:
		return;
	case RD_KAFKA_RESP_ERR__QUEUE_FULL: /* the taker has fewer than that */
	case RD_KAFKA_RESP_ERR__FATAL:
		hold(s, *r);
		s->renews |= err == RD_KAFKA_RESP_ERR__FATAL;
		return;
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
		hold(s, *r);
		return;
	default:
		refuse(s, r, err, true);
	}
}

static void
send_alone(struct sender *s, const rd_kafka_message_t *m)
{
	struct taker_record r = record_of(m);

	if (s->alone.rk == NULL)
		producer_start(
		    &s->alone, &s->settings, PRODUCER_ALONE, &s->brokers, s->wake, report);
	send_to(s, &s->alone, &r);
}

/* What has become of a record, of either client. */
static void
report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct sender *s = opaque;
	struct producer *p = rk == s->alone.rk ? &s->alone : &s->batches;
	struct taker_record r = record_of(m);

	p->owed--;
	s->reported = clock_now();
	if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
		trouble_over(&s->quiet);
		s->failures = 0;
		taker_done(s->taker, r.n);
		return;
	}
	switch (errors_kind(m->err)) {
	case ERROR_PASSES:
		if (s->renews && p == &s->batches)
			hold(s, r);
		else
			taker_again(s->taker, r.n, 0, "%s", rd_kafka_err2str(m->err));
		return;
	case ERROR_FATAL:
		hold(s, r);
		s->renews = true;
		return;
	case ERROR_RECORD:
		if (p == &s->alone)
			refuse(s, &r, m->err, false);
		else
			send_alone(s, m);
		return;
	case ERROR_TOPIC:
		/* A server that has just started does not know it. */
		hold(s, r);
		trouble_tell(
		    &s->quiet, "topic %s: %s", s->settings.topic[0], rd_kafka_err2str(m->err));
		return;
	case ERROR_RIGHTS:
		helper_fail("topic %s: no right to write to it (%s)", s->settings.topic[0],
		    rd_kafka_err2str(m->err));
	case ERROR_GROUP:
	case ERROR_SETTINGS:
		helper_fail("%s: %s", s->brokers.hosts, rd_kafka_err2str(m->err));
	}
}

static void
drop_first(struct held *h, size_t n)
{
	h->n -= n;
	memmove(h->record, h->record + n, h->n * sizeof(*h->record));
}

/* Sends what there is, in its order. */
static void
send_all(struct sender *s)
{
	struct taker_record r;
	size_t i = 0;

	while (!s->holds && i < s->again.n)
		send_to(s, &s->batches, &s->again.record[i++]);
	if (i > 0)
		drop_first(&s->again, i);
	while (!s->holds && taker_next(s->taker, &r))
		send_to(s, &s->batches, &r);
}

/* Another client in place of one that cannot go on. */
static void
renew(struct sender *s)
{
	if (s->brokers.fatal)
		helper_say("topic %s: %s; a new producer goes on", s->settings.topic[0],
		    s->brokers.reason);
	producer_end(&s->batches);
	s->brokers.fatal = s->renews = false;
	producer_start(&s->batches, &s->settings,
	    s->brokers.old ? PRODUCER_PLAIN : PRODUCER_IDEMPOTENT, &s->brokers, s->wake, report);
}

/* Goes on with what was held when nothing else is on its way. */
static void
resume(struct sender *s)
{
	if (s->brokers.fatal || (s->brokers.old && s->batches.idempotent))
		s->renews = true;
	if (s->renews)
		producer_purge(&s->batches);
	if ((!s->renews && !s->holds) || s->batches.owed > 0)
		return;
	if (s->renews)
		renew(s);
	if (!s->holds || clock_now() < s->resumes)
		return;
	qsort(s->again.record, s->again.n, sizeof(*s->again.record), compare);
	s->holds = false;
	taker_hold(s->taker, false);
}

/* Once a second: does a server that is there not answer? */
static void
watch(struct sender *s)
{
	const char *topic = s->settings.topic[0];
	char why[TOPIC_WHY_SIZE];
	int32_t n;

	if (!s->brokers.ticked)
		return;
	s->brokers.ticked = false;
	if (s->batches.owed + s->alone.owed == 0 || !s->brokers.up)
		s->reported = clock_now();
	if (clock_now() - s->reported < QUIET)
		return;
	(void)topics_look(s->batches.rk, topic, LOOK_MS, &n, why);
	trouble_tell(&s->quiet, "topic %s: records get no answer (%s)", topic,
	    *why != '\0' ? why : "no error");
}

static enum taker_state
step(struct sender *s, int timeout)
{
	struct pollfd wake = {.fd = s->wake, .events = POLLIN};
	enum taker_state state;
	uint64_t count;

	taker_stat(s->taker, "reconnects", s->brokers.reconnects);
	state = taker_step(s->taker, &wake, 1, timeout);
	if ((wake.revents & POLLIN) != 0)
		(void)!read(s->wake, &count, sizeof(count));
	s->brokers.needed = !s->brokers.was_up || s->batches.owed + s->alone.owed > 0;
	producer_poll(&s->batches);
	producer_poll(&s->alone);
	resume(s);
	return state;
}

static void
read_key(struct sender *s)
{
	const char *why;

	if (s->settings.key != NULL && (s->key = json_path_new(s->settings.key, &why)) == NULL)
		helper_fail("option key=%s: %s", s->settings.key, why);
}

int
to_run(const char *url)
{
	static struct sender s;
	enum taker_state state = TAKER_GOES_ON;
	int64_t unknown = 0;

	settings_read_to(&s.settings, url);
	read_key(&s);
	s.brokers.hosts = s.settings.hosts;
	if ((s.wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) == -1)
		helper_fail("eventfd: %s", strerror(errno));
	producer_start(&s.batches, &s.settings, PRODUCER_IDEMPOTENT, &s.brokers, s.wake, report);
	s.taker = taker_new();

	while (state == TAKER_GOES_ON &&
	    !topics_are_there(s.batches.rk, s.settings.topic, 1, &unknown)) {
		(void)poll(NULL, 0, TOPICS_MS);
		state = step(&s, 0);
	}
	s.reported = clock_now();
	while (state == TAKER_GOES_ON) {
		send_all(&s);
		state = step(&s, TURN_MS);
		watch(&s);
	}
	return 0;
}
