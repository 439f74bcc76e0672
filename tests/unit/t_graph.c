#include "pmetrics/graph.h"

#include <stdlib.h>
#include <string.h>

#include "t.h"

#define STAGES 6
#define ENDS 6

/*
 * The links of a stage, in words: "<3" reads pipe 3, ">3" writes to it, "<f3" a
 * FIFO, "<r3" a regular file, "<e3" an engine; "-" behind a closed one; "t" a
 * terminal, "n" what leads nowhere.  A stage whose name begins with "!" has
 * ended.
 */
struct row {
	const char *name, *links;
};

struct scene {
	const char *what;
	struct row stage[STAGES];
	const char *program[2]; /* links of foreign programs, in words */
	/* "a>b a>c | d": edges in the order of the graph, then the next one */
	const char *nodes, *edges;
};

static const struct scene scenes[] = {
    {"one alone", {{"a", "<1 >2"}}, {0}, "another program, a, another program",
	"another program>a a>another program"},
    {"a chain, in no order", {{"c", "<2 >n3"}, {"a", "<n0 >1"}, {"b", "<1 >2"}}, {0}, "a, b, c",
	"a>b b>c"},
    {"two chains", {{"a", "<n0 >1"}, {"b", "<n0 >2"}, {"c", "<1 >n3"}, {"d", "<2 >n4"}}, {0},
	"a, c | b, d", "a>c b>d"},
    {"a FIFO with a file of the same inode", {{"a", "<n0 >f7"}, {"b", "<f7 >r7"}}, {0}, "a, b, r7",
	"a>b b>r7"},
    {"a file that another stage follows", {{"a", "<n0 >r7"}, {"b", "<r7 >n1"}}, {0}, "a, b", "a>b"},
    {"two write to one file: nothing joins them", {{"a", "<n0 >r7"}, {"b", "<n0 >r7"}}, {0},
	"a, r7 | b, r7", "a>r7 b>r7"},
    {"a diamond, branch by branch",
	{{"split", "<n0 >n0 >f1 >f2"}, {"a", "<f1 >f3"}, {"b", "<f2 >f4"},
	    {"merge", "<f3 <f4 >n5"}},
	{0}, "split, a, b, merge", "split>a split>b a>merge b>merge"},
    {"two branches, one after the other",
	{{"split", "<n0 >n0 >f1 >f2"}, {"a", "<f1 >3"}, {"b", "<f2 >4"}, {"c", "<3 >n0"},
	    {"d", "<4 >n0"}},
	{0}, "split, a, c, b, d", "split>a split>b a>c b>d"},
    {"a circle", {{"a", "<f1 >f2"}, {"b", "<f2 >f1"}}, {0}, "a, b", "a>b b>a"},
    {"a circle with a tail", {{"a", "<n0 >f1"}, {"b", "<f1 <f3 >f2"}, {"c", "<f2 >f3"}}, {0},
	"a, b, c", "a>b b>c c>b"},
    {"itself", {{"a", "<f1 >f1"}}, {0}, "f1, a, f1", "f1>a a>f1"},
    {"a program in the middle", {{"a", "<n0 >1"}, {"b", "<2 >n0"}}, {"<1 >2"}, "a, prog0, b",
	"a>prog0 prog0>b"},
    {"two programs at the end", {{"a", "<n0 >1"}}, {"<1 >2", "<2"}, "a, prog0, prog1",
	"a>prog0 prog0>prog1"},
    {"a program that no stage has to do with", {{"a", "<n0 >n0"}}, {"<1 >2", "<2"}, "a", ""},
    {"a shell that has inherited an end", {{"a", "<n0 >1"}, {"b", "<1 >n0"}}, {"<1 >1"}, "a, b",
	"a>b"},
    {"an input that is over", {{"a", "<1- >2"}, {"b", "<2 >n0"}}, {0}, "a, b", "a>b"},
    {"an ended stage still has its place", {{"!a", "<n0 >1"}, {"b", "<1- >t"}}, {0},
	"a, b, the terminal", "a>b b>the terminal"},
    {"terminals join nobody", {{"a", "<t >1"}, {"b", "<1 >t"}}, {0},
	"the terminal, a, b, the terminal", "the terminal>a a>b b>the terminal"},
    {"engines at both ends, which join nobody", {{"a", "<e1 <e2 >1"}, {"b", "<1 >n0 >e1"}}, {0},
	"e1, e2, a, b, e1", "e1>a e2>a a>b b>e1"},
    {"an engine that has ended", {{"a", "<e1- >n0"}}, {0}, "a", ""},
};

