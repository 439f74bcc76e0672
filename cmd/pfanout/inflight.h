#ifndef INFLIGHT_H
#define INFLIGHT_H

/*
 * The records that a worker holds, in the order of their answers:
 *
 *	|<------------------- queue ------------------->|
 *	|<---------- given ---------->|<---- to do ---->|
 *	|<- written ->|partial|
 *
 * `given` are the child's: it owes an answer for each.  Of these the first
 * `written` are in the pipe that is its stdin, and so are `partial` bytes of
 * the one behind them.
 *
 * Invariant: written <= given <= queue.n, and partial is 0 unless
 * written < given; it is less than that record and its LF have bytes.
 *
 * Knows no descriptor and no child.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "record/queue.h"

struct inflight {
	struct queue queue;
	size_t given, written, partial;
	uint64_t piped; /* bytes written to the present pipe */
};

/* Frees the records, too; then it is empty, as {0} is. */
void inflight_free(struct inflight *);

/* Adds a record to do.  -1 with errno ENOMEM: it is still the caller's. */
int inflight_push(struct inflight *, const struct record *);

/* Records to do. */
static inline size_t
inflight_todo(const struct inflight *f)
{
	return f->queue.n - f->given;
}

/* Whether some of the records given are not in the pipe yet. */
static inline bool
inflight_has_unwritten(const struct inflight *f)
{
	return f->written < f->given;
}

/*
 * Gives the child up to max more records, but no more once they have max_bytes
 * bytes; now (monotonic ns) is when.  Returns how many.
 */
size_t inflight_give(struct inflight *, size_t max, size_t max_bytes, int64_t now);

/*
 * What is given and not written, in up to max iovecs for writev(2); neighbours
 * in memory share one.  Returns how many iovecs.
 */
int inflight_iov(const struct inflight *, struct iovec *, int max);

/* n bytes of that were written.  Returns how many records are whole by now. */
size_t inflight_wrote(struct inflight *, size_t n);

/*
 * Filter mode: the oldest record, of which a part is written, is a run
 * (record.h), and some of its records are whole: these leave as `front`.
 */
bool inflight_take_whole(struct inflight *, struct record *front);

/* The oldest record; there must be one. */
static inline struct record *
inflight_head(const struct inflight *f)
{
	return queue_at(&f->queue, 0);
}

/* The oldest record to do; there must be one. */
static inline struct record *
inflight_next(const struct inflight *f)
{
	return queue_at(&f->queue, f->given);
}

/* Since when the child has the oldest record; one must be given. */
int64_t inflight_since(const struct inflight *);

/* Whether the record with this seq is among them.  Looks at each of them. */
bool inflight_has(const struct inflight *, uint64_t seq);

/* The oldest of the records given leaves; one must be given. */
static inline struct record
inflight_pop(struct inflight *f)
{
	f->given--;
	if (f->written > 0)
		f->written--;
	else
		f->partial = 0;
	return queue_pop(&f->queue);
}

/* The oldest record leaves; none may be given, and there must be one. */
struct record inflight_pop_todo(struct inflight *);

/* The records were given `ns` later, as far as limits are concerned. */
void inflight_delay(struct inflight *, int64_t ns);

/*
 * The child is gone and left `unread` bytes in its stdin: the records of which
 * it has not read a byte can't have harmed it, and are to do again.  They are
 * the last ones: those not written, and those whose bytes are all among the
 * unread.  The first `keep` of those given stay given in any case.
 */
void inflight_take_back_unread(struct inflight *, size_t unread, size_t keep);

/* Every record given is to do again. */
void inflight_take_back(struct inflight *);

/* There is no pipe to a child, or a fresh one: nothing is written to it. */
void inflight_reset_pipe(struct inflight *);

#endif
