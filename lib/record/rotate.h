#ifndef PCHAN_ROTATE_H
#define PCHAN_ROTATE_H

/*
 * Rotation of a file that grows: FILE is renamed to FILE.1, an older FILE.1 to
 * FILE.2 and so on, as logrotate(8) does it; FILE.1 is the newest rotated file.
 *
 * A process that renames or replaces any of these files holds the lock of FILE
 * (flock(2)).  A process that has waited for the lock checks that FILE is still
 * the file that it has locked.
 *
 * Any thread.  Nothing blocks but the disk, and rotate_lock().
 */

#include <stddef.h>

/* FILE.n, or FILE itself for 0; malloc'd.  NULL with errno ENOMEM. */
char *rotate_name(const char *path, unsigned n);

/*
 * Lists the numbers of the rotated files, the oldest (highest) first; numbers
 * can be missing in between.  *numbers is malloc'd, and the caller's even after
 * a failure; NULL if there are none.  -1 with errno.
 */
int rotate_list(const char *path, unsigned **numbers, size_t *n);

/*
 * Rotates FILE to FILE.1, and removes the oldest files so that at most `keep`
 * rotated files are left.  A process that is killed at any point leaves the
 * files in their order.  Does not create a new FILE.  -1 with errno.
 */
int rotate_file(const char *path, unsigned keep);

/*
 * Opens FILE (flags as for open(2)), and creates it if it is not there: with
 * the owner and mode of the newest rotated file, so that those who could read
 * and append to that file can do so with this one; without such a file, with
 * 0666 less the umask.  Returns the descriptor, or -1 with errno.
 */
int rotate_create(const char *path, int flags);

/*
 * The file to rotate: if the path is a symbolic link to a regular file, the
 * path of that file, beside which the rotated files are; else the path itself.
 * malloc'd.  NULL with errno ENOMEM.
 */
char *rotate_resolve(const char *path);

/*
 * Syncs the folder of the file, so that what was created, renamed or removed
 * there survives a power cut.  -1 with errno.
 */
int rotate_sync(const char *path);

/* Whether the path is the file that fd has open. */
int rotate_is_same(const char *path, int fd);

/*
 * Locks the file (how as for flock(2)); blocks until it has the lock.  -1 with
 * errno.
 */
int rotate_lock(int fd, int how);

#endif
