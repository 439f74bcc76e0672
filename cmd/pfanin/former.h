#ifndef FORMER_H
#define FORMER_H

/*
 * The file of a bookmark when its name leads to another one: it was renamed by
 * a rotation, or its text was copied and the file truncated.
 */

#include <stdbool.h>
#include <sys/stat.h>

struct bookmark;

/*
 * Looks in the folder of the bookmark's path for its file, and else for a file
 * with its text and a name that begins like its own, of which the youngest
 * counts; wanted() may refuse one.
 * Returns a descriptor, the caller's, and its *st; -1: there is none.
 */
int former_open(const struct bookmark *, bool (*wanted)(void *arg, int fd, const struct stat *st),
    void *arg, struct stat *st);

/*
 * Opens the bookmark's file, by its inode, under whatever name it has in that
 * folder.  -1: it is not there.
 */
int former_open_renamed(const struct bookmark *);

#endif
