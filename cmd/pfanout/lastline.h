#ifndef LASTLINE_H
#define LASTLINE_H

/*
 * The last line of a file that is appended to: if it has no LF, the next record
 * would become a part of it.
 */

#include <stdbool.h>

/*
 * Whether the file is a regular one whose last byte is no LF.  False where that
 * can't be known, as we may not read the file.  The fd may be write-only.
 * Blocks for the disk only.  Any thread.
 */
bool lastline_is_open(int fd);

#endif
