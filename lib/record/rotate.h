#ifndef PCHAN_ROTATE_H
#define PCHAN_ROTATE_H

/*
 * A file that grows, and those it was rotated to: FILE, then FILE.1 (the newest of them), FILE.2 and so on, as
 * logrotate(8) has it.  Who renames or replaces one of them holds the lock of FILE (flock(2)), and
 * who has waited for that lock looks whether FILE still is the file it has locked.
 */

#include <stddef.h>

/* FILE.n, or FILE itself for 0; malloc'd.  NULL: ENOMEM. */
char *rotate_name(const char *path, unsigned n);

/*
 * The numbers of the rotated files that there are, oldest (highest) first, malloc'd; gaps may be among
 * them.  -1 with errno.
 */
int rotate_list(const char *path, unsigned **numbers, size_t *n);

/*
 * Makes FILE the first of the rotated ones, of which then there are `keep` at most, the newest.  Killed at
 * any point it leaves them in their order.  -1 with errno.
 */
int rotate_file(const char *path, unsigned keep);

/*
 * Makes FILE, if it is not there, and opens it (flags as for open(2)): like the newest of the rotated ones, so that
 * who might read and append to that may do so with this; where there is none, as the umask says.  -1 with errno.
 */
int rotate_create(const char *path, int flags);

/* What a symbolic link to a regular file points to, else the path itself: beside that the series is.  malloc'd. */
char *rotate_resolve(const char *path);

/* Makes what was created, renamed or removed beside this file last.  -1 with errno. */
int rotate_sync(const char *path);

/* Whether the name stands for the file that is open there. */
int rotate_is_same(const char *path, int fd);

/*
 * Locks the file (how as for flock(2)), and waits for that.  0, or -1 with errno.
 */
int rotate_lock(int fd, int how);

#endif
