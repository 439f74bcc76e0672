#include "verdict.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#define MEASURED 3.0   /* s of data that a verdict takes */
#define CANDIDATE 0.5  /* score from which on a part is in question */
#define CLEAR 0.7      /* below, it is only mostly the one */
#define POOL_BUSY 0.85 /* a pool with less to do is not short of workers */
#define EVEN 0.1       /* by so much results may differ from what comes in */
#define OFTEN 0.1      /* of the records need a new process */
#define SLOW 1.0       /* s; an attempt of less is no slow one among starts */
#define ON_PURPOSE 0.5 /* of the time there is no credit for what waits */
#define PROCESSOR 0.7  /* of a processor: the program is at work */
#define CPU_SPARE 0.2  /* idle: more workers would find processors */
#define CPU_FULL 0.05  /* idle: who works, waits for a processor, too */

#define NONE SIZE_MAX

/*
 * Foreign programs that are neighbours count as one: nothing tells them apart.
 * The one with the lowest index stands for its group, and a stage for itself.
 */
struct trial {
	const struct model *m;
	size_t *group; /* by part */
	double *score; /* these three: by group */
	bool *fed;     /* a stage writes to it */
	bool *behind;  /* another candidate is downstream of it */
};

static bool
is_stage(const struct part *p)
{
	return p->kind == PART_STAGE;
}

static bool
is_alive(const struct part *p)
{
	return is_stage(p) && !p->ended;
}

static double
clip(double score)
{
	return score > 0 ? fmin(score, 1) : 0; /* NAN: 0 */
}

/*
 * A pool that reads all that comes and ends as many records holds up nobody,
 * however busy its workers are: where records come slowly, an attempt lasts
 * until a worker that holds its answers back has been flushed, and takes less
 * if more come.
 */
static bool
keeps_up(const struct part *p)
{
	return p->input >= POOL_BUSY && p->in > 0 && fabs(p->in - p->results) <= EVEN * p->in;
}

/*
 * A limiter's work, and that of a pool with a rate, is to let records wait,
 * also while it reads on and fills its buffers.  Any other pool's work is that
 * of its workers.  Any other stage works while it waits for nobody.  In each
 * stage, what its reader waits for the stage itself, beyond what its writer
 * waits, counts as well.
 */
static double
stage_score(const struct part *p)
{
	double work, own = p->own - p->output;

	if (p->ended)
		return 0;
	if (p->rate >= ON_PURPOSE && p->in > (1 + EVEN) * p->results)
		work = fmin(p->rate, 1 - p->output);
	else if (p->pool)
		work = p->busy >= POOL_BUSY && !keeps_up(p) ? fmin(p->busy, 1 - p->output) : 0;
	else
		work = 1 - p->input - p->output - p->halted;
	return clip(fmax(work, own));
}

static void
find_groups(struct trial *t)
{
	const struct model *m = t->m;
	bool changed;

	for (size_t i = 0; i < m->n; i++)
		t->group[i] = i;
	do {
		changed = false;
		for (const struct edge *e = m->edge; e < m->edge + m->n_edges; e++) {
			size_t *from = &t->group[e->from], *to = &t->group[e->to];

			if (is_stage(&m->part[e->from]) || is_stage(&m->part[e->to]) ||
			    *from == *to)
				continue;
			*from = *to = *from < *to ? *from : *to;
			changed = true;
		}
	} while (changed);
}

/*
 * How much a part that is no stage holds up the stage at this edge.  An engine
 * that is written to does that by its helper, which is the stage's worker.
 */
static double
edge_score(const struct part *from, const struct part *to, const struct edge *e)
{
	if (!is_stage(from))
		return clip(e->in_wait);
	if (to->kind != PART_ENGINE)
		return clip(e->out_wait);
	return from->rate >= ON_PURPOSE ? 0 : stage_score(from);
}

/* A foreign group holds up all stages beside it, or it is not the one. */
static void
score_edge(struct trial *t, const struct edge *e)
{
	const struct part *from = &t->m->part[e->from], *to = &t->m->part[e->to];
	size_t group = t->group[is_stage(from) ? e->to : e->from];

	if (is_stage(from) == is_stage(to))
		return;
	if (is_stage(from))
		t->fed[group] = true;
	if (!(is_stage(from) ? from : to)->ended)
		t->score[group] = fmin(t->score[group], edge_score(from, to, e));
}

