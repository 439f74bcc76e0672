#include "watch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "crew.h"
#include "graph.h"
#include "judge.h"
#include "machine.h"
#include "programs.h"

struct watch {
	int64_t window;
	unsigned how;
	struct crew crew;
	struct programs programs;
	struct machine machine;
	double cpus;
	struct graph graph;
	struct judge judge;

	/* The view, and what is in it. */
	struct view view;
	struct part *part;
	struct edge *edge;
};

struct watch *
watch_new(double window, unsigned how)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->window = (int64_t)(window * 1e9);
	w->view.window = window;
	w->how = how;
	return w;
}

static void
free_view(struct watch *w)
{
	free(w->view.pipeline);
	free(w->part);
	free(w->edge);
	w->view.pipeline = NULL;
	w->view.n = 0;
	w->part = NULL;
	w->edge = NULL;
	graph_free(&w->graph);
}

void
watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	free_view(w);
	crew_free(&w->crew);
	programs_free(&w->programs);
	judge_free(&w->judge);
	free(w);
}

/* Whether a search in /proc could find more. */
static bool
lacks_an_end(const struct watch *w)
{
	for (size_t i = 0; i < w->graph.n_edges; i++) {
		const struct graph_edge *e = &w->graph.edge[i];
		bool out = e->out != NO_LINK;
		const struct graph_node *stage = &w->graph.node[out ? e->from : e->to];
		const struct graph_node *other = &w->graph.node[out ? e->to : e->from];
		uint8_t kind;

		if (other->kind != PART_UNSEEN && other->kind != PART_FILE)
			continue;
		kind = w->crew.stage[stage->index].stage->link[out ? e->out : e->in].kind;
		if (kind == LINK_PIPE || kind == LINK_FIFO)
			return true;
	}
	return false;
}

static int
search(struct watch *w)
{
	const struct crew *c = &w->crew;
	size_t n_ends = 0;
	struct pipe_end *end = graph_ends(c->n, c->stage, &n_ends);
	pid_t *pid = calloc(c->n + 1, sizeof(*pid));
	int result = -1;

	if (end != NULL && pid != NULL) {
		for (size_t i = 0; i < c->n; i++)
			pid[i] = c->stage[i].ended ? 0 : c->stage[i].stage->header.pid;
		result =
		    programs_search(&w->programs, n_ends, end, c->n, pid, c->look.now, w->window);
	}
	free(end);
	free(pid);
	return result;
}

static int
draw(struct watch *w)
{
	const struct crew *c = &w->crew;

	if (c->changed)
		programs_news(&w->programs);
	if (graph_make(&w->graph, c->n, c->stage, &w->programs.found) == -1)
		return -1;
	if (!programs_may_search(&w->programs, lacks_an_end(w), c->look.now))
		return 0;
	graph_free(&w->graph);
	if (search(w) == -1)
		return -1;
	return graph_make(&w->graph, c->n, c->stage, &w->programs.found);
}

/* Adds to what may not be known yet. */
static void
add_said(double *sum, uint64_t value)
{
	*sum = (isnan(*sum) ? 0 : *sum) + (double)value;
}

static void
fill_engine(const struct look_stage *s, unsigned link, struct part *p)
{
	p->teller = s;
	p->link = link;
	for (size_t i = 0; i < s->n_said; i++)
		if (s->said[i].link == link)
			add_said(s->said[i].what == SAID_LAG ? &p->lag : &p->unacknowledged,
			    s->said[i].value);
}

static void
fill_part(const struct watch *w, const struct graph_node *node, struct part *p, double *seconds)
{
	if (node->kind == PART_STAGE)
		track_fill(
		    w->crew.track[node->index], w->crew.stage[node->index].stage, p, seconds);
	else
		*p = part_unknown(node->kind);
	memcpy(p->name, node->name, sizeof(p->name));
	if (node->kind == PART_ENGINE)
		fill_engine(w->crew.stage[node->stage].stage, node->link, p);
	if (node->kind != PART_PROGRAM)
		return;
	p->pid = w->programs.found.program[node->index].pid;
	p->cpu = trend_rate(&w->programs.use[node->index].cpu, w->window);
	if (p->cpu > w->cpus)
		p->cpu = w->cpus;
}

/* How many links of this direction a stage uses. */
static unsigned
links_open(const struct look_stage *s, enum link_direction direction)
{
	unsigned n = 0;

	for (size_t i = 0; i < s->n_links; i++)
		n += s->link[i].direction == direction &&
		    (atomic_load_explicit(&s->link[i].state, memory_order_relaxed) & 3) ==
			LINK_OPEN;
	return n;
}

/*
 * How long a stage waited for this link: where it has several, no longer than
 * it waited for all of them.
 */
static double
wait_for(const struct watch *w, const struct graph_node *node, const struct part *p, unsigned link)
{
	const struct look_stage *s;
	enum link_direction direction;
	double all;

	/* What is no stage has no link. */
	if (link == NO_LINK || p->ended)
		return NAN;
	s = w->crew.stage[node->index].stage;
	direction = s->link[link].direction;
	/* While workers have attempts, the engine has something to do. */
	if (s->link[link].kind == LINK_ENGINE && direction == LINK_OUT)
		return p->busy;
	all = direction == LINK_IN ? p->input : p->output;
	if (links_open(s, direction) < 2)
		return all;
	return fmin(all, track_wait(w->crew.track[node->index], link));
}

