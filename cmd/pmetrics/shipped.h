#ifndef SHIPPED_H
#define SHIPPED_H

/*
 * What is remembered of the spans of a run directory that were shipped: how far
 * each of its span files was taken, and how many spans of each stage were.  It
 * is the file ship.1 there, a JSON object (pchan-formats(5)), which is replaced
 * in one step: a kill leaves the old one or the new one.
 *
 * For one thread; blocks as files do.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Stages that are counted; others are added up as one named "other". */
#define SHIPPED_MOST 4096

struct shipped_file {
	char uuid[33];
	uint64_t ino;
	uint64_t offset; /* all before is taken */
	uint64_t check;  /* shipped_check() there */
};

struct shipped_total {
	char *stage, *tool, *pipeline;
	uint64_t sent, rejected;
};

struct shipped {
	size_t files, n;
	struct shipped_file *file;
	struct shipped_total *total;
};

/*
 * Reads the file of a directory; without one, or if it is not valid, nothing is
 * remembered.  -1 with errno ENOMEM.  Free it with shipped_free().  Who only
 * wants the totals needs no lock.
 */
int shipped_read(struct shipped *, int dir);

/*
 * The totals of all directories where stages of this user put their files, and
 * no files.  -1 with errno ENOMEM.
 */
int shipped_read_totals(struct shipped *);
void shipped_free(struct shipped *);

/* Replaces the file of the directory.  -1 with errno: it is as it was. */
int shipped_write(const struct shipped *, int dir);

/*
 * The lock of a directory, a descriptor: one process ships its spans at a time.
 * -1 with errno; EWOULDBLOCK: another one does.
 */
int shipped_lock(int dir);

/* The entry of a file; NULL: nothing of it is taken. */
struct shipped_file *shipped_find(const struct shipped *, const char *uuid, uint64_t ino);

/* Sets the entry of a file.  -1 with errno ENOMEM. */
int shipped_set(struct shipped *, const struct shipped_file *);

/* Forgets the files for which keep() says false. */
void shipped_forget(
    struct shipped *, bool (*keep)(const void *arg, const struct shipped_file *), const void *arg);

/* Counts spans of a stage.  -1 with errno ENOMEM. */
int shipped_count(struct shipped *, const char *stage, const char *tool, const char *pipeline,
    uint64_t sent, uint64_t rejected);

/*
 * A number for the bytes before an offset, so that a file which has taken the
 * place of another is not mistaken for that.
 */
uint64_t shipped_check(int fd, uint64_t offset);

#endif
