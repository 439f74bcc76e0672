#include "records.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "consumer.h"
#include "errors.h"
#include "meta.h"

#define MARK_AFTER (200 * CLOCK_MS)

/* The place of a message; NULL: the partition is not ours, or not any more. */
static struct place *
place_of(const struct consumer *c, const rd_kafka_message_t *m)
{
	struct place *p = m->rkt == NULL
	    ? NULL
	    : offsets_find(&c->offsets, rd_kafka_topic_name(m->rkt), m->partition);

	return p != NULL && p->assigned ? p : NULL;
}

/* The value of a header, or NULL; librdkafka has a NUL behind it. */
static const char *
header(const rd_kafka_headers_t *headers, const char *name)
{
	const void *value;
	size_t len;

	if (rd_kafka_header_get_last(headers, name, &value, &len) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return NULL;
	return value;
}

static const char *
write_member(struct consumer *c, const struct place *p, const rd_kafka_message_t *m)
{
	rd_kafka_timestamp_type_t type;
	int64_t timestamp = rd_kafka_message_timestamp(m, &type);
	struct meta meta = {.topic = p->topic,
	    .partition = p->partition,
	    .offset = m->offset,
	    .timestamp = type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? timestamp : -1,
	    .key = m->key,
	    .key_len = m->key_len,
	    .tombstone = m->payload == NULL};

	meta_write(&c->member, c->settings.meta, &meta);
	if (c->member.failed)
		consumer_out_of_memory();
	return c->member.data;
}

static void
put(struct consumer *c, const struct place *p, const rd_kafka_message_t *m)
{
	struct giver_record r = {.data = m->payload, .len = m->len};
	rd_kafka_headers_t *headers;

	if (c->settings.meta != NULL)
		r.member = write_member(c, p, m);
	if (m->payload == NULL) {
		r.data = r.member != NULL ? "{}" : "null";
		r.len = strlen(r.data);
	}
	if (rd_kafka_message_headers(m, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
		r.traceparent = header(headers, "traceparent");
		r.tracestate = header(headers, "tracestate");
	}
	giver_put(c->giver, &r, p->name, (uint64_t)m->offset);
}

static void
take_record(struct consumer *c, const rd_kafka_message_t *m)
{
	struct place *p = place_of(c, m);

	if (p == NULL)
		return;
	if (offsets_read(&c->offsets, p, m->offset))
		helper_say("%s goes on at offset %" PRId64
			   ", before what has been read: the server has lost records",
		    p->name, m->offset);
	if (p->committed == OFFSETS_NONE)
		consumer_want_commit(c);
	put(c, p, m);
}

static void
take_error(struct consumer *c, const rd_kafka_message_t *m)
{
	const char *topic = m->rkt != NULL ? rd_kafka_topic_name(m->rkt) : NULL;
	const char *what = rd_kafka_message_errstr(m);
	struct place *p = place_of(c, m);

	switch (errors_kind(m->err)) {
	case ERROR_RIGHTS:
		helper_fail("%s %s: no right to read (%s)", topic != NULL ? "topic" : "group",
		    topic != NULL ? topic : c->settings.group, what);
	case ERROR_GROUP:
		helper_fail("group %s: the servers do not take us as a member (%s)",
		    c->settings.group, what);
	case ERROR_SETTINGS:
		helper_fail("%s: %s", c->brokers.hosts, what);
	case ERROR_FATAL:
		helper_fail("group %s: %s", c->settings.group, what);
	case ERROR_RECORD:
	case ERROR_TOPIC:
	case ERROR_PASSES:
		if (m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
			trouble_tell(&c->trouble, "%s: %s",
			    p != NULL           ? p->name
				: topic != NULL ? topic
						: c->brokers.hosts,
			    what);
		else if (p != NULL) {
			offsets_reached(p, m->offset);
			consumer_want_commit(c);
		}
	}
}

void
records_handle(struct consumer *c, rd_kafka_message_t *m)
{
	if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
		take_record(c, m);
	else
		take_error(c, m);
	if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR || m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
		trouble_over(&c->trouble);
	rd_kafka_message_destroy(m);
}

bool
records_take(struct consumer *c)
{
	rd_kafka_message_t *m = NULL;

	for (int n = 0; n < CONSUMER_MARK_RECORDS && giver_has_room(c->giver); n++) {
		if ((m = rd_kafka_consume_queue(c->records, 0)) == NULL)
			break;
		records_handle(c, m);
	}
	if (c->offsets.unmarked >= CONSUMER_MARK_RECORDS)
		consumer_mark(c);
	else if (c->offsets.unmarked > 0 && c->mark_due == CLOCK_NEVER)
		c->mark_due = clock_now() + MARK_AFTER;
	return m != NULL;
}

bool
records_are_at_end(const struct consumer *c)
{
	for (size_t i = 0; i < c->offsets.n; i++)
		if (c->offsets.place[i]->assigned && !c->offsets.place[i]->at_end)
			return false;
	return c->settings.group == NULL || c->joined;
}

/*
 * What is to be read of a partition, and to be finished if there are marks;
 * -1: that is not known.
 */
static int64_t
lag_of(const struct consumer *c, const struct place *p)
{
	int64_t at = c->marks ? p->done : p->next, low, high;

	if (!p->assigned || at == OFFSETS_NONE ||
	    rd_kafka_get_watermark_offsets(c->rk, p->topic, p->partition, &low, &high) !=
		RD_KAFKA_RESP_ERR_NO_ERROR ||
	    high < at)
		return -1;
	return high - at;
}

void
records_tell(struct consumer *c)
{
	char label[512];

	for (size_t i = 0; i < c->offsets.n; i++) {
		struct place *p = c->offsets.place[i];
		int64_t lag = lag_of(c, p);

		if (c->settings.n_topics == 1)
			snprintf(label, sizeof(label), "partition=%" PRId32, p->partition);
		else
			snprintf(label, sizeof(label), "partition=%s", p->name);
		if (lag >= 0)
			giver_stat(c->giver, "lag", (uint64_t)lag, label);
		else if (p->lag_told)
			giver_no_stat(c->giver, "lag", label);
		p->lag_told = lag >= 0;
	}
	giver_stat(c->giver, "rebalances", c->rebalances, NULL);
	giver_stat(c->giver, "reconnects", c->brokers.reconnects, NULL);
	giver_stat(c->giver, "unacknowledged", offsets_outstanding(&c->offsets), NULL);
}
