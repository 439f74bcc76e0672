#ifndef PCHAN_LEFTOVER_H
#define PCHAN_LEFTOVER_H

/*
 * What a child leaves unread in the pipe that is its stdin.  The child must see
 * the end of its input, so our writing end has to be closed; but then the pipe
 * is gone with the child, and what it had not read.  A reading end of our own
 * keeps the pipe.
 *
 * Any thread.
 */

#include <stdint.h>

/*
 * Opens a reading end of the pipe whose writing end is `in`.  To be called just
 * before `in` is closed: as long as somebody can read, a writer does not learn
 * that the child has closed its stdin.  Returns the descriptor (nonblocking,
 * close-on-exec), or -1 with errno of open(2); that is ENOENT where there is no
 * /proc.
 */
int leftover_open(int in);

/*
 * After the child has exited and `in` is closed: takes what is left in the pipe
 * and returns how many lines it completes.  Does not block.
 */
uint64_t leftover_lines(int fd);

#endif
