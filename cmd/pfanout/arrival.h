#ifndef ARRIVAL_H
#define ARRIVAL_H

/*
 * The wait for the reader of a FIFO.  Only open(2) sees a reader come: it
 * blocks until then, and sees also one that leaves again at once.  So a thread
 * of its own is in open(2), and one that waits for several things polls.
 *
 * A reading end of our own would look like a reader to other programs that
 * wait to write to the FIFO.  So it is not used to tell of a reader, and not to
 * end the open(2) either: a thread whose wait is given up stays there until a
 * reader comes or the process ends, and touches nothing but what is its own.
 */

#include <stdbool.h>

struct arrival;
struct parker;

/*
 * Begins to wait.  `fifo` is a descriptor of the FIFO, O_PATH, and stays the
 * caller's; the parker is woken when a reader has come.  Does not block.  NULL
 * with errno.
 */
struct arrival *arrival_begin(int fifo, struct parker *);

/* Whether the wait is over.  Any thread; does not block. */
bool arrival_is_over(struct arrival *);

/*
 * Ends the wait, giving it up if no reader has come; the arrival is not the
 * caller's any more.  Returns the FIFO, open for writing (nonblocking,
 * close-on-exec), or -1 with errno, ECANCELED if no reader has come.  Does not
 * block.
 */
int arrival_end(struct arrival *);

#endif
