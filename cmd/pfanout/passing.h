#ifndef PASSING_H
#define PASSING_H

/*
 * How one output of pfanout --to passes marks on (mark.h): the reader of a pipe
 * gets its share of each mark as a line; where nobody reads, the share is
 * acknowledged once all that was written before is safe (acks.h).
 *
 * The output's thread's.
 */

#include <stdbool.h>
#include <stdint.h>

struct passing;
struct spread;

/* Of output i.  NULL with errno ENOMEM. */
struct passing *passing_new(struct spread *, unsigned i);
void passing_free(struct passing *);

/*
 * The output has been opened, or is another one after passing_leave().  0, or
 * an errno.
 */
int passing_enter(struct passing *);

/*
 * The output is going to be closed: what was written is safe then.  Blocks for
 * a disk.  0, or an errno.
 */
int passing_leave(struct passing *);

/* A parcel is waited for: the first look at what is owed is soon. */
void passing_begin(struct passing *);

/*
 * Does what there is to be done: passes on what has come, if the output is
 * ready for it, and acknowledges what is due, or with `idle` what it can.
 * Blocks for the output.  0, or an errno.
 */
int passing_run(struct passing *, bool ready, bool idle);

/*
 * Whether a record may be written: the first mark comes before it, unless other
 * records have come before that one.
 */
bool passing_may_write(const struct passing *);

/* Whether an acknowledgement is owed, and when to look after it next. */
bool passing_owes(const struct passing *);
int64_t passing_next_look(struct passing *);

/*
 * Whether no mark is to be passed on any more: all have been, or there are none
 * in the stream.
 */
bool passing_is_over(const struct passing *);

#endif
