#ifndef UNBUFFERED_H
#define UNBUFFERED_H

/*
 * --unbuffered: asks the command to write each line at once instead of keeping
 * its answers in a buffer.  There is no one way to ask: Python heeds
 * PYTHONUNBUFFERED; a program that writes with the stdio of a shared C library
 * heeds what stdbuf(1) puts into its environment, a preloaded library.  Other
 * programs heed nothing.
 */

#include <stdbool.h>

struct pfanout;

/*
 * Sets the environment and the command to start.  False: stdbuf(1) is not
 * there, so that only Python is asked.  Before any thread is started.
 */
bool unbuffered_set_up(struct pfanout *);

void unbuffered_free(struct pfanout *);

#endif