static void
fill_edge(const struct watch *w, const struct graph_edge *from, size_t first, struct edge *e)
{
	const struct graph_node *node = w->graph.node;

	*e = (struct edge){.from = from->from - first,
	    .to = from->to - first,
	    .out_wait = wait_for(w, &node[from->from], &w->part[from->from], from->out),
	    .in_wait = wait_for(w, &node[from->to], &w->part[from->to], from->in)};
	memcpy(e->name, from->name, utf8_head(from->name, strlen(from->name), sizeof(e->name) - 1));
	if (w->part[from->to].kind == PART_PROGRAM)
		w->part[from->to].has_input = true;
}

static void
name_model(struct model *m)
{
	const char *pipeline = "";
	size_t len = 0;

	for (size_t i = 0; i < m->n && *pipeline == '\0'; i++)
		if (m->part[i].stage != NULL)
			pipeline = m->part[i].stage->header.pipeline;
	for (size_t i = 0; i < m->n && *pipeline == '\0'; i++) {
		const struct part *p = &m->part[i];
		size_t n = strlen(p->name);

		if (p->kind != PART_STAGE || len + n + 4 > sizeof(m->name))
			continue;
		if (len > 0)
			len = (size_t)(stpcpy(m->name + len, " | ") - m->name);
		len = (size_t)(stpcpy(m->name + len, p->name) - m->name);
	}
	if (*pipeline != '\0' || len == 0)
		memcpy(m->name, pipeline,
		    len = utf8_head(pipeline, strlen(pipeline), sizeof(m->name) - 1));
	m->name[len] = '\0';
	utf8_tame(m->name, len, "");
}

static void
fill_model(struct watch *w, size_t *node, size_t *edge, struct model *m)
{
	const struct graph *g = &w->graph;
	size_t first = *node, pipeline = g->node[first].pipeline;

	*m = (struct model){.seconds = INFINITY,
	    .up = 0,
	    .cpus = w->cpus,
	    .cpu_idle = machine_idle(&w->machine, w->window),
	    .part = &w->part[first],
	    .edge = &w->edge[*edge]};
	for (; *node < g->n && g->node[*node].pipeline == pipeline; ++*node, m->n++) {
		struct part *p = &w->part[*node];
		double seconds = INFINITY;

		fill_part(w, &g->node[*node], p, &seconds);
		if (p->kind == PART_STAGE && !p->ended)
			m->seconds = fmin(m->seconds, seconds);
		m->up = fmax(m->up, p->up);
	}
	for (; *edge < g->n_edges && g->node[g->edge[*edge].from].pipeline == pipeline;
	     ++*edge, m->n_edges++)
		fill_edge(w, &g->edge[*edge], first, &w->edge[*edge]);
	if (isinf(m->seconds))
		m->seconds = 0;
	name_model(m);
}

static int
by_name_and_age(const void *a, const void *b)
{
	const struct model *x = a, *y = b;
	bool x_ended = x->verdict.kind == VERDICT_ENDED, y_ended = y->verdict.kind == VERDICT_ENDED;
	int order;

	if (x_ended != y_ended)
		return x_ended ? 1 : -1;
	if ((order = strcmp(x->name, y->name)) != 0)
		return order;
	return (x->up < y->up) - (x->up > y->up);
}

static int
make_view(struct watch *w)
{
	const struct graph *g = &w->graph;
	struct view *v = &w->view;
	size_t node = 0, edge = 0;

	w->part = calloc(g->n + 1, sizeof(*w->part));
	w->edge = calloc(g->n_edges + 1, sizeof(*w->edge));
	v->pipeline = calloc(g->n_pipelines + 1, sizeof(*v->pipeline));
	if (w->part == NULL || w->edge == NULL || v->pipeline == NULL)
		return -1;
	while (node < g->n)
		fill_model(w, &node, &edge, &v->pipeline[v->n++]);
	for (size_t i = 0; i < v->n; i++)
		if (judge_model(&w->judge, &v->pipeline[i], w->crew.look.now) == -1)
			return -1;
	judge_forget(&w->judge);
	qsort(v->pipeline, v->n, sizeof(*v->pipeline), by_name_and_age);
	v->calendar = w->crew.look.calendar;
	v->live = w->crew.look.live;
	v->dead = w->crew.look.dead;
	v->skipped = w->crew.look.skipped;
	return 0;
}

const struct view *
watch_look(struct watch *w)
{
	free_view(w);
	if (crew_look(&w->crew, w->window, w->how) == -1)
		return NULL;
	programs_sample(&w->programs, w->crew.look.now, w->window);
	w->cpus = machine_cpus();
	machine_sample(&w->machine, w->crew.look.now, w->window);
	if (draw(w) == -1 || make_view(w) == -1)
		return NULL;
	return &w->view;
}
