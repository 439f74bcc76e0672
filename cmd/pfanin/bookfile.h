#ifndef BOOKFILE_H
#define BOOKFILE_H

/*
 * A small file that one process at a time has, and replaces each time:
 * beside it, synced, and renamed, so that the disk has the old text or the new
 * one.  The lock is on the file itself, and moves to the new one.
 */

#include <stddef.h>

struct bookfile {
	char *path, *beside; /* malloc'd; path is that of the file itself */
	int fd;              /* open and locked */
};

/*
 * Opens the file, or makes an empty one, and locks it.  Returns its text, which
 * is malloc'd, or NULL with errno, and *why, a static text or NULL.
 */
char *bookfile_open(struct bookfile *, const char *path, size_t *len, const char **why);

/* Replaces the text.  -1 with errno: the file has the text that it had. */
int bookfile_write(struct bookfile *, const char *text, size_t len);

void bookfile_close(struct bookfile *);

#endif
