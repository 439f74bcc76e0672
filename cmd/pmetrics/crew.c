#include "crew.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define REMEMBERED (30 * CLOCK_S) /* after its end */

/* A look at work: what there was before, and what there is. */
struct roll {
	struct crew *crew; /* before */
	struct look look;
	bool *done; /* of the stages before: they are taken over */
	size_t n, room;
	struct graph_stage *stage;
	struct track **track;
	bool changed;
};

/* The place of a stage before, or crew->n.  It is often near the last. */
static size_t
find(const struct roll *r, const struct look_stage *s, size_t near)
{
	const struct crew *c = r->crew;

	for (size_t i = 0; i < c->n; i++) {
		size_t at = (near + i) % c->n;

		if (!r->done[at] && track_is_of(c->track[at], s->header.uuid))
			return at;
	}
	return c->n;
}

static void
put(struct roll *r, const struct look_stage *s, struct track *t)
{
	r->stage[r->n] = (struct graph_stage){.stage = s, .ended = track_ended(t) != 0};
	r->track[r->n++] = t;
}

/* A stage that is seen dead for the first time has ended just now. */
static int
take_over(struct roll *r, const struct look_stage *s, size_t *near, int64_t window)
{
	size_t at = find(r, s, *near);
	struct track *t;

	if (at < r->crew->n) {
		*near = at + 1;
		t = r->crew->track[at];
		if (track_ended(t) != 0)
			return 0;
	} else if (!s->live || (t = track_new(s, window)) == NULL)
		return s->live ? -1 : 0;
	if (track_sample(t, s, r->look.now) == -1 ||
	    (!s->live && track_end(t, s, look_exit(s), r->look.now) == -1)) {
		if (at == r->crew->n)
			track_free(t);
		return -1;
	}
	if (at < r->crew->n)
		r->done[at] = true;
	r->changed |= at == r->crew->n || !s->live;
	put(r, s->live ? s : track_last(t), t);
	return 0;
}

static const struct retired_entry *
entry_of(const struct retired *all, const struct statfile_header *h)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct retired_entry *e = &all->entry[i];

		if (strcmp(e->name, h->name) == 0 && strcmp(e->tool, h->tool) == 0 &&
		    strcmp(e->pipeline, h->pipeline) == 0)
			return e;
	}
	return NULL;
}

/*
 * How a stage ended whose file is gone: the exits of its name say.  Where
 * several ended meanwhile, the worst that is possible.
 */
static enum statfile_exit
exit_of(const struct roll *r, const struct look_stage *s)
{
	const struct retired_entry *before = entry_of(&r->crew->look.retired, &s->header),
				   *now = entry_of(&r->look.retired, &s->header);
	static const enum statfile_exit order[] = {
	    EXIT_KILLED, EXIT_ERROR, EXIT_SIGNAL, EXIT_RECORDS};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]) && now != NULL; i++)
		if (now->exits[order[i]] > (before != NULL ? before->exits[order[i]] : 0))
			return order[i];
	return EXIT_OK;
}

static uint64_t
exits(const struct retired_entry *e)
{
	uint64_t n = 0;

	for (int i = 0; i < EXIT_COUNT && e != NULL; i++)
		n += e->exits[i];
	return n;
}

static uint64_t
counter(const struct metrics_shard *s, int c)
{
	return atomic_load_explicit(&s->counter[c], memory_order_relaxed);
}

static void
subtract(struct metrics_shard *s, const struct metrics_shard *from)
{
	for (int c = 0; c < METRIC_COUNT; c++)
		if (c != METRIC_LAST_RECORD_US && c != METRIC_LAST_RESULT_US)
			metrics_set(s, c, counter(s, c) - counter(from, c));
	for (int t = 0; t < TIME_COUNT; t++)
		stopwatch_add(&s->time[t], -stopwatch_read(&from->time[t], 0));
	histogram_subtract(&s->latency, &from->latency);
	histogram_subtract(&s->queue, &from->queue);
	for (int c = 0; c < ENGINE_COUNTERS; c++)
		atomic_fetch_sub_explicit(&s->engine[c],
		    atomic_load_explicit(&from->engine[c], memory_order_relaxed),
		    memory_order_relaxed);
}

