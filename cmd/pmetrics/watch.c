#include "watch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "crew.h"
#include "graph.h"
#include "machine.h"
#include "programs.h"
#include "steady.h"
#include "verdict.h"
#include "wording.h"

/* What is remembered of a pipeline from look to look. */
struct memory {
	uint64_t pipeline; /* a number for its first stage */
	bool used;         /* in this look */
	struct steady steady;
	struct verdict verdict; /* that was shown */
};

struct watch {
	int64_t window;
	struct crew crew;
	struct programs programs;
	struct machine machine;
	struct graph graph;
	size_t n_memories, memories_size;
	struct memory *memory;

	/* The view, and what is in it. */
	struct view view;
	struct part *part;
	struct edge *edge;
};

struct watch *
watch_new(double window)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->window = (int64_t)(window * 1e9);
	w->view.window = window;
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
	free(w->memory);
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

	if (graph_make(&w->graph, c->n, c->stage, &w->programs.found) == -1)
		return -1;
	if (!lacks_an_end(w) || !programs_may_search(&w->programs, c->look.now))
		return 0;
	graph_free(&w->graph);
	if (search(w) == -1)
		return -1;
	return graph_make(&w->graph, c->n, c->stage, &w->programs.found);
}

static void
fill_part(const struct watch *w, const struct graph_node *node, struct part *p, double *seconds)
{
	if (node->kind == PART_STAGE)
		track_fill(
		    w->crew.track[node->index], w->crew.stage[node->index].stage, p, seconds);
	else
		*p = (struct part){.kind = node->kind,
		    .up = NAN,
		    .input = NAN,
		    .output = NAN,
		    .own = NAN,
		    .rate = NAN,
		    .busy = NAN,
		    .mean = NAN,
		    .p50 = NAN,
		    .p99 = NAN,
		    .oldest = NAN,
		    .limit = NAN,
		    .cpu = NAN};
	memcpy(p->name, node->name, sizeof(p->name));
	if (node->kind != PART_PROGRAM)
		return;
	p->pid = w->programs.found.program[node->index].pid;
	p->cpu =
	    fmax(0, fmin(machine_cpus(), trend_rate(&w->programs.use[node->index].cpu, w->window)));
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
	const struct look_stage *s = w->crew.stage[node->index].stage;
	enum link_direction direction;
	double all;

	if (link == NO_LINK || p->ended)
		return NAN;
	direction = s->link[link].direction;
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
	    .cpus = machine_cpus(),
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

/* A number for a part that stays the same from look to look. */
static uint64_t
number_of(const struct part *p)
{
	uint64_t pid = (uint64_t)p->pid;

	if (p->kind == PART_STAGE)
		return hash_bytes(p->stage->header.uuid, STATFILE_UUID);
	return p->pid != 0 ? hash_bytes(&pid, sizeof(pid)) : hash_bytes(p->name, strlen(p->name));
}

static bool
find_part(const struct model *m, uint64_t number, size_t *part)
{
	for (*part = 0; *part < m->n; ++*part)
		if (number_of(&m->part[*part]) == number)
			return true;
	return false;
}

/* The number of the stage that began first. */
static uint64_t
number_of_model(const struct model *m)
{
	const struct part *first = NULL;

	for (size_t i = 0; i < m->n; i++)
		if (m->part[i].kind == PART_STAGE &&
		    (first == NULL ||
			m->part[i].stage->header.begun_us < first->stage->header.begun_us))
			first = &m->part[i];
	return first != NULL ? number_of(first) : 0;
}

/* NULL with errno ENOMEM. */
static struct memory *
memory_of(struct watch *w, uint64_t pipeline)
{
	struct memory *more;

	for (size_t i = 0; i < w->n_memories; i++)
		if (w->memory[i].pipeline == pipeline) {
			w->memory[i].used = true;
			return &w->memory[i];
		}
	if (w->n_memories == w->memories_size) {
		if ((more = reallocarray(w->memory, w->memories_size * 2 + 16, sizeof(*more))) ==
		    NULL)
			return NULL;
		w->memory = more;
		w->memories_size = w->memories_size * 2 + 16;
	}
	w->memory[w->n_memories] = (struct memory){.pipeline = pipeline, .used = true};
	return &w->memory[w->n_memories++];
}

static void
forget_others(struct watch *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n_memories; i++)
		if (w->memory[i].used) {
			w->memory[n] = w->memory[i];
			w->memory[n++].used = false;
		}
	w->n_memories = n;
}

/* The verdict that is shown: that of this look, or still the one before. */
static void
hold_steady(const struct model *m, struct memory *memory, struct verdict *v, int64_t now)
{
	bool named = v->kind != VERDICT_BALANCED;
	uint64_t number = named ? number_of(&m->part[v->part]) : 0;
	size_t part = 0;

	if (steady_take(&memory->steady, number, now))
		;
	else if (memory->steady.shown == 0)
		*v = (struct verdict){.kind = VERDICT_BALANCED};
	else if (find_part(m, memory->steady.shown, &part)) {
		*v = memory->verdict;
		v->part = part;
		v->n_also = v->n_beside = 0;
	} else
		steady_show(&memory->steady, number);
	memory->verdict = *v;
}

/* Who else it was in the last minute; before the end, whoever it was. */
static void
look_back(const struct model *m, const struct memory *memory, struct verdict *v)
{
	uint64_t number =
	    v->kind == VERDICT_ENDED ? memory->steady.shown : steady_minute(&memory->steady);

	if (number == 0 || (v->kind != VERDICT_ENDED && number == memory->steady.shown))
		return;
	v->changed = find_part(m, number, &v->earlier);
}

static int
judge(struct watch *w, struct model *m)
{
	struct memory *memory = memory_of(w, number_of_model(m));
	struct verdict *v = &m->verdict;

	if (memory == NULL || verdict_find(m, v) == -1)
		return -1;
	if (v->kind != VERDICT_MEASURING && v->kind != VERDICT_ENDED)
		hold_steady(m, memory, v, w->crew.look.now);
	if (v->kind != VERDICT_MEASURING)
		look_back(m, memory, v);
	wording_verdict(m, v, m->text);
	return 0;
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
		if (judge(w, &v->pipeline[i]) == -1)
			return -1;
	forget_others(w);
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
	if (crew_look(&w->crew, w->window) == -1)
		return NULL;
	programs_sample(&w->programs, w->crew.look.now, w->window);
	machine_sample(&w->machine, w->crew.look.now, w->window);
	if (draw(w) == -1 || make_view(w) == -1)
		return NULL;
	return &w->view;
}
