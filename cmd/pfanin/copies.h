#ifndef COPIES_H
#define COPIES_H

/*
 * Places in log files: where the last line ends, and the copy that was made of
 * a file before it was truncated (logrotate's copytruncate).
 */

#include <stdbool.h>
#include <stdint.h>

struct evidence;

/* May the file be a copy of the one named `name`, by its name?  It begins like
 * that name, whose extension may have been changed. */
bool copies_is_name(const char *name, const char *file);

/*
 * Looks for a file beside `path`, with a name that begins like its name, that
 * has this text and may go on behind it.  Returns a descriptor that stands
 * behind the text, the caller's, of the youngest of them; -1: there is none.
 */
int copies_open(const char *path, const struct evidence *);

/* The offset after the last LF of a file; 0: it has none.  -1 with errno. */
int64_t copies_last_line(int fd);

#endif
