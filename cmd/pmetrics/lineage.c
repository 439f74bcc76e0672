#include "lineage.h"

#include <stdlib.h>
#include <string.h>

#define NONE LINEAGE_NONE

/* A span among all; all places are those in the order of begins. */
struct node {
	const struct spanview *span;
	bool twice, visited;
	size_t parent, child, sibling;
	size_t place; /* in the lineage */
};

struct family {
	size_t n;
	struct node *node;   /* by their begins */
	struct node **by_id; /* those that are not there twice */
	size_t ids;
	size_t *stack, depth;
};

static int
compare_begins(const void *a, const void *b)
{
	const struct spanview *x = ((const struct node *)a)->span,
			      *y = ((const struct node *)b)->span;

	if (x->begun != y->begun)
		return x->begun < y->begun ? -1 : 1;
	/* As they were read. */
	return x < y ? -1 : x > y;
}

static int
compare_ids(const void *a, const void *b)
{
	const struct node *x = *(struct node *const *)a, *y = *(struct node *const *)b;
	const int order = memcmp(x->span->span_id, y->span->span_id, sizeof(x->span->span_id));

	return order != 0 ? order : x < y ? -1 : x > y;
}

static bool
is_same(const struct spanview *a, const struct spanview *b)
{
	return memcmp(a->span_id, b->span_id, sizeof(a->span_id)) == 0 && a->begun == b->begun &&
	    a->ended == b->ended && strcmp(a->name, b->name) == 0;
}

/* Fills by_id, without what is there twice. */
static void
index_ids(struct family *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		f->by_id[i] = &f->node[i];
	qsort(f->by_id, f->n, sizeof(struct node *), compare_ids);
	for (size_t i = 0; i < f->n; i++)
		if (n > 0 && is_same(f->by_id[n - 1]->span, f->by_id[i]->span))
			f->by_id[i]->twice = true;
		else
			f->by_id[n++] = f->by_id[i];
	f->ids = n;
}

/* The first span with the id of this one's parent. */
static size_t
find_parent(const struct family *f, const struct spanview *v)
{
	size_t low = 0, high = f->ids;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(f->by_id[middle]->span->span_id, v->parent, sizeof(v->parent)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == f->ids ||
	    memcmp(f->by_id[low]->span->span_id, v->parent, sizeof(v->parent)) != 0 ||
	    f->by_id[low]->span == v)
		return NONE;
	return (size_t)(f->by_id[low] - f->node);
}

/*
 * Each list of children is the wrong way round, as a stack wants it: stages,
 * and then others, each time the last to begin first.
 */
static void
join(struct family *f)
{
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < f->n; i++) {
			struct node *node = &f->node[i];
			const bool foreign = node->span->kind == SPANVIEW_FOREIGN;

			if (node->twice || foreign != (pass == 0))
				continue;
			node->parent = find_parent(f, node->span);
			if (node->parent == NONE)
				continue;
			node->sibling = f->node[node->parent].child;
			f->node[node->parent].child = i;
		}
}

/* Its parent is in the lineage already. */
static void
add(struct family *f, struct node *node, struct kin *kin, size_t place)
{
	struct kin *k = &kin[place];

	node->place = place;
	*k = (struct kin){.span = node->span, .parent = NONE, .stage = NONE};
	if (node->parent == NONE) {
		k->orphan = spanview_has_parent(node->span);
		return;
	}
	k->parent = f->node[node->parent].place;
	k->stage = kin[k->parent].span->kind != SPANVIEW_FOREIGN ? k->parent : kin[k->parent].stage;
	if (node->span->kind != SPANVIEW_FOREIGN && k->stage != NONE)
		k->indent = kin[k->stage].indent;
	else
		k->indent = kin[k->parent].indent + 1;
}

/* Adds a span and all its descendants from this place on. */
static size_t
descend(struct family *f, size_t root, struct kin *kin, size_t place)
{
	f->stack[f->depth++] = root;
	while (f->depth > 0) {
		struct node *node = &f->node[f->stack[--f->depth]];

		if (node->visited)
			continue;
		node->visited = true;
		add(f, node, kin, place++);
		for (size_t i = node->child; i != NONE; i = f->node[i].sibling)
			f->stack[f->depth++] = i;
	}
	return place;
}

/* Whoever has no parent; then those who are their own ancestors. */
static size_t
arrange(struct family *f, struct kin *kin)
{
	size_t place = 0;

	for (size_t i = 0; i < f->n; i++)
		if (!f->node[i].twice && f->node[i].parent == NONE)
			place = descend(f, i, kin, place);
	for (size_t i = 0; i < f->n; i++)
		if (!f->node[i].twice && !f->node[i].visited) {
			f->node[i].parent = NONE;
			place = descend(f, i, kin, place);
		}
	return place;
}

ssize_t
lineage_of(const struct spanview *span, size_t n, struct kin **kin)
{
	struct family f = {.n = n,
	    .node = calloc(n + 1, sizeof(struct node)),
	    .by_id = calloc(n + 1, sizeof(struct node *)),
	    .stack = calloc(n + 1, sizeof(size_t))};
	ssize_t found = -1;

	*kin = calloc(n + 1, sizeof(**kin));
	if (f.node != NULL && f.by_id != NULL && f.stack != NULL && *kin != NULL) {
		for (size_t i = 0; i < n; i++)
			f.node[i] = (struct node){
			    .span = &span[i], .parent = NONE, .child = NONE, .sibling = NONE};
		qsort(f.node, n, sizeof(*f.node), compare_begins);
		index_ids(&f);
		join(&f);
		found = (ssize_t)arrange(&f, *kin);
	}
	if (found == -1)
		free(*kin);
	free(f.stack);
	free(f.by_id);
	free(f.node);
	return found;
}

int64_t
lineage_skew(const struct kin *kin, size_t n)
{
	int64_t skew = 0;

	for (size_t i = 0; i < n; i++)
		if (kin[i].parent != NONE) {
			int64_t early = kin[kin[i].parent].span->begun - kin[i].span->begun;

			skew = early > skew ? early : skew;
		}
	return skew;
}
