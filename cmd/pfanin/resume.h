#ifndef RESUME_H
#define RESUME_H

/*
 * --state: how far each input was finished in the run before, and in this one.
 *
 * An input is known again by its device, its inode and the fingerprint of its
 * text, whatever its name is by now.  The positions of the marks (marker.h) are
 * here: a token has the inputs that have moved on since the mark before it.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "fingerprint.h"
#include "record/reader.h"

struct inputs;
struct marker_positions;
struct resume;
struct stage;

/*
 * Reads the file of --state, locks it, and writes a new one.  Ends the process
 * with a message where that can't be done.
 */
struct resume *resume_open(const char *path);

/*
 * An open regular file is an input from now on: where it is read from.  One
 * that is not known begins at `fresh`.  Returns its place (source.h), which
 * lives as long as `resume`.  NULL with errno: EEXIST if it is an input
 * already.  Any thread.
 */
void *resume_claim(struct resume *, const char *path, int fd, const struct stat *,
    struct reader_place fresh, struct reader_place *start);

/*
 * Claims all inputs but those that are followed.  Ends the process with a
 * message where one can't be read again from a place in it.
 */
void resume_inputs(struct resume *, struct inputs *);

/*
 * With --follow: a file that had this name in the run before, and has not been
 * claimed, goes on from *start; it is looked for in the folder of that name.
 * Returns its descriptor, the caller's, its *st and its *place; -1: there is no
 * more.  One that is not found is told.
 */
int resume_former(
    struct resume *, const char *path, struct stat *st, struct reader_place *start, void **place);

/* The text of a followed file, as far as it was read.  Any thread. */
void resume_read(struct resume *, void *place, const struct fingerprint *);

/*
 * The file was truncated after so many bytes of its text.  Returns the place
 * of its next text; NULL with errno.  Any thread.
 */
void *resume_cut(struct resume *, void *place, uint64_t bytes);

/*
 * The input has ended after so many bytes of this file.  When these are
 * finished it will be known no more, unless it is claimed again.  Any thread.
 */
void resume_end(struct resume *, void *place, uint64_t bytes);

/*
 * Whether this file is that of --state, which is never read as an input.  Any
 * thread.
 */
bool resume_is_state(struct resume *, const char *path, const struct stat *);

/*
 * All inputs that are there have been claimed: tells of those that are others
 * than they were.
 */
void resume_settle(struct resume *);

/* From now on a file that can't be written ends this stage. */
void resume_begin(struct resume *, struct stage *);

/* What a marker does with positions. */
struct marker_positions resume_positions(struct resume *);

void resume_close(struct resume *);

#endif
