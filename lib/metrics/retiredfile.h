#ifndef PCHAN_RETIREDFILE_H
#define PCHAN_RETIREDFILE_H

/*
 * The file of the run directory that has the numbers of stages that have ended,
 * pchan-formats(5).  A new one is written beside the old one and renamed, so
 * that a reader finds either.  Any thread; whoever writes holds the lock of
 * fold.h.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics/retired.h"

#define RETIREDFILE_NAME "retired.2" /* the number is STATFILE_VERSION */
#define RETIREDFILE_NEW ".retired.2.new"
#define RETIREDFILE_MOST (64 << 20) /* bytes */

/*
 * Reads the file of a directory.  No file, or one that is damaged (*damaged),
 * has no entries.  -1 with errno (ENOMEM, or as rundir_lacks_means() knows it);
 * nothing is known of the file then.  Free it with retired_free().
 */
int retiredfile_read(struct retired *, int dir, bool *damaged);

/* The id that a retiredfile_read() would find now. */
uint64_t retiredfile_id(int dir);

/* The stat files that are in the entries, and may remain. */
struct retiredfile_in {
	size_t n;
	unsigned char (*uuid)[STATFILE_UUID];
};

/*
 * Puts a file with these entries in the place of the old one.  -1 with errno:
 * the old one is as it was.
 */
int retiredfile_write(int dir, const struct retired *, const struct retiredfile_in *);

#endif