/*
 * What a stage had counted at its end, after it was looked at: by so much the
 * numbers of its name have grown.  If others of the name have ended meanwhile,
 * too, what was seen of it last has to do.
 */
static int
settle(const struct roll *r, struct track *t, struct look_stage *last)
{
	static const struct metrics_shard none;
	const struct retired_entry *before = entry_of(&r->crew->look.retired, &last->header),
				   *now = entry_of(&r->look.retired, &last->header);
	const struct metrics_shard *from = before != NULL ? &before->sum : &none;

	if (exits(now) != exits(before) + 1 ||
	    counter(&now->sum, METRIC_RECEIVED) - counter(from, METRIC_RECEIVED) <
		counter(&last->sum, METRIC_RECEIVED))
		return 0;
	memcpy(&last->sum, &now->sum, sizeof(last->sum));
	subtract(&last->sum, from);
	last->busy = 0;
	last->oldest = 0;
	return track_sample(t, last, r->look.now);
}

static int
end_now(const struct roll *r, struct track *t, const struct look_stage *seen)
{
	struct look_stage last;

	memcpy(&last, seen, sizeof(last));
	if (settle(r, t, &last) == -1)
		return -1;
	return track_end(t, &last, exit_of(r, seen), r->look.now);
}

/* Those that are not in the look: they have ended now, or some time ago. */
static int
take_ended(struct roll *r)
{
	struct crew *c = r->crew;

	for (size_t i = 0; i < c->n; i++) {
		struct track *t = c->track[i];

		if (r->done[i])
			continue;
		r->changed |= track_ended(t) == 0;
		if (track_ended(t) == 0 && end_now(r, t, c->stage[i].stage) == -1)
			return -1;
		if (r->look.now - track_ended(t) > REMEMBERED)
			continue;
		r->done[i] = true;
		put(r, track_last(t), t);
	}
	return 0;
}

static int
call(struct roll *r, int64_t window)
{
	size_t near = 0;

	r->room = r->crew->n + r->look.n + 1;
	r->done = calloc(r->crew->n + 1, sizeof(*r->done));
	r->stage = calloc(r->room, sizeof(*r->stage));
	r->track = calloc(r->room, sizeof(struct track *));
	if (r->done == NULL || r->stage == NULL || r->track == NULL)
		return -1;
	for (size_t i = 0; i < r->look.n; i++)
		if (take_over(r, &r->look.stage[i], &near, window) == -1)
			return -1;
	return take_ended(r);
}

/* Whoever was not taken over is gone. */
static void
replace(struct roll *r)
{
	struct crew *c = r->crew;

	for (size_t i = 0; i < c->n; i++)
		if (!r->done[i])
			track_free(c->track[i]);
	look_free(&c->look);
	free(c->stage);
	free(c->track);
	*c = (struct crew){.look = r->look,
	    .n = r->n,
	    .stage = r->stage,
	    .track = r->track,
	    .changed = r->changed};
}

int
crew_look(struct crew *c, int64_t window, unsigned how)
{
	struct roll r = {.crew = c};
	int result;

	/* A dead one is folded only when its end has been seen. */
	if (c->look.dead == 0)
		how &= ~(unsigned)LOOK_FOLD;
	if (look_take(&r.look, how) == -1)
		return -1;
	result = call(&r, window);
	replace(&r);
	if (result == -1)
		crew_free(c);
	free(r.done);
	return result;
}

void
crew_free(struct crew *c)
{
	for (size_t i = 0; i < c->n; i++)
		track_free(c->track[i]);
	look_free(&c->look);
	free(c->stage);
	free(c->track);
	*c = (struct crew){0};
}
