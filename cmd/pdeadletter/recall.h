#ifndef RECALL_H
#define RECALL_H

/*
 * Finds what is remembered of a file, although it may have another name by now,
 * may be a copy, or may have been edited.  Reads the file where that is needed,
 * and leaves its descriptor at the start.  One thread; ends the process where
 * the file cannot be read.
 */

#include <stdbool.h>
#include <stddef.h>

struct memory;
struct series_file;

/*
 * Fills in the file's memory, which is new, from those of a cursor:
 *
 * - from that of the same inode, if its letters stand where it says;
 * - else from one whose letters stand there, as the file is a copy;
 * - else from one whose front is found in the file by its id and time, as the
 *   file was edited.  Its single letters are forgotten then.
 *
 * Warns if single letters are forgotten, as they will be replayed once more.
 * False: none of the memories is of this file.
 */
bool recall_file(
    struct memory *, const struct series_file *, const struct memory *cursor, size_t n);

#endif
