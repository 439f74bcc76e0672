#ifndef REDIS_PLACE_H
#define REDIS_PLACE_H

/*
 * Where a server can be reached: the addresses of the hosts of a URL, or a Unix
 * socket.
 *
 * The main thread's.  places_find() asks the resolver, and blocks meanwhile.
 */

#include <stddef.h>
#include <sys/socket.h>

#include "target.h"

#define PLACES_MAX 16

struct place {
	struct sockaddr_storage address;
	socklen_t len;
	const char *host; /* the URL's, or NULL */
};

struct places {
	struct place at[PLACES_MAX];
	size_t n;
};

/* Finds all of them, in the URL's order.  NULL, or why a host has none. */
const char *places_find(struct places *, const struct target *);

/* Begins to connect: a descriptor that does not block; -1 with errno. */
int place_connect(const struct place *);

#endif
