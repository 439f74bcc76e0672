#ifndef PCHAN_RUNDIR_H
#define PCHAN_RUNDIR_H

/*
 * The run directory: where stat files are.  A directory is taken if it is ours
 * (of this effective user), no one else may enter it, and it is no symbolic
 * link; or if it can be made so.
 *
 *	$PCHAN_METRICS is "off"	none
 *	$PCHAN_RUN_DIR is set	that one, or none
 *	else the first of	$XDG_RUNTIME_DIR/pchan
 *				/run/user/EUID/pchan
 *				/run/pchan, for root
 *				/dev/shm/pchan-EUID
 *
 * that is on a tmpfs: a store to a mapped file on a disk may wait for the disk.
 * (A directory that the user names may be on a disk.)
 */

#include <stdbool.h>
#include <stddef.h>

#define RUNDIR_WHY_SIZE 256

/* The directories that stages of this user may use, in this order. */
struct rundir_list {
	size_t n;
	char **path;
	bool named; /* by $PCHAN_RUN_DIR */
	bool off;   /* by $PCHAN_METRICS; n is 0 */
};

/* -1 with errno ENOMEM.  Free it with rundir_list_free(). */
int rundir_list(struct rundir_list *);

/*
 * Adds the directories that are there now where stages of any user put theirs:
 * /run/user/UID/pchan and /dev/shm/pchan-UID.  -1 with errno ENOMEM.
 */
int rundir_list_users(struct rundir_list *);
void rundir_list_free(struct rundir_list *);

/*
 * Opens the directory, and makes it before if `make` is set and its parent is
 * there.  Returns its descriptor, or -1 with `why`: "PATH: what is wrong", and
 * errno, ENOENT if it is not there.
 */
int rundir_open(const char *path, bool make, bool on_tmpfs, char why[RUNDIR_WHY_SIZE]);

/*
 * Where we looked: the path; and if the directory is there, but could not be
 * opened, what is wrong.
 */
void rundir_describe(const char *path, bool on_tmpfs, char text[RUNDIR_WHY_SIZE]);

/*
 * Whether an open(2) failed for lack of memory or of descriptors, which says
 * nothing of the file.
 */
bool rundir_lacks_means(int error);

/*
 * Whether there may be more than n entries in a directory, without reading it:
 * the size of one on a tmpfs is 20 bytes for each, and 40.
 */
bool rundir_may_have(int dir, size_t n);

#endif
