#ifndef PCHAN_RETIRED_H
#define PCHAN_RETIRED_H

/*
 * The numbers of stages that have ended: an entry for each tool, stage and
 * pipeline, so that counters go on where they were.  retiredfile.h keeps them,
 * fold.h adds to them.  One thread's; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics/metrics.h"
#include "metrics/statfile.h"

/* Entries at most; the numbers of other stages go into one named "other". */
#define RETIRED_MOST 4096
#define RETIRED_OTHERS 16 /* entries of that name */

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
 * Gives an empty one these entries, which are in order, and n_in uuids.  -1
 * with errno ENOMEM.
 */
int retired_set(
    struct retired *, const struct retired_entry *, size_t n, const void *in, size_t n_in);

/* Frees what it has; it is empty then. */
void retired_free(struct retired *);

/* Adds all entries to those of `to`.  -1 with errno ENOMEM. */
int retired_merge(struct retired *to, const struct retired *from);

/* Whether the numbers of this stat file are in the entries. */
bool retired_has(const struct retired *, const unsigned char uuid[STATFILE_UUID]);

/*
 * The entry for this stage, which is added if need be; it lives until the next
 * call.  NULL with errno ENOMEM.
 */
struct retired_entry *retired_entry(
    struct retired *, const char *tool, const char *name, const char *pipeline);

/*
 * Adds the numbers, with times until this moment (metrics.h), to those of an
 * entry.  A time that would overflow is left out.
 */
void retired_add(struct retired_entry *, const struct metrics *, int64_t until);

/* The order of the entries: below 0 if the entry is before this stage's. */
int retired_compare(
    const struct retired_entry *, const char *tool, const char *name, const char *pipeline);

#endif
