#ifndef SPOOLDIR_H
#define SPOOLDIR_H

/*
 * A run directory whose span files (trace/spanfile.h) are shipped: which there
 * are, how far each was taken, and how one is removed.
 *
 * For one thread; blocks as files do.  Faults are told once.
 */

#include <stdbool.h>
#include <stddef.h>

#include "shipped.h"
#include "trace/spanfile.h"

struct spooldir {
	char *path;
	int fd, lock;
	struct shipped memory;
	size_t n; /* the files, as last listed */
	struct spanfile_entry *entry;

	bool put_back; /* a file may have the name that ours have */
	int error;     /* of the last spooldir_save() */
};

/*
 * Takes over the descriptor of the directory, locks that, and reads what is
 * remembered of it.  -1 with a message: another process has the lock.
 */
int spooldir_open(struct spooldir *, const char *path, int fd);
void spooldir_close(struct spooldir *);

/*
 * Lists the files, the oldest first, and forgets those that are gone.  False:
 * the list could not be had.
 */
bool spooldir_list(struct spooldir *);

/* Whether the stage writes to it no more. */
bool spooldir_is_complete(const struct spanfile_entry *);

/* Whether there is something in it to take, or it is to be removed. */
bool spooldir_is_due(const struct spooldir *, const struct spanfile_entry *);

/*
 * Opens a file of the list, at the offset up to which it was taken, which is in
 * *place.  The descriptor is the caller's; -1: it is not there any more.
 */
int spooldir_open_file(
    const struct spooldir *, const struct spanfile_entry *, struct shipped_file *place);

/* Removes a complete file, all of which is taken. */
void spooldir_remove(struct spooldir *, const struct spanfile_entry *);

/* Writes what is remembered.  If it can't, it is still remembered here. */
void spooldir_save(struct spooldir *);

#endif
