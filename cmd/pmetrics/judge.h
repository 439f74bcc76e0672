#ifndef JUDGE_H
#define JUDGE_H

/*
 * The verdicts on all pipelines, from look to look: steady ones, that remember
 * what was before.
 */

#include <stddef.h>
#include <stdint.h>

#include "model.h"

/* All zero: no pipeline was seen yet. */
struct judge {
	size_t n, room;
	struct memory *memory;
};

/*
 * Fills in the verdict of the model, and its text, at this time (ns).  -1 with
 * errno ENOMEM.
 */
int judge_model(struct judge *, struct model *, int64_t now);

/* Forgets the pipelines that were not judged since the last call. */
void judge_forget(struct judge *);
void judge_free(struct judge *);

#endif