static void
score_all(struct trial *t)
{
	const struct model *m = t->m;

	for (size_t i = 0; i < m->n; i++)
		t->score[i] = is_stage(&m->part[i]) ? stage_score(&m->part[i]) : INFINITY;
	for (size_t i = 0; i < m->n_edges; i++)
		score_edge(t, &m->edge[i]);
	for (size_t i = 0; i < m->n; i++)
		if (isinf(t->score[i])) /* it has no stage that is alive */
			t->score[i] = 0;
}

static bool
is_candidate(const struct trial *t, size_t group)
{
	return t->group[group] == group && t->score[group] >= CANDIDATE;
}

/* What waits for another candidate downstream is not the cause. */
static void
look_downstream(struct trial *t)
{
	const struct model *m = t->m;
	bool changed;

	do {
		changed = false;
		for (size_t i = m->n_edges; i-- > 0;) { /* from the sinks up */
			size_t from = t->group[m->edge[i].from], to = t->group[m->edge[i].to];

			if (from == to || t->behind[from] ||
			    !(is_candidate(t, to) || t->behind[to]))
				continue;
			t->behind[from] = changed = true;
		}
	} while (changed);
}

/* The member that uses most of a processor, if it is at work; or NULL. */
static const struct part *
at_work(const struct trial *t, size_t group)
{
	const struct part *most = NULL;

	for (size_t i = group; i < t->m->n; i++) {
		const struct part *p = &t->m->part[i];

		if (t->group[i] == group && p->cpu >= PROCESSOR &&
		    (most == NULL || p->cpu > most->cpu))
			most = p;
	}
	return most;
}

/* The pipeline waits for it, and that is as it should be. */
static bool
is_quiet_source(const struct trial *t, size_t group)
{
	return !is_stage(&t->m->part[group]) && !t->fed[group] && at_work(t, group) == NULL;
}

/* A part that works comes before a source that has nothing, whatever it has. */
static bool
is_better(const struct trial *t, size_t a, size_t b)
{
	bool quiet = is_quiet_source(t, a);

	if (quiet != is_quiet_source(t, b))
		return !quiet;
	return t->score[a] > t->score[b];
}

/*
 * The best candidate, or NONE; with `last`, of those that no other one is
 * downstream of.
 */
static size_t
pick(const struct trial *t, bool last)
{
	size_t best = NONE;

	for (size_t i = 0; i < t->m->n; i++)
		if (is_candidate(t, i) && !(last && t->behind[i]) &&
		    (best == NONE || is_better(t, i, best)))
			best = i;
	return best;
}

/* Others that hold up their own branch, and the neighbours of a program. */
static void
name_more(const struct trial *t, size_t best, struct verdict *v)
{
	for (size_t i = 0; i < t->m->n; i++) {
		if (t->group[i] == best && i != v->part && v->kind == VERDICT_PROGRAM &&
		    !(t->m->part[v->part].cpu >= PROCESSOR) && v->n_beside < VERDICT_MORE)
			v->beside[v->n_beside++] = i;
		if (i != best && is_candidate(t, i) && !t->behind[i] &&
		    is_quiet_source(t, i) == is_quiet_source(t, best) && v->n_also < VERDICT_MORE)
			v->also[v->n_also++] = i;
	}
}

/*
 * Its workers also spend time on starting processes, in which they have no
 * attempt.
 */
static bool
starts_often(const struct part *p)
{
	return (p->stage != NULL && p->stage->header.mode == STAGE_EXECS) ||
	    (p->restarts > 0 && p->restarts >= OFTEN * p->results);
}

/*
 * Records wait for a slow one: the pool does not read on, though its workers
 * are not busy; or they end many more attempts than there are results.
 */
static bool
is_held_up(const struct part *p)
{
	double attempts = p->busy * p->workers / p->mean;

	if (p->busy < POOL_BUSY && starts_often(p))
		return p->retries > 0 || (p->oldest >= SLOW && p->oldest > 10 * p->mean);
	return p->busy < POOL_BUSY ||
	    (p->oldest >= MEASURED && p->oldest > 10 * p->mean && p->results < attempts / 2);
}

