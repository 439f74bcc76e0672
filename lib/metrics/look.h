#ifndef PCHAN_LOOK_H
#define PCHAN_LOOK_H

/*
 * A look at what all stages say of themselves: all run directories, the stat
 * files in them, and the retired numbers.  What is read is a copy, checked:
 * files may be damaged, cut, of another version, or somebody else's, and then
 * are skipped and counted.  Texts end with a NUL, but may have any other bytes:
 * who shows them tames them.
 *
 * A look counts each stage once, also while another process folds.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics/retired.h"
#include "metrics/statview.h"

struct look {
	int64_t now;      /* CLOCK_MONOTONIC */
	int64_t calendar; /* us */
	size_t n;         /* by pipeline, name, tool, and begin */
	struct look_stage *stage;
	/* Of all directories; the same entries are added up. */
	struct retired retired;
	size_t live, dead, skipped; /* files */
	size_t n_dirs;              /* directories that were there */
};

enum look_how {
	LOOK_FOLD = 1,      /* folds the files of dead processes before */
	LOOK_ALL_USERS = 2, /* also in the directories of other users */
};

/*
 * Looks; `how` is a sum of the enum above.  -1 with errno: memory or
 * descriptors ran out (rundir_lacks_means()), and half a look is none.  Free it
 * with look_free().
 *
 * LOOK_ALL_USERS is for root.  Meanwhile the process has the effective user ID
 * of the owner of each directory, so nothing is read, or written, that this
 * owner may not.
 */
int look_take(struct look *, unsigned how);
void look_free(struct look *);

#endif
