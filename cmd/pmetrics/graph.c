#include "graph.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "process.h"

/* What a node has to do with a pipe, a FIFO or a file. */
struct end {
	uint64_t dev, ino;
	bool writes, joined;
	unsigned link; /* of a stage, or NO_LINK */
	size_t node;
};

struct drawing {
	size_t n_stages;
	const struct graph_stage *stages;
	size_t nodes_size, edges_size, n_ends;
	struct end *end;
	struct graph *g;
};

static enum link_state
state_of(const struct metrics_link *l)
{
	return atomic_load_explicit(&l->state, memory_order_relaxed) & 3;
}

/* Things that two processes can share, so that one waits for the other. */
static bool
joins(const struct graph_stage *s, unsigned i)
{
	const struct metrics_link *l = &s->stage->link[i];

	if (state_of(l) == LINK_UNUSED)
		return false;
	if (l->kind == LINK_FILE)
		return state_of(l) == LINK_OPEN && !s->ended;
	return l->kind == LINK_PIPE || l->kind == LINK_FIFO;
}

/* It is in use, and is worth a part of its own if nothing of ours is there. */
static bool
needs_part(const struct graph_stage *s, unsigned i)
{
	const struct metrics_link *l = &s->stage->link[i];

	return state_of(l) == LINK_OPEN && !s->ended && l->kind != LINK_NULL;
}

static struct graph_node *
add_node(struct drawing *d, enum part_kind kind, size_t index)
{
	struct graph *g = d->g;
	struct graph_node *more;

	if (g->n == d->nodes_size) {
		if ((more = reallocarray(g->node, d->nodes_size * 2 + 16, sizeof(*more))) == NULL)
			return NULL;
		g->node = more;
		d->nodes_size = d->nodes_size * 2 + 16;
	}
	g->node[g->n] = (struct graph_node){.kind = kind, .index = index};
	return &g->node[g->n++];
}

static struct graph_edge *
add_edge(struct drawing *d, size_t from, size_t to)
{
	struct graph *g = d->g;
	struct graph_edge *more;

	if (g->n_edges == d->edges_size) {
		if ((more = reallocarray(g->edge, d->edges_size * 2 + 16, sizeof(*more))) == NULL)
			return NULL;
		g->edge = more;
		d->edges_size = d->edges_size * 2 + 16;
	}
	g->edge[g->n_edges] =
	    (struct graph_edge){.from = from, .to = to, .out = NO_LINK, .in = NO_LINK};
	return &g->edge[g->n_edges++];
}

static void
copy_name(char *to, size_t size, const char *from)
{
	size_t len = utf8_head(from, strlen(from), size - 1);

	memcpy(to, from, len);
	to[len] = '\0';
	utf8_tame(to, len, "");
}

/*
 * The name of a file or a FIFO.  The standard streams have none but the one
 * that the process has them under.
 */
static void
name_link(const struct look_stage *s, unsigned i, char *name, size_t size)
{
	const struct metrics_link *l = &s->link[i];

	name[0] = '\0';
	if (l->kind == LINK_PIPE || l->kind == LINK_SOCKET || l->kind == LINK_OTHER)
		return;
	if (l->kind == LINK_TERMINAL)
		copy_name(name, size, "the terminal");
	else if (strcmp(l->name, "-") == 0)
		process_file(s->header.pid, l->direction == LINK_OUT, name, size);
	if (name[0] == '\0')
		copy_name(name, size, l->name);
}

static int
add_stages(struct drawing *d)
{
	for (size_t i = 0; i < d->n_stages; i++) {
		struct graph_node *node = add_node(d, PART_STAGE, i);

		if (node == NULL)
			return -1;
		copy_name(node->name, sizeof(node->name), d->stages[i].stage->header.name);
	}
	return 0;
}

static int
add_programs(struct drawing *d, const struct neighbours *f)
{
	for (size_t i = 0; i < f->n; i++) {
		struct graph_node *node = add_node(d, PART_PROGRAM, i);

		if (node == NULL)
			return -1;
		strcpy(node->name, f->program[i].name);
	}
	return 0;
}

