#ifndef PCHAN_MARKS_H
#define PCHAN_MARKS_H

/*
 * What becomes of marks in the sink: they wait until all that came before them
 * has ended, and then go on, or are acknowledged where the stream ends.  A
 * record that was cancelled has not ended: it comes again, and so no mark
 * behind it goes.  Once the stage has failed none goes.
 *
 * One thread's.  Nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>

struct mark;
struct marks;
struct record;
struct stage;

/* NULL with errno ENOMEM. */
struct marks *marks_new(struct stage *);
void marks_free(struct marks *);

/*
 * n records have come, which end soon.  Whether there are marks in the stream;
 * if not, nothing else is to be told of these records.
 */
bool marks_begin(struct marks *, size_t n);

/*
 * Whether the record is cancelled, and comes again: it is behind a mark.
 */
bool marks_bring_again(const struct marks *, const struct record *);

/*
 * Takes the marks out of the first of the n records, which are then written: up
 * to where a mark may go.  Returns how many records that are; 0 with errno
 * ENOMEM.
 */
size_t marks_note(struct marks *, struct record *, size_t n);

/* The records that were noted have been written.  Whether a mark is to go. */
bool marks_next(struct marks *, struct mark *);

#endif
