#ifndef REDIS_FLIGHT_H
#define REDIS_FLIGHT_H

/*
 * Records on their way to the server.  Replies come in the order of the
 * commands, so these are a queue, of which the first part has been sent.  When
 * the connection is lost nobody knows which of these were stored: all of them
 * are sent again.
 *
 * Knows no server; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/taker.h"

/* {0} is empty. */
struct flight {
	struct taker_record *ring;
	size_t room;    /* a power of two, or 0 */
	uint64_t first; /* the oldest one that has no reply */
	uint64_t sent;  /* the first that has not been sent */
	uint64_t end;   /* after the last */
};

void flight_free(struct flight *);

/* Adds a record.  -1 with errno ENOMEM. */
int flight_add(struct flight *, const struct taker_record *);

/* The i-th of those that have not been sent, from 0; NULL: there is none. */
const struct taker_record *flight_unsent(const struct flight *, size_t i);

/* The next n of them are sent. */
void flight_send(struct flight *, size_t n);

/* The reply to the oldest one that was sent: which one it is.  It leaves. */
bool flight_reply(struct flight *, struct taker_record *);

/* The connection is lost. */
void flight_lose(struct flight *);

#endif
