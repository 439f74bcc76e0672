#ifndef PCHAN_MARKS_H
#define PCHAN_MARKS_H

/*
 * What becomes of the marks in a stage: they wait until all that came before
 * them has ended, and then the sink passes them on, or acknowledges them where
 * the stream ends.  A record that was cancelled has not ended: it comes again,
 * and so no mark behind it goes.  Once the stage has failed none goes, but one
 * at the start of all, which stands for no record.
 *
 * The first mark is here before the records behind it, whichever thread has it:
 * what is written begins with it.
 *
 * With filters nobody tells of each record: a worker sends a RECORD_ENDED when
 * all that it has taken has ended, and the mark waits for those of all workers.
 *
 * The sink's, but what ends elsewhere is told by the thread that ends it: any
 * thread.  Nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mark;
struct marks;
struct parker;
struct record;
struct stage;

/* NULL with errno ENOMEM. */
struct marks *marks_new(struct stage *);
void marks_free(struct marks *);

/*
 * n records have come, which end soon.  1: there are marks in the stream; the
 * first may go now.  0: there are none, and nothing else is to be told of these
 * records.  -1 with errno ENOMEM.
 */
int marks_begin(struct marks *, uint64_t n);

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

/*
 * Records end elsewhere, too, and the sink is to be woken when marks may go by
 * that: before the threads start.
 */
void marks_watch(struct marks *, struct parker *sink);

/*
 * Any thread: n records, or marks, have ended there.  All that was read is told
 * by this, or comes to the sink.  -1 with errno ENOMEM.
 */
int marks_ended(struct marks *, const struct record *, size_t n);

/* Any thread: all has been read, and so many are to end, with the marks. */
void marks_expect(struct marks *, uint64_t n);

/*
 * Whether the sink has to do something: a mark may go, or marks_end() has to be
 * asked.
 */
bool marks_are_due(struct marks *);

/*
 * Whether all that is expected has ended, and no mark is left.  True once.
 */
bool marks_end(struct marks *);

#endif
