#ifndef TICKET_H
#define TICKET_H

/*
 * A worker's turn at the bucket of --rate: each attempt takes a token.
 *
 * A token is booked as soon as the worker has an attempt to make, and may be
 * used from the time on that the bucket says.  So the workers, and the
 * processes that share the bucket, take turns in the order in which they
 * asked, and a worker does other things until then.
 *
 * A token that is not used although it is due, as the child has ended
 * meanwhile, is for the worker's next attempt.  One that is late (teller.h) is
 * void, and another one is booked, lest all workers of a process that was
 * stopped start at once.  The second one is not void: where the machine wakes
 * us late again and again, attempts are fewer, but go on.
 *
 * Knows no thread; times are monotonic ns and are passed in.
 */

#include <stdbool.h>
#include <stdint.h>

#include "stage/teller.h"

struct ticket {
	struct teller teller;
	struct account account;
	bool wants;    /* it has an attempt to make, */
	int64_t since; /* since then */
	bool booked;   /* a token */
	int64_t due;   /* from when on it may be used, or when to ask again */
	bool second;   /* the one before it was void */
};

/* The bucket is the meter's.  -1 with errno ESTALE: it has lost its rate. */
int ticket_init(struct ticket *, struct meter *);

/*
 * The worker has an attempt to make: whether it may begin now.  If so, that has
 * used the token; if not, ask again when ticket.due says.
 */
bool ticket_use(struct ticket *, int64_t now);

/* The worker has no attempt to make at present. */
void ticket_rest(struct ticket *);

#endif