static int
by_inode(const void *a, const void *b)
{
	const struct end *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return (x->node > y->node) - (x->node < y->node);
}

static int
collect_ends(struct drawing *d, const struct neighbours *f)
{
	size_t n = f->n_ends;

	for (size_t i = 0; i < d->n_stages; i++)
		n += d->stages[i].stage->n_links;
	if ((d->end = calloc(n + 1, sizeof(*d->end))) == NULL)
		return -1;
	for (size_t i = 0; i < d->n_stages; i++)
		for (unsigned j = 0; j < d->stages[i].stage->n_links; j++) {
			const struct metrics_link *l = &d->stages[i].stage->link[j];

			if (joins(&d->stages[i], j))
				d->end[d->n_ends++] = (struct end){.dev = l->dev,
				    .ino = l->ino,
				    .writes = l->direction == LINK_OUT,
				    .link = j,
				    .node = i};
		}
	for (size_t i = 0; i < f->n_ends; i++)
		d->end[d->n_ends++] = (struct end){.dev = f->end[i].dev,
		    .ino = f->end[i].ino,
		    .writes = f->end[i].writes,
		    .link = NO_LINK,
		    .node = d->n_stages + f->end[i].who};
	qsort(d->end, d->n_ends, sizeof(*d->end), by_inode);
	return 0;
}

static int
join(struct drawing *d, struct end *w, struct end *r)
{
	struct graph_edge *e;
	const struct end *named = w->link != NO_LINK ? w : r;

	if (!w->writes || r->writes || w->node == r->node)
		return 0;
	if ((e = add_edge(d, w->node, r->node)) == NULL)
		return -1;
	e->out = w->link;
	e->in = r->link;
	if (named->link != NO_LINK)
		name_link(d->stages[named->node].stage, named->link, e->name, sizeof(e->name));
	w->joined = r->joined = true;
	return 0;
}

/*
 * Takes out the foreign ends that a stage has, too: a process has inherited
 * them.  Returns how many are left.
 */
static size_t
drop_inherited(struct end *end, size_t n)
{
	bool stage[2] = {false, false};
	size_t left = 0;

	for (size_t i = 0; i < n; i++)
		stage[end[i].writes] |= end[i].link != NO_LINK;
	for (size_t i = 0; i < n; i++)
		if (end[i].link != NO_LINK || !stage[end[i].writes])
			end[left++] = end[i];
	return left;
}

/* All who write to a thing, with all who read from it. */
static int
join_all(struct drawing *d)
{
	for (size_t i = 0, next, last; i < d->n_ends; i = next) {
		for (next = i; next < d->n_ends && d->end[next].ino == d->end[i].ino &&
		     d->end[next].dev == d->end[i].dev;)
			next++;
		last = i + drop_inherited(&d->end[i], next - i);
		for (size_t w = i; w < last; w++)
			for (size_t r = i; r < last; r++)
				if (join(d, &d->end[w], &d->end[r]) == -1)
					return -1;
	}
	return 0;
}

/* The part at the other end of a link, where no program was found. */
static int
add_other(struct drawing *d, size_t stage, unsigned link)
{
	const struct look_stage *s = d->stages[stage].stage;
	bool writes = s->link[link].direction == LINK_OUT;
	struct graph_node *node = add_node(d, PART_UNSEEN, link);
	struct graph_edge *e;
	size_t other;

	if (node == NULL)
		return -1;
	other = (size_t)(node - d->g->node);
	name_link(s, link, node->name, sizeof(node->name));
	node->stage = stage;
	node->link = link;
	if (s->link[link].kind == LINK_ENGINE)
		node->kind = PART_ENGINE;
	else if (node->name[0] != '\0')
		node->kind = PART_FILE;
	else
		strcpy(node->name, "another program");
	if ((e = add_edge(d, writes ? stage : other, writes ? other : stage)) == NULL)
		return -1;
	*(writes ? &e->out : &e->in) = link;
	if (node->kind == PART_FILE)
		memcpy(e->name, node->name, sizeof(e->name));
	return 0;
}

