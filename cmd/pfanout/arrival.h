#ifndef ARRIVAL_H
#define ARRIVAL_H

/*
 * The wait for the reader of a FIFO.  Only open(2) sees a reader come: it
 * blocks until then, and sees also one that leaves again at once.  So a thread
 * of its own is in open(2), and one that waits for several things polls.
 *
 * (A reading end of our own, to be closed when inotify(7) tells of an open,
 * would look like a reader to other stages that write to the FIFO, and their
 * opens like a reader to us.)
 */

#include <stdbool.h>

struct arrival;
struct parker;

/*
 * Begins to wait.  `fifo` is a descriptor of the FIFO, perhaps O_PATH, and
 * stays the caller's; the parker is woken when a reader has come.  We must be
 * allowed to read the FIFO, too.  Does not block.  NULL with errno.
 */
struct arrival *arrival_begin(int fifo, struct parker *);

/* Whether the wait is over.  Any thread; does not block. */
bool arrival_is_over(const struct arrival *);

/*
 * Ends the wait, breaking it off if no reader has come, and frees it.  Returns
 * the FIFO, open for writing (nonblocking, close-on-exec), or -1 with errno,
 * ECANCELED if no reader has come.
 */
int arrival_end(struct arrival *);

#endif