static enum verdict_kind
read_stage(const struct part *p, double seconds)
{
	if (p->rate >= ON_PURPOSE)
		return VERDICT_RATE;
	if (p->pool && is_held_up(p))
		return VERDICT_ORDER;
	if (p->held > 0 && p->results * seconds < 0.5 && !(p->oldest < MEASURED))
		return VERDICT_SILENT;
	return p->pool ? VERDICT_POOL : VERDICT_WORK;
}

/* The -j that the processors have room for, at most twice as many; or 0. */
static double
more_workers(const struct model *m, const struct part *p)
{
	double more;

	if (!(m->cpu_idle > CPU_SPARE))
		return 0;
	more = floor(p->workers / fmax(1 - m->cpu_idle, 0.5));
	return more > p->workers ? more : 0;
}

/*
 * Whether no stage at the head of the pipeline has more to read.  One whose
 * buffers are full may read nothing for a while, but it waits for itself.
 */
static bool
source_is_idle(const struct model *m)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct part *p = &m->part[i];
		bool head = is_alive(p);

		for (size_t j = 0; j < m->n_edges && head; j++)
			head = m->edge[j].to != i || !is_alive(&m->part[m->edge[j].from]);
		if (head && !(p->input >= CANDIDATE) && (p->in > 0 || p->own >= CANDIDATE))
			return false;
	}
	return true;
}

/* What the stages hold becomes less, and nothing comes. */
static void
judge_backlog(const struct model *m, struct verdict *v)
{
	double now = 0, before = 0;

	for (size_t i = 0; i < m->n; i++)
		if (is_alive(&m->part[i])) {
			now += (double)m->part[i].held;
			before += (double)m->part[i].held_before;
		}
	if (now < 1 || before < now * 1.02 || !source_is_idle(m))
		return;
	v->kind = VERDICT_CATCHING_UP;
	v->left = now;
	v->seconds = now * m->seconds / (before - now);
}

/* What the part that is named has. */
static void
judge(const struct trial *t, size_t best, struct verdict *v)
{
	const struct model *m = t->m;
	const struct part *p = &m->part[best], *busy;

	v->part = best;
	v->score = t->score[best];
	v->mostly = v->score < CLEAR;
	if (!is_stage(p)) {
		if ((busy = at_work(t, best)) != NULL)
			v->part = (size_t)(busy - m->part);
		v->kind = is_quiet_source(t, best) ? VERDICT_KEEPS_UP : VERDICT_PROGRAM;
	} else if ((v->kind = read_stage(p, m->seconds)) != VERDICT_SILENT) {
		/* To work looks the same as to wait for a processor. */
		if (v->kind == VERDICT_WORK && m->cpu_idle < CPU_FULL)
			v->mostly |= !(p->own - p->output >= CLEAR);
		if (v->kind == VERDICT_POOL)
			v->more = more_workers(m, p);
		judge_backlog(m, v);
	}
	name_more(t, best, v);
}

/* Whether there is something to judge; if not, says so. */
static bool
is_open(const struct model *m, struct verdict *v)
{
	bool ended = true;

	for (size_t i = 0; i < m->n && ended; i++)
		ended = !is_alive(&m->part[i]);
	*v = (struct verdict){.kind = VERDICT_BALANCED};
	if (ended)
		v->kind = VERDICT_ENDED;
	else if (!(m->seconds >= MEASURED))
		v->kind = VERDICT_MEASURING;
	return v->kind == VERDICT_BALANCED;
}

int
verdict_find(const struct model *m, struct verdict *v)
{
	struct trial t = {.m = m};
	int result = -1;
	size_t best;

	if (!is_open(m, v))
		return 0;
	t.group = calloc(m->n, sizeof(*t.group));
	t.score = calloc(m->n, sizeof(*t.score));
	t.fed = calloc(m->n, sizeof(*t.fed));
	t.behind = calloc(m->n, sizeof(*t.behind));
	if (t.group == NULL || t.score == NULL || t.fed == NULL || t.behind == NULL)
		goto out;
	find_groups(&t);
	score_all(&t);
	look_downstream(&t);
	if ((best = pick(&t, true)) == NONE)
		best = pick(&t, false); /* they are in a circle */
	if (best != NONE)
		judge(&t, best, v);
	result = 0;
out:
	free(t.group);
	free(t.score);
	free(t.fed);
	free(t.behind);
	return result;
}
