#ifndef PARCEL_H
#define PARCEL_H

/*
 * Records on their way to an output of pfanout --to: what one write takes.  A
 * parcel belongs to one thread at a time, except with --by copy: there all
 * outputs have it at once and only read its records, each holding it, and the
 * one that lets go last ends the records.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "record/record.h"

#define PARCEL_RECORDS 512
#define PARCEL_BYTES (64 << 10) /* a pipe; or one longer record */

struct parcel {
	struct parcel *next; /* the dispatcher's */
	size_t n, bytes;
	/* --by copy: how many hold it, and the most that one has written. */
	_Atomic unsigned holders;
	_Atomic size_t written;
	atomic_bool is_missing; /* one has not written all */
	struct record record[PARCEL_RECORDS];
};

/* An empty one.  NULL with errno ENOMEM. */
struct parcel *parcel_new(void);

/* Frees the parcel and the records in it.  NULL is fine. */
void parcel_free(struct parcel *);

/* Takes the record over. */
void parcel_add(struct parcel *, const struct record *);

/* Whether no record may be added any more. */
bool parcel_is_full(const struct parcel *);

/* Takes the first n records out: the caller has ended them. */
void parcel_cut(struct parcel *, size_t n);

/*
 * How many records are whole in the first `bytes` bytes of what the parcel
 * writes.
 */
size_t parcel_whole(const struct parcel *, size_t bytes);

/*
 * --by copy: an output that holds it has written the first n records, and will
 * write no more.  Any thread.
 */
void parcel_note_written(struct parcel *, size_t n);

/*
 * --by copy: one that holds it lets go.  Returns how many still do.  Any
 * thread.
 */
unsigned parcel_let_go(struct parcel *);

#endif
