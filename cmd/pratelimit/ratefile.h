#ifndef RATEFILE_H
#define RATEFILE_H

/* The file that says the rate: a line, as -r takes it. */

#include <stdbool.h>
#include <stddef.h>

struct rate;

/*
 * Reads the rate into *r, whose burst stays.  -1: why says what is wrong, in a line that begins with
 * the file's name.
 */
int ratefile_read(const char *path, bool bytes, struct rate *r, char *why, size_t size);

/* Whether its burst can be earned in a lifetime. */
bool rate_is_sane(const struct rate *);

#endif
