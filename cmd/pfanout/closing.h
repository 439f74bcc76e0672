#ifndef CLOSING_H
#define CLOSING_H

/*
 * How the records of pfanout --to end: written by an output, or as dead letters
 * on their way to the sink.  By the thread that has the record or the parcel,
 * with a shard and an outbox of its own.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/reason.h"

struct metrics_shard;
struct outbox;
struct parcel;
struct record;
struct spread;
struct stage;

/* The record becomes a dead letter, and is sent on. */
void closing_bury(struct stage *, struct outbox *, struct record *, enum reason, const char *fmt,
    ...) __attribute__((format(printf, 5, 6)));

/* The same for one that is held when work is cancelled. */
void closing_cancel(struct stage *, struct outbox *, struct record *);

/* The first n records of the parcel are in an output. */
void closing_written(struct spread *, struct metrics_shard *, struct parcel *, size_t n);

/* The output that all records of the parcel are for has left. */
void closing_unroutable(struct stage *, struct outbox *, struct parcel *, const char *output);

/* All records of the parcel are cancelled. */
void closing_cancelled(struct stage *, struct outbox *, struct parcel *);

/*
 * --by copy: an output is done with the parcel, of which it has written the
 * first n records; or the router is, which writes none.  Where nobody else has
 * it the records end: those that an output has written as written, the others
 * as cancelled.  In a stream with marks only what all outputs have written has
 * ended.
 */
void closing_copied(
    struct spread *, struct metrics_shard *, struct outbox *, struct parcel *, size_t n);
void closing_let_go(struct spread *, struct metrics_shard *, struct outbox *, struct parcel *);

/*
 * --by copy, the last one that has the parcel: whether its records come again
 * in a stream with marks, as an output has not written them.
 */
bool closing_is_missing(const struct spread *, struct parcel *);

/*
 * Stops the stage if the stream has marks and an output has left, whose share
 * of a mark would never come back.
 */
void closing_needs_all(struct spread *);

#endif
