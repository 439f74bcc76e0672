#ifndef PCHAN_ACKS_H
#define PCHAN_ACKS_H

/*
 * The end of a marked stream: marks that may go, and are acknowledged once what
 * was written before them is safe.  What is safe depends on the output:
 *
 *	a regular file    once it is synced: fdatasync(2)
 *	a pipe (--ack)    once its reader has read it
 *	anything else     once it is written
 *
 * Acknowledging never waits for the source, which may stand still (Ctrl-Z) with
 * its queue full: what can't be sent remains owed.
 *
 * One thread's.  Nothing blocks but a sync that is waited for.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/*
 * How long acknowledgements wait for others, while records come: four times as
 * long as it took to send the last ones, so that a slow disk syncs for a fifth
 * of the time, and a source whose window is full hardly waits for a fast one.
 */
#define ACKS_WAIT_TIMES 4
#define ACKS_WAIT (20 * CLOCK_MS) /* at most */
/*
 * Between two tries to acknowledge, while none comes: a source with a small
 * window waits for it, and the sync of a fast disk takes a tenth of a
 * millisecond.
 */
#define ACKS_PAUSE_MIN (CLOCK_MS / 16)
#define ACKS_PAUSE_MAX (50 * CLOCK_MS)

struct acks;
struct mark;

/* The pause after this one; 0: none was made yet. */
static inline int64_t
acks_pause(int64_t pause)
{
	return pause == 0 ? ACKS_PAUSE_MIN : pause < ACKS_PAUSE_MAX ? 2 * pause : pause;
}

/*
 * Whether none has come for a millisecond, all pauses together: then there is
 * nothing better to do than to wait for a sync.
 */
static inline bool
acks_may_wait(int64_t pause)
{
	return pause >= CLOCK_MS / 2;
}

/*
 * For what is written to fd, which stays the caller's; -1: who has written it
 * says that it is safe.  NULL with errno: ENOMEM; 0 if the fd is a pipe, whose
 * reader gets the marks (not with `ack`).
 */
struct acks *acks_new(int fd, bool ack);
void acks_free(struct acks *);

/*
 * The fd is going to be closed when so many bytes have been written: they are
 * made safe, and so is what was owed for them.  -1 with errno: they can't be.
 */
int acks_leave(struct acks *, uint64_t written);

/* After that: the fd that is written to instead, from 0 bytes on. */
void acks_enter(struct acks *, int fd);

/*
 * Whether what is written next would continue a line: the output is a regular
 * file, and a process that was killed has left a torn line there.  False also
 * where nobody can see.
 */
bool acks_find_torn_line(const struct acks *);

/*
 * The mark is owed once the first `written` bytes of all that this process
 * writes are safe.  -1 with errno ENOMEM.
 */
int acks_put(struct acks *, const struct mark *, uint64_t written);

/* Whether there are any, and how long they may wait (monotonic ns). */
bool acks_are_owed(const struct acks *);
int64_t acks_due(const struct acks *);

/*
 * Sends what can be sent, when so many bytes have been written.  A sync runs in
 * another thread meanwhile, and what it makes safe can be sent when it has
 * ended; or the call waits for a sync: the one that runs, or else one of all
 * that has been written.  A source that is gone needs none.  -1 with errno: the
 * output can't be synced, or nothing can be sent.
 */
int acks_send(struct acks *, uint64_t written, bool wait);

/* How many have been sent. */
uint64_t acks_sent(const struct acks *);

/* Whether a reader of the pipe is gone: what it has not read stays owed. */
bool acks_have_no_reader(const struct acks *);

#endif
