#ifndef PCHAN_DEADFILE_H
#define PCHAN_DEADFILE_H

/*
 * A dead-letter file: whole lines, appended under a lock, so that many processes may
 * share it, and synced before those who sent them go on.  One thread's, but for
 * deadfile_reopen().
 */

#include <stddef.h>

struct deadfile;

/*
 * Opens the file for appending and makes it (0666 less the umask) if there is none.  NULL
 * with errno (EISDIR: it is a directory).
 */
struct deadfile *deadfile_open(const char *path);
void deadfile_close(struct deadfile *);

/* Adds a line, LF included, to the batch; the bytes must stay in place until deadfile_commit(). */
int deadfile_put(struct deadfile *, const char *line, size_t len);

/*
 * Appends the batch and syncs it.  0: it is on the disk, and the batch is empty.  -1 with
 * errno: nothing of it is kept in the file, not even a torn line; it won't be tried again.
 */
int deadfile_commit(struct deadfile *);

/* Any thread: the next commit opens the path anew (logrotate's SIGHUP). */
void deadfile_reopen(struct deadfile *);

const char *deadfile_path(const struct deadfile *);

#endif
