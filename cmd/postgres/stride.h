#ifndef STRIDE_H
#define STRIDE_H

/*
 * How many records a transaction has.  One that fails for a record is halved
 * until the record is alone, and what is stored is doubled: a bad record costs
 * some 2 log2(n) transactions, and where all are bad, each has one.
 *
 * Pure functions.
 */

#include <stdbool.h>
#include <stddef.h>

#define STRIDE_MOST 5000

struct stride {
	size_t most; /* of the next one; at first STRIDE_MOST */
};

/* n records have been stored. */
void stride_stored(struct stride *, size_t n);

/* A transaction of n has failed.  True: it is the fault of the only record. */
bool stride_failed(struct stride *, size_t n);

#endif
