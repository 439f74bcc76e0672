#include "rows.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const order_names[] = {
    [ROWS_GRAPH] = "graph",
    [ROWS_OUT] = "out",
    [ROWS_HELD] = "held",
    [ROWS_DEAD] = "dead",
    [ROWS_MEAN] = "avg",
    [ROWS_NAME] = "name",
};

/* The tree: a part's place in it, as indexes of parts. */
struct node {
	size_t above, first, next;
	size_t feeds;  /* the only part that this file feeds */
	size_t leader; /* of the files that feed this part and share a line */
	size_t below;  /* of a leader that has followers: what they feed */
	size_t row;
	bool follows; /* it has no line of its own */
};

const char *
rows_order_name(enum rows_order order)
{
	return order_names[order];
}

uint64_t
rows_failed(const struct part *p)
{
	uint64_t n = 0;

	for (int r = 0; p->stage != NULL && r < REASON_COUNT; r++)
		n += p->stage->sum.counter[METRIC_FAILED + r];
	return n;
}

/* What a file that nothing feeds feeds alone. */
static size_t
feeds_alone(const struct model *m, size_t part)
{
	size_t target = ROW_ALONE;

	if (m->part[part].kind != PART_FILE)
		return ROW_ALONE;
	for (const struct edge *e = m->edge; e < m->edge + m->n_edges; e++) {
		if (e->to == part)
			return ROW_ALONE;
		if (e->from != part || e->to == target)
			continue;
		if (target != ROW_ALONE)
			return ROW_ALONE;
		target = e->to;
	}
	return target;
}

/* A part is below the last one before it that feeds it. */
static void
find_above(const struct model *m, struct node *node)
{
	for (size_t i = 0; i < m->n; i++)
		node[i] = (struct node){.above = ROW_ALONE,
		    .first = ROW_ALONE,
		    .next = ROW_ALONE,
		    .feeds = feeds_alone(m, i),
		    .leader = ROW_ALONE,
		    .below = ROW_ALONE};
	for (const struct edge *e = m->edge; e < m->edge + m->n_edges; e++) {
		struct node *to = &node[e->to];

		if (e->from < e->to && (to->above == ROW_ALONE || to->above < e->from))
			to->above = e->from;
	}
}

/* Where a file is above a part, all files that only feed that part join it. */
static void
join_files(const struct model *m, struct node *node)
{
	for (size_t i = 0; i < m->n; i++) {
		struct node *to = node[i].feeds != ROW_ALONE ? &node[node[i].feeds] : NULL;

		if (to == NULL || to->above == ROW_ALONE || node[to->above].feeds != node[i].feeds)
			continue;
		if (to->leader == ROW_ALONE) {
			to->leader = i;
		} else {
			node[to->leader].below = node[i].feeds;
			node[i].follows = true;
		}
	}
	for (size_t i = 0; i < m->n; i++)
		if (node[i].leader != ROW_ALONE)
			node[i].above = node[i].leader;
}

/* Returns the first part of the tree that has nothing above it. */
static size_t
link_nodes(const struct model *m, struct node *node)
{
	size_t root = ROW_ALONE;

	for (size_t i = m->n; i-- > 0;) {
		size_t *first = node[i].above == ROW_ALONE ? &root : &node[node[i].above].first;

		if (node[i].follows)
			continue;
		node[i].next = *first;
		*first = i;
	}
	return root;
}

/* The branches of a part: those of the one above, and its own. */
static void
branch(struct row *r, const struct row *above, bool last)
{
	size_t keep = above->levels < ROWS_LEVELS ? above->levels : ROWS_LEVELS - 1;

	memcpy(r->branch, above->branch + above->levels - keep, keep);
	if (keep > 0)
		r->branch[keep - 1] =
		    r->branch[keep - 1] == '+' || r->branch[keep - 1] == '|' ? '|' : ' ';
	r->branch[keep] = last ? '`' : '+';
	r->levels = (unsigned)keep + 1;
}

