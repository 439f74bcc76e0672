#ifndef REJOIN_H
#define REJOIN_H

/* Where a file is read on of which a run before has read a part. */

#include "record/reader.h"

struct stat;

/*
 * The place at which the run before has ended, or one before it: the last line
 * may have had no LF when it was read; then it is not read again unless it has
 * grown.  A file that is shorter by now is read from its start, and that is
 * told.
 */
struct reader_place rejoin(const char *path, int fd, const struct stat *, struct reader_place);

#endif
