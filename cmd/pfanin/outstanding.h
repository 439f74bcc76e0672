#ifndef OUTSTANDING_H
#define OUTSTANDING_H

/*
 * The marks that are outstanding, and what has come back of them.  A mark is
 * done when its whole weight has come back, and marks are taken in their order:
 * what a mark stands for is finished when all marks up to it are done.
 *
 * A mark carries a token, of which nothing is known here, and the number of
 * records that were sent before it.  Pure: the caller has a lock.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTSTANDING_MOST 64 /* marks, besides the last one of all */

struct outstanding {
	uint64_t first, next; /* the numbers of those that are outstanding */
	struct ack {
		uint64_t weight; /* that has come back */
		uint64_t records;
		void *token;
	} mark[OUTSTANDING_MOST + 1];
};

enum outstanding_verdict {
	OUTSTANDING_WAITS,   /* more of the mark has to come back */
	OUTSTANDING_DONE,    /* outstanding_pop() may have one */
	OUTSTANDING_TOO_MUCH /* more has come back than there was */
};

/* No mark yet: the first one has the number 1. */
void outstanding_init(struct outstanding *);

static inline size_t
outstanding_count(const struct outstanding *a)
{
	return (size_t)(a->next - a->first);
}

/*
 * Adds a mark; returns its number.  There must be room: fewer than
 * OUTSTANDING_MOST are outstanding, or it is the last one of all.
 */
uint64_t outstanding_push(struct outstanding *, uint64_t records, void *token);

/* This weight of mark n has come back. */
enum outstanding_verdict outstanding_take(struct outstanding *, uint64_t n, uint64_t weight);

/*
 * Takes the first outstanding mark, if it is done.  False: it is not, or there
 * is none.
 */
bool outstanding_pop(struct outstanding *, uint64_t *records, void **token);

/*
 * Takes the first outstanding mark, done or not, in the end: what it has to
 * free.  False: there is none.
 */
bool outstanding_drop(struct outstanding *, void **token);

#endif