/* All lines, from the top of the tree to its bottom. */
static void
walk(struct rows *rows, const struct model *m, struct node *node)
{
	for (size_t i = link_nodes(m, node); i != ROW_ALONE;) {
		struct row *r = &rows->row[rows->n];

		*r = (struct row){.part = i, .above = node[i].above, .below = node[i].below};
		if (r->above != ROW_ALONE)
			branch(r, &rows->row[node[r->above].row], node[i].next == ROW_ALONE);
		node[i].row = rows->n++;
		if (node[i].first != ROW_ALONE) {
			i = node[i].first;
			continue;
		}
		while (i != ROW_ALONE && node[i].next == ROW_ALONE)
			i = node[i].above;
		if (i != ROW_ALONE)
			i = node[i].next;
	}
}

static double
weight(const struct part *p, enum rows_order order)
{
	double w = order == ROWS_OUT ? p->out
	    : order == ROWS_HELD     ? (double)p->held
	    : order == ROWS_DEAD     ? (double)rows_failed(p)
				     : p->mean;

	return p->kind != PART_STAGE || isnan(w) ? -1 : w;
}

struct wish {
	const struct model *m;
	enum rows_order order;
};

static int
compare(const void *left, const void *right, void *arg)
{
	const struct row *a = left, *b = right;
	const struct wish *wish = arg;
	const struct part *p = &wish->m->part[a->part], *q = &wish->m->part[b->part];
	double x, y;
	int c;

	if (wish->order == ROWS_NAME && (c = strcmp(p->name, q->name)) != 0)
		return c;
	if (wish->order != ROWS_NAME &&
	    (x = weight(p, wish->order)) != (y = weight(q, wish->order)))
		return x > y ? -1 : 1;
	return a->part < b->part ? -1 : a->part > b->part;
}

/* A list of all parts, each on a line of its own. */
static void
list(struct rows *rows, const struct model *m, enum rows_order order)
{
	for (; rows->n < m->n; rows->n++)
		rows->row[rows->n] =
		    (struct row){.part = rows->n, .above = ROW_ALONE, .below = ROW_ALONE};
	if (order != ROWS_GRAPH)
		qsort_r(
		    rows->row, rows->n, sizeof(rows->row[0]), compare, &(struct wish){m, order});
}

static void
leave_out(struct rows *rows, const struct model *m, const char *filter, const bool *hidden)
{
	size_t n = 0;

	for (size_t i = 0; i < rows->n; i++) {
		size_t part = rows->row[i].part;

		if (strcasestr(m->part[part].name, filter) != NULL &&
		    (hidden == NULL || !hidden[part]))
			rows->row[n++] = rows->row[i];
	}
	rows->n = n;
}

int
rows_make(struct rows *rows, const struct model *m, enum rows_order order, const char *filter,
    const bool *hidden)
{
	struct row *row = reallocarray(rows->row, m->n + 1, sizeof(*row));
	struct node *node = reallocarray(NULL, m->n + 1, sizeof(*node));

	if (row != NULL)
		*rows = (struct rows){.row = row};
	if (row == NULL || node == NULL) {
		free(node);
		errno = ENOMEM;
		return -1;
	}
	if (order == ROWS_GRAPH && filter[0] == '\0') {
		find_above(m, node);
		join_files(m, node);
		walk(rows, m, node);
	} else {
		list(rows, m, order);
	}
	free(node);
	leave_out(rows, m, filter, hidden);
	return 0;
}

void
rows_free(struct rows *rows)
{
	free(rows->row);
	*rows = (struct rows){0};
}

bool
rows_shared(const struct row *r, const struct model *m, size_t part)
{
	return part == r->part || (r->below != ROW_ALONE && feeds_alone(m, part) == r->below);
}

size_t
rows_find(const struct rows *rows, const struct model *m, size_t part)
{
	for (size_t i = 0; i < rows->n; i++)
		if (part < m->n && rows_shared(&rows->row[i], m, part))
			return i;
	return 0;
}
