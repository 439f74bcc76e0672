#ifndef FOLLOW_H
#define FOLLOW_H

/*
 * --follow: files are read on as they grow, and names are followed from one
 * file to the next.
 *
 * An input is a file, as the system knows it (an inode), not a name.  A name
 * leads to a file; when it leads to another one, that is another input, and the
 * old file is read on until it has no name that is followed, nobody has it open
 * for writing, and all of it has been read.  inotify(7) says when to look, and
 * one function compares names with files, whatever has happened.
 *
 * What is in the old file when the new one is found goes first: the new file
 * waits until the old one has been read to its end once.
 */

#include <stdbool.h>

struct follow;
struct inputs;
struct options;
struct resume;
struct stage;

struct follow_how {
	const struct options *opt;
	struct inputs *inputs;
	struct stage *stage;   /* told of faults once threads read */
	bool from_end;         /* not what is there at the start */
	struct resume *resume; /* where files go on; NULL: no --state */
};

/* NULL with errno, and *why: what is wrong, or NULL. */
struct follow *follow_new(const struct follow_how *, const char **why);
void follow_free(struct follow *);

/*
 * Whether an operand is to be followed: a path that is no FIFO or device.
 * Ends with -1 and errno for a folder.
 */
int follow_takes(const char *operand);

/* Adds an operand, which must stay valid.  -1 with errno. */
int follow_add(struct follow *, const char *operand);

/*
 * Finds the files that are there, and makes inputs of them; others are added
 * while threads read.  After all operands were added, before inputs_begin().
 * -1 with *why, until the next call.
 */
int follow_begin(struct follow *, const char **why);

#endif
