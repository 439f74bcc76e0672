/* Who is whose child: orphans, circles, twins, and the order. */

#include "pmetrics/lineage.h"

#include <stdlib.h>
#include <string.h>

#include "t.h"

#define MANY 200000

#define FOREIGN(n, id, above, at)                  \
	{                                          \
		n, id, above, at, SPANVIEW_FOREIGN \
	}
#define STAGE(n, id, above, at)                   \
	{                                         \
		n, id, above, at, SPANVIEW_RECORD \
	}

struct row {
	const char *name;
	unsigned char id, parent; /* 0: none */
	int64_t begun;
	enum spanview_kind kind;
};

/* A name, its indent, "!" if its parent is missing. */
static const struct scene {
	const char *what;
	struct row row[8];
	const char *want;
	int64_t skew;
} scenes[] = {
    {"nothing", {{0}}, "", 0},
    {"stages that follow each other stand side by side",
	{STAGE("c", 3, 2, 30), STAGE("a", 1, 0, 10), STAGE("b", 2, 1, 20)}, "a0 b0 c0", 0},
    {"what a worker does comes before the next stage, though it begins later",
	{STAGE("a", 1, 0, 10), STAGE("b", 2, 1, 20), FOREIGN("w", 3, 1, 25), FOREIGN("x", 4, 3, 26),
	    FOREIGN("v", 5, 1, 24)},
	"a0 v1 w1 x2 b0", 0},
    {"a program between two stages",
	{STAGE("a", 1, 0, 10), FOREIGN("p", 2, 1, 20), STAGE("b", 3, 2, 30)}, "a0 p1 b0", 0},
    {"a pipeline below a program",
	{FOREIGN("p", 1, 0, 5), STAGE("a", 2, 1, 10), STAGE("b", 3, 2, 20)}, "p0 a1 b1", 0},
    {"parents that are missing", {STAGE("b", 2, 9, 20), STAGE("a", 1, 8, 10)}, "a0! b0!", 0},
    {"a child before its parent", {STAGE("a", 1, 0, 10), STAGE("b", 2, 1, 3)}, "a0 b0", 7},
    {"one's own parent", {STAGE("a", 1, 1, 10)}, "a0!", 0},
    {"a circle", {STAGE("a", 1, 3, 10), STAGE("b", 2, 1, 20), STAGE("c", 3, 2, 30)}, "a0! b0 c0",
	0},
    {"a circle, and what hangs on it",
	{FOREIGN("x", 4, 2, 5), FOREIGN("a", 1, 2, 10), FOREIGN("b", 2, 1, 20)}, "x0! a0! b1", 0},
    {"twice the same", {STAGE("a", 1, 0, 10), STAGE("b", 2, 1, 20), STAGE("a", 1, 0, 10)}, "a0 b0",
	0},
    {"twice the same id", {STAGE("a", 1, 0, 10), STAGE("b", 2, 1, 20), STAGE("z", 1, 0, 15)},
	"a0 b0 z0", 0},
};

static struct spanview
view(const struct row *r)
{
	struct spanview v = {.kind = r->kind, .begun = r->begun, .ended = r->begun + 5};

	v.name = v.stage = v.reason = v.message = v.result = v.input = r->name;
	v.span_id[7] = r->id;
	v.parent[7] = r->parent;
	return v;
}

static void
check_scenes(void)
{
	for (const struct scene *s = scenes; s < scenes + sizeof(scenes) / sizeof(scenes[0]); s++) {
		struct spanview span[8];
		struct kin *kin;
		char got[200] = "";
		size_t rows = 0;
		ssize_t n;

		for (; s->row[rows].name != NULL; rows++)
			span[rows] = view(&s->row[rows]);
		n = lineage_of(span, rows, &kin);
		for (ssize_t i = 0; i < n; i++) {
			char one[32];

			snprintf(one, sizeof(one), "%s%s%u%s", i > 0 ? " " : "", kin[i].span->name,
			    kin[i].indent, kin[i].orphan ? "!" : "");
			strlcat(got, one, sizeof(got));
		}
		CHECK(strcmp(got, s->want) == 0, "%s: %s, not %s", s->what, got, s->want);
		CHECK(lineage_skew(kin, (size_t)n) == s->skew, "%s", s->what);
		free(kin);
	}
}

/* A chain as long as a file allows: neither the stack nor the time suffers. */
static void
check_chain(void)
{
	struct spanview *span = calloc(MANY, sizeof(*span));
	struct kin *kin;
	ssize_t n;

	for (unsigned i = 0; i < MANY; i++) {
		span[i] = view(&(struct row){"x", 0, 0, 1000, SPANVIEW_FOREIGN});
		for (int k = 0; k < 3; k++) {
			span[i].span_id[k] = (unsigned char)((i + 1) >> (8 * k));
			span[i].parent[k] = (unsigned char)(i >> (8 * k));
		}
	}
	n = lineage_of(span, MANY, &kin);
	CHECK(n == MANY, "%zd", n);
	CHECK(kin[0].span == span && kin[MANY - 1].span == span + MANY - 1, "order");
	CHECK(kin[MANY - 1].indent == MANY - 1, "%u", kin[MANY - 1].indent);
	free(kin);
	free(span);
}

int
main(void)
{
	check_scenes();
	check_chain();
	return t_end();
}
