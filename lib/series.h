#ifndef PCHAN_SERIES_H
#define PCHAN_SERIES_H

/*
 * A file that grows, and those it was rotated to: FILE, then FILE.1 (the newest of them), FILE.2 and so on, as
 * logrotate(8) has it.  Who renames or replaces one of them holds the lock of FILE (flock(2)), and
 * who has waited for that lock looks whether FILE still is the file it has locked.
 */

#include <stddef.h>

/* FILE.n, or FILE itself for 0; malloc'd.  NULL: ENOMEM. */
char *series_name(const char *path, unsigned n);

/*
 * The numbers of the rotated files that there are, oldest (highest) first, malloc'd; gaps may be among
 * them.  -1 with errno.
 */
int series_list(const char *path, unsigned **numbers, size_t *n);

/*
 * Makes FILE the first of the rotated ones, and removes those beyond the `keep` newest.  Killed at
 * any point it leaves all of them, in their order.  -1 with errno.
 */
int series_rotate(const char *path, unsigned keep);

/* Makes what was created, renamed or removed beside this file last.  -1 with errno. */
int series_sync(const char *path);

/* Whether the name stands for the file that is open there. */
int series_is_same(const char *path, int fd);

/*
 * Locks the file (how as for flock(2)), and waits for that.  0, or -1 with errno.
 */
int series_lock(int fd, int how);

#endif
