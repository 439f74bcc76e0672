#ifndef PCHAN_KAFKA_BROKERS_H
#define PCHAN_KAFKA_BROKERS_H

/*
 * Whether the servers can be reached, as librdkafka tells once a second, and
 * what is told of that.  A login that is refused and TLS that cannot work end
 * the process with status 2; servers that are away are waited for.
 *
 * The opaque pointer of the client is a struct that begins with this one.
 *
 * The thread's that polls the client.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

#include "engine/helper.h"

struct brokers {
	const char *hosts;   /* of the URL */
	bool needed;         /* idle connections may be closed */
	bool ticked;         /* set once a second */
	bool was_up;         /* a server has answered */
	bool up;             /* one is connected */
	bool old;            /* they are too old for idempotence */
	bool fatal;          /* the client cannot go on, and reason says why */
	unsigned down;       /* seconds without a connection */
	uint64_t reconnects; /* attempts to connect again */
	char reason[512];    /* of the last error */
	struct trouble trouble;
};

/* Sets the callbacks of a client whose opaque pointer is brokers. */
void brokers_watch(rd_kafka_conf_t *, struct brokers *);

/* The same pointer; another client for the same servers is watched. */
void brokers_ignore(rd_kafka_conf_t *, struct brokers *);

/*
 * Makes the eventfd readable whenever something comes into the empty queue.
 */
void brokers_wake(rd_kafka_queue_t *queue, int fd);

#endif
