#ifndef SPARE_H
#define SPARE_H

/*
 * A spare file, which is filled and then renamed to a file of a series.  Its
 * name is FILE.purge-XXXXXX, with six random characters, and never that of a
 * file that somebody else has made.
 *
 * Only a process that holds the locks of FILE and of its cursor makes or
 * removes spare files.  One thread.
 */

#include <stdbool.h>

/*
 * Makes a spare file beside FILE, which only its owner can read, and opens it
 * for writing.  *name is malloc'd and the caller's, even after a failure.
 * Returns the descriptor, or -1 with errno; without memory the process ends.
 */
int spare_open(const char *file, char **name);

/*
 * Removes the spare files that processes left when they were killed, if they
 * are this user's or those of FILE's owner.  What cannot be removed stays.
 */
void spare_clean(const char *file);

/* Whether a name is one of a spare file, by the part behind FILE. */
bool spare_suffix(const char *suffix);

#endif