static int
add_others(struct drawing *d)
{
	bool(*joined)[LINKS] = calloc(d->n_stages + 1, sizeof(*joined));
	int result = joined != NULL ? 0 : -1;

	for (size_t i = 0; i < d->n_ends && result == 0; i++)
		if (d->end[i].joined && d->end[i].link != NO_LINK)
			joined[d->end[i].node][d->end[i].link] = true;
	for (size_t i = 0; i < d->n_stages && result == 0; i++)
		for (unsigned j = 0; j < d->stages[i].stage->n_links && result == 0; j++)
			if (needs_part(&d->stages[i], j) && !joined[i][j])
				result = add_other(d, i, j);
	free(joined);
	return result;
}

/*
 * Numbers the pipelines, by their first node: what is joined has one number.
 * Programs that are joined with no stage any more get none, and leave.
 */
static int
number_pipelines(struct graph *g)
{
	size_t *number = calloc(g->n + 1, sizeof(*number));
	bool changed;

	if (number == NULL)
		return -1;
	for (size_t i = 0; i < g->n; i++)
		g->node[i].pipeline = i;
	do {
		changed = false;
		for (size_t i = 0; i < g->n_edges; i++) {
			size_t *a = &g->node[g->edge[i].from].pipeline;
			size_t *b = &g->node[g->edge[i].to].pipeline;

			if (*a != *b) {
				*a = *b = *a < *b ? *a : *b;
				changed = true;
			}
		}
	} while (changed);
	/* Stages come first, so the number of a pipeline is that of a stage. */
	for (size_t i = 0; i < g->n; i++) {
		struct graph_node *node = &g->node[i];

		if (node->pipeline == i)
			number[i] = node->kind == PART_STAGE ? g->n_pipelines++ : SIZE_MAX;
		node->pipeline = number[node->pipeline];
	}
	free(number);
	return 0;
}

/* How the nodes are put into order. */
struct order {
	struct graph *g; /* its edges by `from` */
	size_t *first;   /* edge of each node */
	size_t *missing; /* edges into the node, from nodes without a place */
	bool *placed;
	size_t n_stack, *stack; /* that may come next, the next one on top */
	size_t n, *sorted;      /* nodes, as they got their places */
};

static int
by_nodes(const void *a, const void *b)
{
	const struct graph_edge *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return (x->to > y->to) - (x->to < y->to);
}

static void
place(struct order *o, size_t node)
{
	if (o->placed[node])
		return;
	o->placed[node] = true;
	o->sorted[o->n++] = node;
	/* Those behind it; the first one is on top at the end. */
	for (size_t i = o->first[node + 1]; i-- > o->first[node];) {
		size_t to = o->g->edge[i].to;

		if (!o->placed[to] && --o->missing[to] == 0)
			o->stack[o->n_stack++] = to;
	}
}

/*
 * Each node after those that feed it, and branch by branch.  Where a circle
 * leaves none that could be next, its first node is.
 */
static void
place_all(struct order *o)
{
	for (size_t i = o->g->n; i-- > 0;)
		if (o->missing[i] == 0)
			o->stack[o->n_stack++] = i;
	for (size_t i = 0; i <= o->g->n; i++) {
		while (o->n_stack > 0)
			place(o, o->stack[--o->n_stack]);
		if (i < o->g->n)
			place(o, i);
	}
}

/*
 * Finds the new index of each node, pipeline by pipeline; SIZE_MAX where it has
 * none.  Returns how many have one, or SIZE_MAX with errno ENOMEM.
 */
static size_t
number_nodes(const struct order *o, size_t *to)
{
	const struct graph *g = o->g;
	size_t *at = calloc(g->n_pipelines + 1, sizeof(*at)), n;

	if (at == NULL)
		return SIZE_MAX;
	for (size_t i = 0; i < g->n; i++)
		if (g->node[i].pipeline != SIZE_MAX)
			at[g->node[i].pipeline + 1]++;
	for (size_t i = 0; i < g->n_pipelines; i++)
		at[i + 1] += at[i];
	n = at[g->n_pipelines];
	for (size_t i = 0; i < g->n; i++) {
		size_t node = o->sorted[i], pipeline = g->node[node].pipeline;

		to[node] = pipeline == SIZE_MAX ? SIZE_MAX : at[pipeline]++;
	}
	free(at);
	return n;
}

