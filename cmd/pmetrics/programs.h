#ifndef PROGRAMS_H
#define PROGRAMS_H

/*
 * The foreign programs that are known, and how much of a processor they use.
 */

#include <stddef.h>
#include <stdint.h>

#include "neighbours.h"
#include "trend.h"

struct program_use {
	/* These tell a process from a later one with its id, or after exec. */
	uint64_t begun;
	char command[16];
	struct trend cpu;
};

/* All zero: none is known, and nobody has searched. */
struct programs {
	struct neighbours found;
	struct program_use *use; /* of each that was found */
	int64_t searched;        /* when */
	unsigned news;           /* searches that are due soon */
};

/* Takes a sample of each; those that have ended are forgotten. */
void programs_sample(struct programs *, int64_t now, int64_t window);

/*
 * Stages have come or gone.  While a pipeline starts, its shell has pipes for a
 * moment that it will not use, so what is found then is searched for again.
 */
void programs_news(struct programs *);

/*
 * Whether it is time for a search, as one costs more than all the rest: every
 * few seconds if an end is lacking, or soon where there are news.
 */
bool programs_may_search(const struct programs *, bool lacking, int64_t now);

/*
 * Searches for the ends that the stages lack; see neighbours_find().  -1 with
 * errno ENOMEM.
 */
int programs_search(struct programs *, size_t n_ends, const struct pipe_end *end, size_t n_pids,
    const pid_t *pid, int64_t now, int64_t window);

void programs_free(struct programs *);

#endif
