#ifndef PCHAN_KAFKA_PRODUCER_H
#define PCHAN_KAFKA_PRODUCER_H

/*
 * A client that sends records, and tells what has become of each.
 *
 * Records of a partition stay in order: an idempotent client sees to that with
 * several requests on their way, any other one has a single request on its way.
 * A server judges a batch as a whole; a client that is `alone` sends each
 * record in a request of its own.
 *
 * The main thread's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

struct brokers;
struct settings;

struct producer {
	rd_kafka_t *rk; /* NULL: not started */
	rd_kafka_topic_t *topic;
	bool idempotent;
	uint64_t owed; /* records without a report */
};

enum producer_kind {
	PRODUCER_IDEMPOTENT, /* unless config= says that it cannot be */
	PRODUCER_PLAIN,
	PRODUCER_ALONE,
};

/*
 * Starts the client.  report(rk, message, brokers) is called by producer_poll()
 * for each record, with _private as it was sent.  `wake` is an eventfd.
 */
void producer_start(struct producer *, struct settings *, enum producer_kind, struct brokers *,
    int wake, void (*report)(rd_kafka_t *, const rd_kafka_message_t *, void *brokers));

/* Forgets the client, which owes nothing. */
void producer_end(struct producer *);

/* A record.  Its bytes stay until the report; the key is copied. */
struct producer_record {
	const char *data, *key; /* key: NULL if there is none */
	size_t len, key_len;
	const char *traceparent, *tracestate; /* or NULL */
	void *opaque;
};
rd_kafka_resp_err_t producer_send(struct producer *, const struct producer_record *);

/* Calls report() for what has ended. */
void producer_poll(struct producer *);

/* Gives up what has not been sent: it is reported as an error that passes. */
void producer_purge(struct producer *);

#endif
