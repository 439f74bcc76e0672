#ifndef PCHAN_KAFKA_ERRORS_H
#define PCHAN_KAFKA_ERRORS_H

/*
 * What an error of Kafka is about, and so what becomes of it.
 *
 * Any thread; nothing blocks.
 */

#include <librdkafka/rdkafka.h>

enum error_kind {
	ERROR_PASSES,   /* a server is away or busy: it is tried again */
	ERROR_RECORD,   /* the topic does not take this record */
	ERROR_TOPIC,    /* there is no such topic */
	ERROR_RIGHTS,   /* topic, group or cluster: it is not allowed */
	ERROR_GROUP,    /* the group is not as its other members have it */
	ERROR_SETTINGS, /* the server does not do what config= asks for */
	ERROR_FATAL,    /* librdkafka's client cannot go on */
};

enum error_kind errors_kind(rd_kafka_resp_err_t);

#endif
