#ifndef BOOKMARK_H
#define BOOKMARK_H

/*
 * What a state file has of an input, pchan-formats(5): which file it is, and up
 * to where its records are finished.  The whole file is
 *
 *	{"pchan":"state/1","inputs":[
 *	{"path":"/var/log/app.log","device":2049,"inode":131,
 *	 "head":4096,"hash":"cbf29ce484222325","offset":70,"line":2}
 *	]}
 *
 * with an input on each line.  Pure functions.
 */

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "fingerprint.h"
#include "record/reader.h"

struct bookmark {
	char *path; /* absolute; "-" and fd:N as they are; malloc'd */
	dev_t device;
	ino_t inode;
	struct fingerprint head;
	struct reader_place done; /* a line begins there, or the file ends */
};

/* Writes the text of these n.  Look at ferror(3). */
void bookmarks_print(FILE *, const struct bookmark *const *, size_t n);

/*
 * Reads a text: malloc'd bookmarks, whose paths are malloc'd, too.  NULL, with
 * *why: what is wrong, static or in `line`.
 */
struct bookmark *bookmarks_parse(
    const char *text, size_t len, size_t *n, const char **why, char line[128]);

#endif
