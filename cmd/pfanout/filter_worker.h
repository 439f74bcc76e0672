#ifndef FILTER_WORKER_H
#define FILTER_WORKER_H

/*
 * A worker of filter mode: a child that takes lines and prints lines, and the
 * records that it is to be given next.
 *
 *	intake -> taken -> the child -> lines -> out
 *
 * A leaf decides: filter_fate (what the child's exit means).  These files act:
 *
 *	filter_lines.c  takes what the child prints
 *	filter_end.c    what follows when the child has ended, or has to
 *	filter_marks.c  flushes the child at a mark
 *	filter.c        gives records, and the loop around all
 *
 * A file calls those above it in this list, and the leaf.
 */

#include <stdbool.h>
#include <stdint.h>

#include "inflight.h"
#include "worker.h"

struct reader;

/*
 * A child that lives for a moment only costs more than its work.  So, where
 * marks follow each other closely, it is given records for this long.
 */
#define FILTER_LIFE (20 * CLOCK_MS)

struct filter_worker {
	struct worker w;
	struct inflight taken; /* records that wait to be written */
	struct reader *lines;
	uint64_t given; /* records that were written to its stdin */
	/* Those of them that end when it has ended well: there are marks. */
	uint64_t open;
	int leftover; /* once that is closed: a reading end of ours, or -1 */
	bool told;    /* what it may have swallowed */
	bool left;    /* it has exited, well, before the end of its input */
	bool out_ended;
	int64_t closed; /* when it closed its stdin; CLOCK_NEVER */

	/* Marks, by seq: what was taken before them. */
	uint64_t due;     /* is to be flushed */
	uint64_t flushed; /* is, and the sink knows */
	bool flushing;    /* now: nothing more is taken before */
	int64_t started;  /* when the child did */
	bool watches;     /* it is, or was, in the list of the demand */
	struct waiter on_demand;
};

static inline bool
filter_has_unwritten(const struct filter_worker *f)
{
	return f->taken.queue.n > 0;
}

/* filter_lines.c */

/*
 * Stops the stage with status 2: a filter that does what the format says may
 * have swallowed anything.  Only the first message of each filter is told, but
 * it is told even if something else has ended the run before.
 */
void filter_abort(struct filter_worker *, const char *how, ...)
    __attribute__((format(printf, 2, 3)));

/* The same message and status, but the stage goes on. */
void filter_fault(struct filter_worker *, const char *how, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Reads once what it has printed, and sends the whole lines on.  Does not wait
 * for the child, but for room in the budget and in the channel.  False: nothing
 * more is there.
 */
bool filter_read_lines(struct filter_worker *);

/* The same for all that is left in its stdout. */
void filter_drain_lines(struct filter_worker *);

/* It ended well: its last line may lack the LF. */
void filter_take_last_line(struct filter_worker *);

/* filter_end.c */

/* The records that were given have ended: counts them. */
void filter_count_open(struct filter_worker *);

/*
 * Closes its stdin, but keeps a reading end, which tells what the child leaves
 * unread.
 */
void filter_close_in(struct filter_worker *);

/* It has exited by itself: finds out what that means, and acts. */
void filter_handle_exit(struct filter_worker *);

/*
 * Work is cancelled: kills the child, takes the whole lines that it has printed
 * and sends the records that it was not given on as `cancelled`.
 */
void filter_cancel(struct filter_worker *);

/* Ends a child that was started, and closes all that it has open. */
void filter_close(struct filter_worker *);

/* filter_marks.c */

/*
 * Looks whether another worker has taken a mark; from now on the next one wakes
 * the worker.  To be called before worker_poll().
 */
void filter_look_for_marks(struct filter_worker *);

/*
 * The worker has written all that it has taken.  Whether the child is to be
 * flushed, before more is taken: then `flushing` is set.
 */
bool filter_must_flush(struct filter_worker *);

/* When the child has lived long enough, if the worker waits for that. */
int64_t filter_flush_at(const struct filter_worker *);

/*
 * It is flushing, and all that was taken has been written: closes the child's
 * stdin, or, if the child has ended well, or has nothing, tells the sink.
 * True: it was told, and has flushed.
 */
bool filter_flush(struct filter_worker *);

/* The input has ended, and the worker holds nothing. */
void filter_tell_end(struct filter_worker *);

#endif
