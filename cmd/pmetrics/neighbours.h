#ifndef NEIGHBOURS_H
#define NEIGHBOURS_H

/*
 * The foreign programs beside the stages, found in /proc: who holds the other
 * end of a stage's pipe, and who holds that program's own pipes, some programs
 * on.  Of a program that belongs to another user nothing is found.
 *
 * Processes inherit pipes that they never use.  So the search starts from the
 * pipes of the stages, and of several holders of an end takes the one that has
 * it as standard input or output while its parent hasn't; without one, the one
 * that is no ancestor of another holder.  A wrong choice costs a label: who
 * waits for whom is known from the stages.  Of a program only those pipes
 * lead on that it has not inherited.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model.h"

/* One end of a pipe or FIFO, and who has it: an index. */
struct pipe_end {
	uint64_t dev, ino;
	bool writes;
	size_t who;
};

struct neighbour {
	pid_t pid;
	char name[MODEL_NAME_SIZE]; /* "gzip -9"; tamed */
};

struct neighbours {
	size_t n;
	struct neighbour *program;
	size_t n_ends; /* of these programs */
	struct pipe_end *end;
};

/*
 * Looks for the ends that the stages' pipes lack.  `end` has all that the
 * stages hold, `pid` the stages.  -1 with errno ENOMEM; then there are none.
 * Free the result with neighbours_free().
 */
int neighbours_find(struct neighbours *, size_t n_ends, const struct pipe_end *end, size_t n_pids,
    const pid_t *pid);
void neighbours_free(struct neighbours *);

#endif
