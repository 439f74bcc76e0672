#ifndef OPENFILES_H
#define OPENFILES_H

/*
 * The open output files of a folder, by name.  A file is opened when it is
 * asked for; when there are too many, the one that was not used for the longest
 * time is closed.  Nothing is remembered of a file that is not open, so that
 * memory is bounded however many names there are.
 *
 * The names may come from strangers.  A file is a regular file in the folder
 * itself: symbolic links are not followed, and FIFOs and devices are refused.
 * A file that is renamed or removed while it is open is still written to, until
 * it is closed.
 *
 * One thread's.  Opening blocks for the disk only.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct openfiles;

struct openfile {
	int fd;           /* for appending */
	void *data;       /* the caller's: NULL in a file just opened */
	const char *name; /* in the folder */
	/* What follows is for openfiles.c. */
	uint64_t hash;
	TAILQ_ENTRY(openfile) by_use;
	LIST_ENTRY(openfile) in_bucket;
};

TAILQ_HEAD(openfile_uses, openfile);

/*
 * The folder must exist, and stays the same one if it is renamed.  Up to `most`
 * files, at least one, are open together.  Before one is forgotten,
 * end(file, arg) is called, which writes what is left, frees the data and
 * closes the fd, and has to deal with what fails there.  Returns NULL with the
 * errno of open(2) for the folder, or ENOMEM.
 */
struct openfiles *openfiles_new(
    const char *folder, size_t most, void (*end)(struct openfile *, void *), void *arg);

/* Closes all files. */
void openfiles_free(struct openfiles *);

/*
 * The file with this name, which has no slash; it is created if there is none.
 * If the process, or the system, has no descriptor left, files are closed until
 * there is one.  The file is valid until the next call with another name.
 * Returns NULL with the errno of open(2) (ELOOP: it is a symbolic link), EINVAL
 * if it is neither a folder (EISDIR) nor a regular file, or ENOMEM.
 */
struct openfile *openfiles_get(struct openfiles *, const char *name);

/*
 * The open file that was used last before this one, of all if this is NULL;
 * NULL if there is no other.
 */
struct openfile *openfiles_next(struct openfiles *, const struct openfile *);

/* Closes the file, or all files: the next openfiles_get() opens them again. */
void openfiles_close(struct openfiles *, struct openfile *);
void openfiles_close_all(struct openfiles *);

/*
 * The folder, open for fsync(2) and syncfs(2), close-on-exec.  -1 with errno,
 * EACCES if we may not read it.
 */
int openfiles_folder(const struct openfiles *);

#endif
