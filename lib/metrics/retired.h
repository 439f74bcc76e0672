#ifndef PCHAN_RETIRED_H
#define PCHAN_RETIRED_H

/*
 * The numbers of stages that have ended, in one file of the run directory: an
 * entry for each tool, stage and pipeline, so that counters go on where they
 * were, and the directory does not grow.
 *
 * To fold is to add stat files of dead processes to the entries and to remove
 * them.  Who folds holds a lock, writes a new file, renames it to `retired.1`
 * (the number is STATFILE_VERSION) and only then removes the stat files.  The
 * file names those that it has in it, so that a crash in between counts none of
 * them twice, and a reader that finds both does not, either.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics/metrics.h"
#include "metrics/statfile.h"

/* Entries at most; the numbers of other stages go into one named "other". */
#define RETIRED_MOST 4096

struct retired_entry {
	char tool[STATFILE_TOOL_SIZE];
	char name[STATFILE_NAME_SIZE];
	char pipeline[STATFILE_PIPELINE_SIZE];
	uint64_t exits[EXIT_COUNT];
	struct metrics_shard sum;
};

struct retired {
	size_t n;
	struct retired_entry *entry;
	size_t n_in; /* stat files that are in the entries, and may remain */
	unsigned char (*in)[STATFILE_UUID];
};

/*
 * Reads the file of a directory.  No file, or one that is damaged (*damaged),
 * has no entries.  -1 with errno ENOMEM.  Free it with retired_free().
 */
int retired_read(struct retired *, int dir, bool *damaged);
void retired_free(struct retired *);

/* Whether the numbers of this stat file are in the entries. */
bool retired_has(const struct retired *, const unsigned char uuid[STATFILE_UUID]);

/*
 * Folds the stat files of dead processes in the directory.  Returns how many,
 * or -1 with errno: EAGAIN if another process does it.  Does not wait.
 */
int retired_fold(int dir);

#endif
