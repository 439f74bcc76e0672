#ifndef PCHAN_SPANFILE_H
#define PCHAN_SPANFILE_H

/*
 * Where a stage's spans go: lines of OTLP/JSON.
 *
 * In the run directory (a tmpfs, so files there are bounded) each stage has
 *
 *	TOOL.PID.UUID.spans	the newest, up to SPANFILE_MAX bytes
 *	TOOL.PID.UUID.spans.1	the one before, complete
 *
 * When the newest is full it takes the place of the one before, whose spans are
 * gone then and count as dropped, unless somebody who ships them has removed
 * that file.  The process holds a write lock (OFD) on the newest until it ends,
 * as with stat files (statfile.h); files of stages that have ended stay until
 * they are shipped, or until there are too many: a stage that starts removes
 * the oldest, so that those of the ended take no more than SPANFILE_ALL bytes,
 * and are no more than SPANFILE_FILES.
 *
 * A file that the user names is appended to, is not bounded, and may be shared
 * by several stages, or be a pipe, or a terminal (append.h).
 *
 * One thread's, but for spanfile_hurry().  Writing waits for the reader of a
 * pipe, and for another writer no longer than a second.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SPANFILE_MAX (8 << 20)
#define SPANFILE_ALL (64 << 20)
#define SPANFILE_FILES 1024

struct spanfile;

/*
 * Creates the file in the directory, whose descriptor stays the caller's and
 * must stay open.  NULL with errno.
 */
struct spanfile *spanfile_create(
    int dir, const char *tool, int32_t pid, const unsigned char uuid[16]);

/*
 * Opens, or creates, the file of --trace-file.  NULL with errno: ENXIO if it is
 * a pipe that nobody reads.
 */
struct spanfile *spanfile_open(const char *path);

/* Lines go to this descriptor (console), which stays the caller's. */
struct spanfile *spanfile_to(int fd);

/* Another bound than SPANFILE_MAX, for tests. */
void spanfile_bound(struct spanfile *, uint64_t max);

/*
 * Writes a line that has n spans.  *dropped is how many spans, of this line or
 * of older ones, are lost with that.  -1 with errno: the line was not written,
 * and *dropped has its spans; a part of a line is taken back, or is a line of
 * its own.
 */
int spanfile_write(struct spanfile *, const char *line, size_t len, size_t n, uint64_t *dropped);

/*
 * From now on no write waits for longer than until then (monotonic ns).  Any
 * thread.
 */
void spanfile_hurry(struct spanfile *, int64_t until);

/* Closes it; a file in the run directory without a line is removed. */
void spanfile_close(struct spanfile *);

/* For those who read: the span files of a directory. */

struct spanfile_entry {
	char name[160]; /* in the directory */
	char tool[16];
	char uuid[33]; /* hexadecimal */
	int32_t pid;
	bool older;    /* spans.1: complete */
	bool live;     /* its stage may still write to this file */
	uint64_t size; /* bytes */
	uint64_t ino;
	int64_t changed; /* calendar ns: the last write */
};

/*
 * Lists them, the oldest first.  *list is malloc'd and the caller's.  Returns
 * how many; -1 with errno.
 */
ssize_t spanfile_list(int dir, struct spanfile_entry **list);

#endif
