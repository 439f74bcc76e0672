#ifndef SPOOL_H
#define SPOOL_H

/*
 * The span files of the run directories (trace/spanfile.h), which are shipped:
 * what is next, and what was taken.  A file that its stage does not write to
 * any more is removed when all of it is taken.
 *
 * A bundle is filled, posted, and then settled: only that is remembered
 * (shipped.h).  A process that is killed before ships it again, and loses none.
 *
 * For one thread; blocks as files do.  Faults of files are told once.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bundle;
struct spool;

/* NULL with errno ENOMEM. */
struct spool *spool_new(void);
void spool_free(struct spool *);

/*
 * Opens the run directories that are there by now, and locks them.  -1 with a
 * message told: another process ships their spans.
 */
int spool_open(struct spool *);

/*
 * Fills the empty bundle with what is next, the oldest first; nothing is left
 * if it is still empty then.
 */
void spool_fill(struct spool *, struct bundle *);

/* Remembers that all that was filled is taken, of it so many spans rejected. */
void spool_settle(struct spool *, const struct bundle *, uint64_t rejected);

/* At the last fill: the stages that still write; lines that had no spans. */
size_t spool_live(const struct spool *);
uint64_t spool_broken(const struct spool *);

/*
 * How many spans are not taken; *more: these are only some of them, as counting
 * took too long.  NULL: the directories of these, malloc'd, with commas.
 */
uint64_t spool_left(struct spool *, bool *more);
char *spool_places(const struct spool *);

#endif
