#include "from.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "engine/helper.h"
#include "consumer.h"
#include "group.h"
#include "records.h"
#include "topics.h"
#include "whole.h"

#define TURN_MS 1000 /* librdkafka's statistics come once a second */
#define TOPICS_MS 200

/*
 * What config= may change.  When what was fetched and is not taken yet reaches
 * the limit, librdkafka stops to fetch.  It goes on after a pause of a second,
 * in which all may have been taken; since 2.2.0 the pause can be shorter.
 */
#define HAS_PAUSE 0x02020000
static const char *const defaults[] = {"queued.max.messages.kbytes", "32768", "queued.min.messages",
    "10000000", "fetch.queue.backoff.ms", "10", NULL};
static const char *const old_defaults[] = {
    "queued.max.messages.kbytes", "98304", "queued.min.messages", "10000000", NULL};

static void
on_done(void *arg, const char *token)
{
	struct consumer *c = arg;

	offsets_done(&c->offsets, strtoull(token, NULL, 10));
	consumer_want_commit(c);
}

/* The client, and where its records and all else come in. */
static void
start_client(struct consumer *c)
{
	rd_kafka_conf_t *conf =
	    settings_conf(&c->settings, rd_kafka_version() >= HAS_PAUSE ? defaults : old_defaults);
	rd_kafka_queue_t *rest;
	char why[512];

	brokers_watch(conf, &c->brokers);
	settings_set(conf, "enable.partition.eof", "true");
	settings_set(conf, "auto.offset.reset",
	    c->settings.offset == RD_KAFKA_OFFSET_END ? "latest" : "earliest");
	if (c->settings.group != NULL)
		group_configure(c, conf);
	if ((c->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why))) == NULL)
		helper_fail("%s", why);
	c->records = rd_kafka_queue_new(c->rk);
	if (c->settings.group != NULL)
		rd_kafka_poll_set_consumer(c->rk);
	rest = c->settings.group != NULL ? rd_kafka_queue_get_consumer(c->rk)
					 : rd_kafka_queue_get_main(c->rk);
	brokers_wake(c->records, c->wake);
	brokers_wake(rest, c->wake);
	rd_kafka_queue_destroy(rest);
}

static void
serve(struct consumer *c)
{
	if (c->settings.group != NULL)
		group_serve(c);
	else
		whole_serve(c);
	if (c->brokers.ticked && c->settings.group != NULL)
		group_watch(c);
	c->news |= c->brokers.ticked;
	c->brokers.ticked = false;
	if (!c->news || !giver_has_room(c->giver))
		return;
	records_tell(c);
	c->news = false;
}

/* Marks and commits what is due, and waits for more. */
static void
turn(struct consumer *c, bool more)
{
	int64_t now = clock_now(), due;
	int64_t ms = TURN_MS;

	if (now >= c->mark_due)
		consumer_mark(c);
	group_commit(c);
	due = clock_earlier(c->mark_due, c->committing ? CLOCK_NEVER : c->commit_due);
	if (due != CLOCK_NEVER)
		ms = due > now ? (due - now) / CLOCK_MS + 1 : 0;
	consumer_step(c, more && giver_has_room(c->giver) ? 0 : (int)(ms < TURN_MS ? ms : TURN_MS));
	serve(c);
}

static void
wait_for_topics(struct consumer *c)
{
	int64_t unknown = 0;

	while (!c->stops &&
	    !topics_are_there(c->rk, c->settings.topic, c->settings.n_topics, &unknown)) {
		serve(c);
		consumer_step(c, TOPICS_MS);
	}
}

/* Until it is to stop, or is at the end. */
static void
read_on(struct consumer *c)
{
	bool more;

	while (!c->stops) {
		more = records_take(c);
		if (c->settings.end && records_are_at_end(c))
			break;
		turn(c, more);
	}
}

/* All has been read: what is on its way is to be finished. */
static void
finish(struct consumer *c)
{
	consumer_mark(c);
	giver_end(c->giver);
	while (!c->stops)
		turn(c, false);
}

int
from_run(const char *url)
{
	static struct consumer c;

	settings_read_from(&c.settings, url);
	c.brokers.hosts = c.settings.hosts;
	c.brokers.needed = true;
	c.marks = c.settings.group != NULL && getenv("PCHAN_KEY") != NULL;
	c.mark_due = c.commit_due = CLOCK_NEVER;
	if ((c.wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) == -1)
		helper_fail("eventfd: %s", strerror(errno));
	start_client(&c);
	c.giver = giver_new(c.settings.group != NULL, on_done, &c);

	wait_for_topics(&c);
	if (c.settings.group == NULL)
		whole_begin(&c);
	else
		group_join(&c);
	read_on(&c);
	finish(&c);
	if (c.settings.group != NULL)
		group_leave(&c);
	return 0;
}
