#ifndef PCHAN_GATE_H
#define PCHAN_GATE_H

/*
 * The gate in front of the workers: while it is closed they take no new records, so that a slow
 * reader of our stdout, or with -k a slow record at the head of the order, makes the stage wait
 * instead of grow.  It is closed while too many bytes of answers wait to be written and, with -k, while
 * too much has been taken beyond the head.  Who holds the head may always go on: everything else waits
 * for it, and a child that keeps its answers in a buffer gives them up when it is fed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/park.h"

struct ctx;

struct gate {
	bool ordered; /* -k */
	size_t max;   /* bytes of answers; and twice the bytes that may be taken beyond the head */
	size_t spare; /* but so many records always may be */
	_Atomic size_t answers;        /* bytes of answers not written yet */
	_Atomic size_t records, bytes; /* taken and not settled */
	_Atomic uint64_t head;         /* seq that is to be written next; with -k only */
	struct waitlist waiting;
};

void gate_init(struct gate *, size_t max_bytes);
void gate_destroy(struct gate *);

/* A worker took n records of so many bytes. */
void gate_take(struct gate *, size_t n, size_t bytes);

/* Answers are on their way to the sink. */
void gate_enter(struct gate *, size_t answers);

/* What the sink got rid of. */
void gate_leave(struct gate *, size_t n, size_t bytes, size_t answers);

/* The sink tells how far the order has come. */
void gate_advance(struct gate *, uint64_t head);

/*
 * Whether a worker whose oldest record has this seq may take more (UINT64_MAX: it
 * has none).  Watch, ask, sleep, unwatch, as with a channel.
 */
bool gate_is_open(const struct gate *, uint64_t oldest);
void gate_watch(struct gate *, struct waiter *, struct parker *);
void gate_unwatch(struct gate *, struct waiter *);

/* Blocks until it is open for everybody, or ctx is done. */
void gate_wait(struct gate *, struct ctx *);

#endif
