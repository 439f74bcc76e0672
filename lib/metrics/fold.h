#ifndef PCHAN_FOLD_H
#define PCHAN_FOLD_H

/*
 * To fold is to add the stat files of dead processes to the numbers of those
 * that have ended (retired.h) and to remove them, so that the run directory
 * does not grow.  A fold holds a lock, writes the new numbers, and only then
 * removes the stat files.  The numbers name the files that are in them, so that
 * a crash in between counts none of them twice, and a reader that finds both
 * does not, either.
 *
 * Any thread.
 */

#include <stdbool.h>

struct metrics;
struct statfile_header;

/* A stat file that has ended, though its process, which folds it, lives. */
struct fold_own {
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
int fold_dead(int dir, const struct fold_own *own, bool all);

/* Keeps others from folding, until the descriptor is closed; -1 with errno. */
int fold_lock(int dir);

#endif
