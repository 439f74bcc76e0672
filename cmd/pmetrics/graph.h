#ifndef GRAPH_H
#define GRAPH_H

/*
 * Which stages and foreign programs are joined, and by what: both ends of a
 * pipe show the same device and inode.  What is joined is a pipeline.
 */

#include <stdbool.h>
#include <stddef.h>

#include "metrics/look.h"
#include "model.h"
#include "neighbours.h"

struct graph_stage {
	const struct look_stage *stage;
	bool ended;
};

struct graph_node {
	enum part_kind kind;
	size_t index;               /* of the stage, or of the neighbour */
	size_t stage;               /* of an engine: which stage has it, ... */
	unsigned link;              /* ... and by which of its links */
	char name[MODEL_NAME_SIZE]; /* tamed */
	size_t pipeline;
};

struct graph_edge {
	size_t from, to;            /* nodes */
	char name[MODEL_NAME_SIZE]; /* of a FIFO or a file; "" */
	/* Links of the stages `from` and `to`, by their index, or NO_LINK. */
	unsigned out, in;
};

#define NO_LINK LINKS

/* Nodes by pipeline, and in each from the sources to the sinks. */
struct graph {
	size_t n, n_edges, n_pipelines;
	struct graph_node *node;
	struct graph_edge *edge; /* by pipeline, too */
};

/*
 * Draws the graph; the neighbours are those found last, and some may have left.
 * -1 with errno ENOMEM.  Free it with graph_free().
 */
int graph_make(
    struct graph *, size_t n, const struct graph_stage *stages, const struct neighbours *);
void graph_free(struct graph *);

/*
 * The ends that the stages hold; who: the index of the stage.  The array is the
 * caller's to free; NULL with errno ENOMEM.
 */
struct pipe_end *graph_ends(size_t n, const struct graph_stage *stages, size_t *n_ends);

#endif
