#ifndef OUTLET_H
#define OUTLET_H

/*
 * Standard output that was closed, but whose pipe is still watched: the reader
 * sees the end, and we see whether the reader goes.
 *
 * The main thread's; nothing blocks.
 */

#include <stdbool.h>

/*
 * Closes standard output, in whose place is /dev/null then.  Returns a
 * descriptor, the caller's, of what is left of a pipe; -1: it was none, or
 * cannot be watched.
 */
int outlet_close(void);

/*
 * Whether the pipe has a reader; false also where that is not known.  For a
 * moment the process is a writer again, as only a writer can see it.
 */
bool outlet_has_reader(int outlet);

#endif
