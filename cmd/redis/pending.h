#ifndef REDIS_PENDING_H
#define REDIS_PENDING_H

/*
 * Entries of a stream that are ours: given to pfanin, and not acknowledged to
 * the server yet.  They are numbered from 1 in the order in which they were
 * given, and the number of the last one before a mark is the mark's token.
 *
 *	 | acknowledged    | on its way  | finished          | given         |
 *	 1           acked+1        sent+1         finished+1             given
 *
 * Knows no server; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct entry_id {
	uint64_t ms, seq;
};

/* Size of an id as text, with its NUL. */
#define ENTRY_ID_SIZE 48

struct pending_entry {
	struct entry_id id;
	int64_t came; /* monotonic ns */
};

/* {0} is empty. */
struct pending {
	struct pending_entry *ring;
	size_t room; /* a power of two, or 0 */

	/* Numbers of the last entry that ... */
	uint64_t acked;    /* the server has confirmed */
	uint64_t sent;     /* has been acknowledged, without a reply yet */
	uint64_t finished; /* is finished at the end of the pipeline */
	uint64_t given;    /* was given */
};

void pending_free(struct pending *);

/* Adds an entry.  -1 with errno ENOMEM. */
int pending_give(struct pending *, struct entry_id, int64_t now);

/* How many are ours. */
uint64_t pending_count(const struct pending *);

/*
 * All up to that number are finished.  False: no such entry was given, so the
 * number is not from us.
 */
bool pending_finish(struct pending *, uint64_t number);

/* The entry of a number that is not acknowledged. */
const struct pending_entry *pending_at(const struct pending *, uint64_t number);

/* The next n have been sent; the server has confirmed n of those. */
void pending_send(struct pending *, uint64_t n);
void pending_confirm(struct pending *, uint64_t n);

/* The connection is lost: what was sent is to be sent again. */
void pending_lose(struct pending *);

/* Reads an id, "1234-5".  False: it is none. */
bool entry_id_read(struct entry_id *, const char *text);
void entry_id_write(struct entry_id, char text[ENTRY_ID_SIZE]);

#endif
