#ifndef REDIS_READER_H
#define REDIS_READER_H

/*
 * What the parts of from-redis share: reading the stream (from.c), and keeping
 * what is ours in the group (group.c).
 */

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/giver.h"
#include "json/text.h"
#include "pending.h"
#include "server.h"
#include "target.h"

/* The commands whose replies we tell apart. */
enum command {
	COMMAND_READ,   /* XREADGROUP or XREAD */
	COMMAND_LAST,   /* XREVRANGE: where the stream ends */
	COMMAND_CREATE, /* XGROUP CREATE */
	COMMAND_OTHERS, /* XPENDING: how many entries of all consumers */
	COMMAND_CLAIM,  /* XAUTOCLAIM */
	COMMAND_TOUCH,  /* XCLAIM JUSTID */
	COMMAND_ACK,    /* XACK of n entries */
	COMMAND_DELETE, /* XDEL */
	COMMAND_LAG,    /* XINFO GROUPS */
	COMMAND_LENGTH, /* XLEN */
	COMMAND_LEAVE,  /* XGROUP DELCONSUMER */
};

/* Where a group's reader is. */
enum phase {
	PHASE_FIND, /* without a group, start=$: the end is to be found */
	PHASE_OWN,  /* a former life's entries come first */
	PHASE_NEW,
	PHASE_ENDED, /* end=1, and all has been read */
};

struct reading {
	struct target target;
	const char *group; /* NULL: none */
	const char *consumer, *field, *start, *meta;
	int64_t claim; /* ns */
	bool deletes, ends;

	struct giver *giver;
	struct server *server;
	struct pending pending;
	struct text scratch, member;

	enum phase phase;
	char last[ENTRY_ID_SIZE]; /* read on after it, but not with ">" */
	uint64_t count;           /* entries to ask for */
	bool asked;               /* a COMMAND_READ is outstanding */
	bool has_read;            /* the group was there */
	bool creating, claiming, leaving;
	bool stops;        /* nothing is to be given any more */
	int64_t next_read; /* not before; end=1 */

	char cursor[ENTRY_ID_SIZE]; /* XAUTOCLAIM goes on there */
	int64_t next_round;         /* XCLAIM and XAUTOCLAIM */
	int64_t next_stat;

	char default_consumer[HOST_NAME_MAX + 32];
};

/* Gives the entries of a reply, with a mark, and remembers those of a group. */
void reading_give(struct reading *, const redisReply *entries);

#endif