/* Reads the words; returns how many. */
static size_t
read_links(const char *words, struct metrics_link link[LINKS])
{
	size_t n = 0;
	char copy[64];

	strcpy(copy, words);
	for (char *save, *word = strtok_r(copy, " ", &save); word != NULL;
	     word = strtok_r(NULL, " ", &save)) {
		struct metrics_link *l = &link[n++];
		bool closed = word[strlen(word) - 1] == '-';

		memset(l, 0, sizeof(*l));
		l->state = closed ? LINK_CLOSED : LINK_OPEN;
		l->direction = word[0] == '>' ? LINK_OUT : LINK_IN;
		l->kind = word[1] == 'f' ? LINK_FIFO
		    : word[1] == 'r'     ? LINK_FILE
		    : word[1] == 't'     ? LINK_TERMINAL
		    : word[1] == 'n'     ? LINK_NULL
		    : word[1] == 'e'     ? LINK_ENGINE
					 : LINK_PIPE;
		l->dev = l->kind == LINK_FILE ? 2 : 1;
		l->ino = (uint64_t)atoi(word + strcspn(word, "0123456789"));
		strcpy(l->name, word + 1);
	}
	return n;
}

static void
put(char *text, size_t size, const char *between, const char *more)
{
	size_t len = strlen(text);

	snprintf(text + len, size - len, "%s%s", len > 0 ? between : "", more);
}

static void
check_scene(const struct scene *s)
{
	static struct look_stage look[STAGES];
	struct graph_stage stage[STAGES];
	struct neighbour program[2] = {{.pid = 1, .name = "prog0"}, {.pid = 2, .name = "prog1"}};
	struct pipe_end end[ENDS];
	struct neighbours found = {.program = program, .end = end};
	char nodes[512] = "", edges[512] = "";
	struct graph g;
	size_t n = 0;

	memset(look, 0, sizeof(look));
	for (; n < STAGES && s->stage[n].name != NULL; n++) {
		bool ended = s->stage[n].name[0] == '!';

		strcpy(look[n].header.name, s->stage[n].name + ended);
		look[n].n_links = read_links(s->stage[n].links, look[n].link);
		stage[n] = (struct graph_stage){.stage = &look[n], .ended = ended};
	}
	for (; found.n < 2 && s->program[found.n] != NULL; found.n++) {
		static struct metrics_link link[LINKS];
		size_t links = read_links(s->program[found.n], link);

		for (size_t i = 0; i < links; i++)
			end[found.n_ends++] = (struct pipe_end){.dev = link[i].dev,
			    .ino = link[i].ino,
			    .writes = link[i].direction == LINK_OUT,
			    .who = found.n};
	}
	CHECK(graph_make(&g, n, stage, &found) == 0);
	for (size_t i = 0; i < g.n; i++)
		put(nodes, sizeof(nodes),
		    i > 0 && g.node[i].pipeline != g.node[i - 1].pipeline ? " | " : ", ",
		    g.node[i].name);
	for (size_t i = 0; i < g.n_edges; i++) {
		const struct graph_edge *e = &g.edge[i];

		CHECK(g.node[e->from].pipeline == g.node[e->to].pipeline);
		if (g.node[e->from].kind == PART_ENGINE)
			CHECK(look[g.node[e->from].stage].link[g.node[e->from].link].kind ==
			    LINK_ENGINE);
		put(edges, sizeof(edges), " ", g.node[e->from].name);
		put(edges, sizeof(edges), ">", g.node[e->to].name);
		CHECK((e->out != NO_LINK) == (g.node[e->from].kind == PART_STAGE));
		CHECK((e->in != NO_LINK) == (g.node[e->to].kind == PART_STAGE));
	}
	CHECK(strcmp(nodes, s->nodes) == 0, "%s: %s", s->what, nodes);
	CHECK(strcmp(edges, s->edges) == 0, "%s: %s", s->what, edges);
	graph_free(&g);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
		check_scene(&scenes[i]);
	return t_end();
}
