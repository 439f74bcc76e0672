#ifndef PCHAN_ROTATE_H
#define PCHAN_ROTATE_H

/*
 * Rotation of a file that grows: FILE is renamed to FILE.1, an older FILE.1 to
 * FILE.2 and so on, as logrotate(8) does it; FILE.1 is the newest of these
 * files.  FILE and its rotated files are a series.
 *
 * Not every file with such a name is of the series.  A regular file is, unless
 * it is claimed (there is a FILE.1.series): then it is the FILE of another
 * series.
 *
 * A process that renames or replaces any of these files holds the lock of FILE
 * (flock(2)).  A process that has waited for the lock checks that FILE is still
 * the file that it has locked.
 *
 * Any thread.  Nothing blocks but the disk, and rotate_lock().
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* What a file beside FILE is to it. */
enum rotate_kind {
	ROTATE_NONE,       /* nothing: its name does not look like it */
	ROTATE_NUMBERED,   /* FILE.1 and so on: rotate_file()'s */
	ROTATE_DATED,      /* FILE-20261125, FILE.0: logrotate's */
	ROTATE_COMPRESSED, /* any of these names, and .gz, .xz, .zst or .bz2 */
	ROTATE_CLAIMED,    /* such a name, but a FILE of its own */
	ROTATE_IRREGULAR,  /* such a name, but a link, a folder, a pipe ... */
};

struct rotated {
	char *path;
	enum rotate_kind kind;
	unsigned number; /* of a name with one number below 10000000; else 0 */
};

/*
 * What a name is by the part behind FILE, such as ".1": NONE, NUMBERED, DATED
 * or COMPRESSED.
 */
enum rotate_kind rotate_suffix(const char *suffix);

/*
 * Lists all files beside FILE that are something to it, in no order.  *list is
 * the caller's, even after a failure: free it with rotate_free().  -1 with
 * errno.
 */
int rotate_list(const char *path, struct rotated **list, size_t *n);
void rotate_free(struct rotated *list, size_t n);

/* The claim of a file is a file with this behind its name. */
#define ROTATE_CLAIM ".series"

/* Whether the path is claimed, and so is the FILE of a series. */
bool rotate_is_claimed(const char *path);

/*
 * The length of FILE, if the path looks like a rotated file of another FILE; it
 * need not be one.  Else 0.
 */
size_t rotate_stem(const char *path);

/*
 * If the path looks like a rotated file of another FILE, claims it, so that the
 * other series leaves it alone.  -1 with errno.
 */
int rotate_claim(const char *path);

/*
 * Rotates FILE to FILE.1.  Of the files from FILE.1 up to the first number that
 * is free it removes the oldest ones first, so that at most `keep` rotated
 * files are left of them; it passes over files that are not of the series, and
 * touches no others.  A process that is killed at any point leaves the files in
 * their order.  Does not create a new FILE.  -1 with errno.
 *
 * Of each file removed, `removed` is told the path that it had, and a
 * descriptor by which it can still be read; or -1, and errno says why it
 * cannot.
 */
int rotate_file(const char *path, unsigned keep,
    void (*removed)(void *arg, const char *path, int fd), void *arg);

/*
 * Whether a file at this path is trusted if it has this owner: he is the user
 * that the process runs as, root, or the owner of the folder.
 */
bool rotate_trusts(const char *path, uid_t owner);

/*
 * Opens FILE (flags as for open(2)), and creates it if it is not there: with
 * the owner and mode of the file that `like` describes, without execute and
 * set-ID bits, so that those who could read and append to that file can do so
 * with this one.  Where `like` is NULL, that is the newest file of the series
 * whose owner is trusted and that has no other name; and if there is none, the
 * mode is 0600 less the umask.  Returns the descriptor, or -1 with errno; ELOOP
 * if the path is a link to no file, as its target is not created.
 */
int rotate_create(const char *path, int flags, const struct stat *like);

/*
 * Whether the file or link at this path was put there by a user who is not
 * trusted, in a folder with the sticky bit that anybody may write to, such as
 * /tmp.  He could read what is written, or choose where.
 */
bool rotate_is_planted(const char *path);

/* What the errno of a FILE that cannot be opened means: a constant text. */
const char *rotate_explain(const char *path, int error);

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
