#ifndef PCHAN_DISCARD_H
#define PCHAN_DISCARD_H

/*
 * The dead letters in a file that is about to be lost.  Any thread.
 */

#include <stdint.h>

/*
 * Counts the letters from where the descriptor stands to the end of the file;
 * blocks for the disk.  -1 with errno (read(2)'s, or ENOMEM); *letters has
 * those up to there then.
 */
int discard_count(int fd, uint64_t *letters);

#endif