/* Moves the nodes to their places; without one they leave, with their edges. */
static int
move(struct order *o)
{
	struct graph *g = o->g;
	struct graph_node *node = calloc(g->n + 1, sizeof(*node));
	size_t *to = o->missing, edges = 0, n = node == NULL ? SIZE_MAX : number_nodes(o, to);

	if (n == SIZE_MAX) {
		free(node);
		return -1;
	}
	for (size_t i = 0; i < g->n; i++)
		if (to[i] != SIZE_MAX)
			node[to[i]] = g->node[i];
	for (size_t i = 0; i < g->n_edges; i++) {
		struct graph_edge e = g->edge[i];

		if (to[e.from] == SIZE_MAX)
			continue;
		e.from = to[e.from];
		e.to = to[e.to];
		g->edge[edges++] = e;
	}
	free(g->node);
	g->node = node;
	g->n = n;
	g->n_edges = edges;
	return 0;
}

static int
put_into_order(struct graph *g)
{
	struct order o = {.g = g};
	int result = -1;

	o.first = calloc(g->n + 2, sizeof(*o.first));
	o.missing = calloc(g->n + 1, sizeof(*o.missing));
	o.placed = calloc(g->n + 1, sizeof(*o.placed));
	o.stack = calloc(g->n + 1, sizeof(*o.stack));
	o.sorted = calloc(g->n + 1, sizeof(*o.sorted));
	if (o.first == NULL || o.missing == NULL || o.placed == NULL || o.stack == NULL ||
	    o.sorted == NULL)
		goto out;
	if (g->n_edges > 0)
		qsort(g->edge, g->n_edges, sizeof(*g->edge), by_nodes);
	for (size_t i = 0; i < g->n_edges; i++) {
		o.missing[g->edge[i].to]++;
		o.first[g->edge[i].from + 1]++;
	}
	for (size_t i = 0; i < g->n; i++)
		o.first[i + 1] += o.first[i];
	place_all(&o);
	result = move(&o);
	/* Pipelines stand one after the other, so their edges do now, too. */
	if (result == 0 && g->n_edges > 0)
		qsort(g->edge, g->n_edges, sizeof(*g->edge), by_nodes);
out:
	free(o.first);
	free(o.missing);
	free(o.placed);
	free(o.stack);
	free(o.sorted);
	return result;
}

int
graph_make(
    struct graph *g, size_t n, const struct graph_stage *stages, const struct neighbours *found)
{
	struct drawing d = {.n_stages = n, .stages = stages, .g = g};
	int result = -1;

	*g = (struct graph){0};
	if (add_stages(&d) == 0 && add_programs(&d, found) == 0 && collect_ends(&d, found) == 0 &&
	    join_all(&d) == 0 && add_others(&d) == 0 && number_pipelines(g) == 0)
		result = put_into_order(g);
	free(d.end);
	if (result == -1) {
		graph_free(g);
		errno = ENOMEM;
	}
	return result;
}

void
graph_free(struct graph *g)
{
	free(g->node);
	free(g->edge);
	*g = (struct graph){0};
}

struct pipe_end *
graph_ends(size_t n, const struct graph_stage *stages, size_t *n_ends)
{
	size_t most = 1;
	struct pipe_end *end;

	for (size_t i = 0; i < n; i++)
		most += stages[i].stage->n_links;
	*n_ends = 0;
	if ((end = calloc(most, sizeof(*end))) == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		for (unsigned j = 0; j < stages[i].stage->n_links; j++) {
			const struct metrics_link *l = &stages[i].stage->link[j];

			if (needs_part(&stages[i], j) &&
			    (l->kind == LINK_PIPE || l->kind == LINK_FIFO))
				end[(*n_ends)++] = (struct pipe_end){.dev = l->dev,
				    .ino = l->ino,
				    .writes = l->direction == LINK_OUT,
				    .who = i};
		}
	return end;
}
