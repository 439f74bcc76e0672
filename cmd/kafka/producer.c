#include "producer.h"

#include <string.h>

#include "engine/helper.h"
#include "brokers.h"
#include "settings.h"

/* In flight, unless config= says something else. */
#define IN_FLIGHT "max.in.flight.requests.per.connection"
#define IN_FLIGHT_DEFAULT "1000000"

#define VU_MAX 7

/*
 * What config= may change.  The taker bounds what is sent at a time, so that
 * librdkafka need not; a record is tried for ever, and a topic that was there
 * is not given up, as a server that has just started may not know it.
 */
static const char *const defaults[] = {"acks", "all", "enable.idempotence", "true", "linger.ms",
    "0", "message.timeout.ms", "0", "partitioner", "murmur2_random",
    "topic.metadata.propagation.max.ms", "3600000", "queue.buffering.max.messages", "0",
    "queue.buffering.max.kbytes", "2097151", NULL};

/* Whether the servers are said to be older than 0.11, which has idempotence. */
static bool
is_old(const rd_kafka_conf_t *conf)
{
	static const char *const old[] = {"0.8", "0.9", "0.10"};
	char version[64] = "";
	size_t size = sizeof(version);

	if (settings_is(conf, "api.version.request", "true") ||
	    rd_kafka_conf_get(conf, "broker.version.fallback", version, &size) != RD_KAFKA_CONF_OK)
		return false;
	for (size_t i = 0; i < sizeof(old) / sizeof(old[0]); i++)
		if (strncmp(version, old[i], strlen(old[i])) == 0)
			return true;
	return false;
}

static bool
can_be_idempotent(const rd_kafka_conf_t *conf)
{
	bool all = settings_is(conf, "acks", "-1") || settings_is(conf, "acks", "all");

	return all && settings_is(conf, "enable.idempotence", "true") && !is_old(conf);
}

void
producer_start(struct producer *p, struct settings *s, enum producer_kind kind,
    struct brokers *brokers, int wake,
    void (*report)(rd_kafka_t *, const rd_kafka_message_t *, void *))
{
	rd_kafka_conf_t *conf = settings_conf(s, defaults);
	rd_kafka_queue_t *queue;
	char why[512];

	if (kind == PRODUCER_ALONE) {
		brokers_ignore(conf, brokers);
		settings_set(conf, "batch.num.messages", "1");
	} else
		brokers_watch(conf, brokers);
	if (s->compression != NULL)
		settings_set(conf, "compression.type", s->compression);
	p->idempotent = kind == PRODUCER_IDEMPOTENT && can_be_idempotent(conf);
	settings_set(conf, "enable.idempotence", p->idempotent ? "true" : "false");
	if (!p->idempotent && settings_is(conf, IN_FLIGHT, IN_FLIGHT_DEFAULT))
		settings_set(conf, IN_FLIGHT, "1");
	rd_kafka_conf_set_dr_msg_cb(conf, report);
	if ((p->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why))) == NULL)
		helper_fail("%s", why);
	if ((p->topic = rd_kafka_topic_new(p->rk, s->topic[0], NULL)) == NULL)
		helper_fail("topic %s: %s", s->topic[0], rd_kafka_err2str(rd_kafka_last_error()));
	queue = rd_kafka_queue_get_main(p->rk);
	brokers_wake(queue, wake);
	rd_kafka_queue_destroy(queue);
	p->owed = 0;
}

void
producer_end(struct producer *p)
{
	rd_kafka_topic_destroy(p->topic);
	rd_kafka_destroy(p->rk);
	p->rk = NULL;
}

static rd_kafka_vu_t
header(const char *name, const char *value)
{
	return (rd_kafka_vu_t){
	    .vtype = RD_KAFKA_VTYPE_HEADER, .u.header = {name, value, (ssize_t)strlen(value)}};
}

rd_kafka_resp_err_t
producer_send(struct producer *p, const struct producer_record *r)
{
	rd_kafka_vu_t vu[VU_MAX];
	rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
	rd_kafka_error_t *error;
	size_t n = 0;

	vu[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = p->topic};
	vu[n++] = (rd_kafka_vu_t){
	    .vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)r->data, r->len}};
	vu[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = r->opaque};
	if (r->key != NULL)
		vu[n++] = (rd_kafka_vu_t){
		    .vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)r->key, r->key_len}};
	if (r->traceparent != NULL)
		vu[n++] = header("traceparent", r->traceparent);
	if (r->tracestate != NULL)
		vu[n++] = header("tracestate", r->tracestate);
	if ((error = rd_kafka_produceva(p->rk, vu, n)) != NULL) {
		err = rd_kafka_error_code(error);
		rd_kafka_error_destroy(error);
	} else
		p->owed++;
	return err;
}

void
producer_poll(struct producer *p)
{
	if (p->rk != NULL)
		(void)rd_kafka_poll(p->rk, 0);
}

void
producer_purge(struct producer *p)
{
	(void)rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
}
