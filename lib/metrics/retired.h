#ifndef PCHAN_RETIRED_H
#define PCHAN_RETIRED_H

/*
 * The numbers of stages that have ended, in one file of the run directory: an
 * entry for each tool, stage and pipeline, so that counters go on where they
 * were, and the directory does not grow.
 *
 * To fold is to add stat files of dead processes to the entries and to remove
 * them.  A fold holds a lock, writes a new file, renames it to `retired.1`
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
	uint64_t modes; /* bit by enum statfile_mode: what its stages did */
	struct metrics_shard sum;
};

struct retired {
	uint64_t id; /* another one after each fold; 0: no file */
	size_t n;
	struct retired_entry *entry; /* sorted by pipeline, name, tool */
	size_t room;                 /* for entries */
	size_t n_in;
	/* Stat files that are in the entries, and may remain; sorted. */
	unsigned char (*in)[STATFILE_UUID];
};

/*
 * Reads the file of a directory.  No file, or one that is damaged (*damaged),
 * has no entries.  -1 with errno (ENOMEM, or as rundir_lacks_means() knows it);
 * nothing is known of the file then.  Free it with retired_free().
 */
int retired_read(struct retired *, int dir, bool *damaged);
void retired_free(struct retired *);

/* The id that a retired_read() would find now. */
uint64_t retired_id(int dir);

/* Adds all entries to those of `to`.  -1 with errno ENOMEM. */
int retired_merge(struct retired *to, const struct retired *from);

/* Whether the numbers of this stat file are in the entries. */
bool retired_has(const struct retired *, const unsigned char uuid[STATFILE_UUID]);

/* A stat file that has ended, though its process, which folds it, lives. */
struct retired_own {
	const char *name; /* of the file */
	const struct statfile_header *header;
	const struct metrics *metrics;
};

/*
 * Folds the stat files of dead processes in the directory, and `own` or NULL.
 * Without `all`, files whose process number is in use are taken for live ones,
 * which is cheap; it may be the number of another process.
 *
 * Returns how many were folded, or -1 with errno: EAGAIN if another process
 * folds or looks; or if there are many entries, and few files: without `all`,
 * `own` may then stay for a later fold.  Does not wait.
 */
int retired_fold(int dir, const struct retired_own *own, bool all);

/* Keeps others from folding, until the descriptor is closed; -1 with errno. */
int retired_lock(int dir);

#endif
