#ifndef REDIS_GREETING_H
#define REDIS_GREETING_H

/*
 * What is said at the beginning of a connection, and what the replies mean.
 *
 * Knows no server; nothing blocks.
 */

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "json/text.h"
#include "target.h"

enum greeting {
	GREET_AUTH,   /* the password */
	GREET_SELECT, /* the database */
	GREET_PING,   /* a server that reads its data replies LOADING */
	GREET_FSYNC,  /* CONFIG GET: is a reply a promise? */
	GREET_LONGEST,
	GREETINGS
};

/* Writes the command.  False: it is not needed. */
bool greeting_write(enum greeting, const struct target *, struct text *);

/* Of CONFIG GET: whether what the server has replied to is on its disk. */
bool greeting_is_durable(const redisReply *);

/* Of CONFIG GET: the longest value; 0 if the server doesn't tell. */
uint64_t greeting_longest(const redisReply *);

#endif
