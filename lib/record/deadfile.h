#ifndef PCHAN_DEADFILE_H
#define PCHAN_DEADFILE_H

/*
 * A dead-letter file: whole lines, appended under a lock, so that many processes may
 * share it, and synced before those who sent them go on.  One thread's, but for
 * deadfile_reopen().
 *
 * Each time the lock is taken it looks whether the file still has its name, and opens the new one if it
 * was rotated or removed by somebody; and whether its last line is whole.  One that is not, left by a power
 * cut or by somebody who was killed, is closed off with an LF, and told.
 */

#include <stddef.h>
#include <stdint.h>

struct deadfile;

enum deadfile_sync {
	DEADFILE_BATCH, /* one fdatasync(2) for what came together */
	DEADFILE_RECORD,
	DEADFILE_NONE,
};

struct deadfile_how {
	uint64_t max_size; /* bytes; a file that would grow beyond is rotated before; 0: never */
	unsigned keep;     /* rotated files to be kept; 0: all */
	enum deadfile_sync sync;
	void (*say)(const char *line); /* tells people; may be NULL */
};

/*
 * Opens the file for appending and makes it (0666 less the umask) if there is none.  NULL
 * with errno (EISDIR: it is a directory).
 */
struct deadfile *deadfile_open(const char *path, const struct deadfile_how *);

/* The same for what is open already, as standard error; name is for messages.  No lock, no sync. */
struct deadfile *deadfile_on(int fd, const char *name);

void deadfile_close(struct deadfile *);

/* Adds a line, LF included, to the batch; the bytes must stay in place until deadfile_commit(). */
int deadfile_put(struct deadfile *, const char *line, size_t len);

/*
 * Appends the batch and syncs it; it is empty then.  0: all of it is on the disk.  -1 with errno: the first
 * *kept lines are, and nothing of the others, not even a torn line; it won't be tried again.
 */
int deadfile_commit(struct deadfile *, size_t *kept);

/* Any thread: the next commit opens the path anew (logrotate's SIGHUP). */
void deadfile_reopen(struct deadfile *);

const char *deadfile_path(const struct deadfile *);

#endif
