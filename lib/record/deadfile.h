#ifndef PCHAN_DEADFILE_H
#define PCHAN_DEADFILE_H

/*
 * A dead-letter file: whole lines are appended under a lock, so that several
 * processes can share the file, and are synced before their senders go on.  One
 * thread's, except for deadfile_reopen().
 *
 * Each commit checks, under the lock, that the file still has its name, and
 * opens the new file if somebody has rotated or removed it; and that the last
 * line is whole.  A torn line, left by a power cut or a killed writer, is
 * closed off with an LF, and reported.
 */

#include <stddef.h>
#include <stdint.h>

struct deadfile;

enum deadfile_sync {
	DEADFILE_BATCH,  /* one fdatasync(2) for each batch */
	DEADFILE_RECORD, /* one for each line */
	DEADFILE_NONE,
};

struct deadfile_how {
	/* Bytes; a file that would grow beyond is rotated first.  0: never. */
	uint64_t max_size;
	/* Rotated files to keep; 0: all.  The others are discarded. */
	unsigned keep;
	enum deadfile_sync sync;
	/* Called with a line for people, without an LF; or NULL. */
	void (*say)(const char *line);
};

/*
 * Opens the file for appending, and creates it if there is none, as
 * rotate_create() does.  If its name looks like that of a rotated file of
 * another series, claims it (rotate_claim()).  NULL with errno (EISDIR: it is a
 * directory).
 */
struct deadfile *deadfile_open(const char *path, const struct deadfile_how *);

/*
 * The same for a descriptor that is open already, such as standard error; it is
 * duplicated.  The name is for messages.  No lock, no sync, no rotation.
 */
struct deadfile *deadfile_on(int fd, const char *name);

/* Drops what was put and not committed.  Keeps errno. */
void deadfile_close(struct deadfile *);

/*
 * Adds a line, with its LF, to the batch.  The bytes must stay in place until
 * deadfile_commit() has returned.  -1 with errno ENOMEM.
 */
int deadfile_put(struct deadfile *, const char *line, size_t len);

/*
 * Appends the batch and syncs it; blocks.  Returns 0 if all lines are on the
 * disk; or -1 with errno if only the first *kept lines are, and nothing of the
 * others, not even a torn line.  Either way the batch is empty afterwards: the
 * others are not tried again.
 */
int deadfile_commit(struct deadfile *, size_t *kept);

/*
 * Syncs what was appended without a sync (DEADFILE_NONE); blocks.  -1 with
 * errno.
 */
int deadfile_sync(struct deadfile *);

/* Any thread: the next commit opens the path again (logrotate's SIGHUP). */
void deadfile_reopen(struct deadfile *);

/*
 * How many letters were in the files that `keep` has removed since the deadfile
 * was opened, whoever had written them.
 */
uint64_t deadfile_discarded(const struct deadfile *);

/* The path that is written to, or the name; the deadfile's. */
const char *deadfile_path(const struct deadfile *);

#endif
