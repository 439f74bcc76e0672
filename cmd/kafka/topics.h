#ifndef PCHAN_KAFKA_TOPICS_H
#define PCHAN_KAFKA_TOPICS_H

/*
 * Whether the topics of the URL are there.  A topic that is not there, or may
 * not be used, ends the process with status 2; but a server that has just
 * started may not know its topics yet, so that it is asked for some seconds.
 *
 * The main thread's.
 */

#include <stdbool.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

enum topic_state {
	TOPIC_THERE,
	TOPIC_UNKNOWN, /* servers say that there is no such topic */
	TOPIC_AWAY,    /* no server answers, or there is no leader */
};

/*
 * Asks for a topic, and blocks for up to the timeout (ms) where servers are
 * away.  `why` is the last error, or "".  Without the right to use the topic
 * the process ends.
 */
#define TOPIC_WHY_SIZE 128
enum topic_state topics_look(
    rd_kafka_t *, const char *topic, int timeout, int32_t *n_partitions, char why[TOPIC_WHY_SIZE]);

/*
 * Whether all the topics are there; to be asked again and again.  Blocks for
 * less than a second.  *unknown keeps since when one is not known, 0 at first.
 */
bool topics_are_there(rd_kafka_t *, char **topic, size_t n, int64_t *unknown);

#endif
