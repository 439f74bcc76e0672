#include "engines.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine.h"
#include "engine/helper.h"
#include "marker.h"
#include "stage/inputs.h"
#include "stage/source.h"
#include "stage/stage.h"
#include "sync/ctx.h"
#include "sync/park.h"

#define END_TIME (15 * CLOCK_S)    /* for a helper to end */
#define LOG_PAUSE (100 * CLOCK_MS) /* while the log is full */

/* So many descriptors of an engine are watched, besides the parker's. */
enum { WATCH_EXIT, WATCH_STDERR, WATCH_STDIN, WATCHES };

struct engines {
	size_t n;
	struct engine **engine;
	struct stage *stage;
	struct marker *marker;

	pthread_t thread;
	bool started;
	struct parker parker; /* the thread's */
	struct pollfd *fds;

	pthread_mutex_t lock; /* guards the engines, and these: */
	bool ending;
	int64_t deadline; /* of that */
};

/* What a mark stands for. */
struct position {
	size_t n;
	struct {
		struct engine *engine;
		char token[TOKEN_SIZE];
	} at[];
};

struct engines *
engines_new(void)
{
	struct engines *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	s->parker.fd = -1;
	return s;
}

/* By a thread that reads. */
static bool
token_came(void *arg, struct engine *e, const char *token, size_t len, uint64_t end)
{
	struct engines *s = arg;
	int counts;

	if (!tokens_allow(token, len)) {
		stage_abort(s->stage, 2,
		    "%s: a mark of its helper has no token of 1 to %d printable bytes", e->url,
		    TOKEN_SIZE - 1);
		return false;
	}
	if (s->marker == NULL)
		return true;
	pthread_mutex_lock(&s->lock);
	counts = tokens_come(&e->tokens, token, len, end);
	pthread_mutex_unlock(&s->lock);
	if (counts == 1)
		marker_moved(s->marker);
	else if (counts == -1)
		stage_give_up(s->stage, 2, "out of memory");
	return true;
}

/* The same; a helper may be gone while its last lines are read. */
static void
stat_came(void *arg, struct engine *e, const char *text, size_t len)
{
	struct engines *s = arg;
	bool kept;

	pthread_mutex_lock(&s->lock);
	kept = said_take(&e->said, text, len);
	pthread_mutex_unlock(&s->lock);
	if (!kept)
		warnx("%s: " SAID_FULL, e->url);
}

void
engines_add(struct engines *s, struct inputs *inputs, const char *url)
{
	char why[HELPER_WHY_SIZE], *path = helper_find("from", url, why);
	struct engine *e = malloc(sizeof(*e));

	if (path == NULL)
		errx(2, "%s", why);
	s->engine = reallocarray(s->engine, s->n + 1, sizeof(struct engine *));
	if (e == NULL || s->engine == NULL)
		errx(2, "out of memory");
	engine_start(e, token_came, stat_came, s, url, path);
	free(path);
	s->engine[s->n++] = e;
	if ((e->input = inputs_add_helper(inputs, url, e->child.out, &e->control, e)) == NULL)
		errx(2, "out of memory");
	e->child.out = -1; /* the input's */
}

size_t
engines_count(const struct engines *s)
{
	return s->n;
}

bool
engines_mark(const struct engines *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->engine[i]->marks)
			return true;
	return false;
}

/* The marker's functions: marker.h. */

static void
note_sent(void *arg, const struct source_end *ends, size_t n)
{
	struct engines *s = arg;
	bool moved = false;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < n; i++) {
		struct engine *e = ends[i].place;

		moved = tokens_sent(&e->tokens, ends[i].at.offset) || moved;
	}
	pthread_mutex_unlock(&s->lock);
	if (moved)
		marker_moved(s->marker);
}

static void *
take_position(void *arg)
{
	struct engines *s = arg;
	struct position *p = malloc(sizeof(*p) + s->n * sizeof(p->at[0]));

	if (p == NULL)
		return NULL;
	p->n = 0;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n; i++)
		if (tokens_take(&s->engine[i]->tokens, p->at[p->n].token))
			p->at[p->n++].engine = s->engine[i];
	pthread_mutex_unlock(&s->lock);
	return p;
}

static void
position_done(void *arg, void *token)
{
	struct engines *s = arg;
	struct position *p = token;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < p->n; i++)
		engine_done(p->at[i].engine, p->at[i].token);
	pthread_mutex_unlock(&s->lock);
	free(p);
	park_wake(&s->parker);
}

/* Helpers keep what is done themselves. */
static void
save_positions(void *arg)
{
	(void)arg;
}

static void
drop_position(void *arg, void *token)
{
	(void)arg;
	free(token);
}

struct marker_positions
engines_positions(struct engines *s)
{
	return (struct marker_positions){.sent = note_sent,
	    .take = take_position,
	    .done = position_done,
	    .save = save_positions,
	    .drop = drop_position,
	    .arg = s};
}

/* The thread that watches helpers. */

/* What is to be polled.  Returns when to look again, whatever comes. */
static int64_t
prepare(struct engines *s)
{
	int64_t again = s->ending ? s->deadline : CLOCK_NEVER;

	s->fds[0] = (struct pollfd){.fd = s->parker.fd, .events = POLLIN};
	for (size_t i = 0; i < s->n; i++) {
		struct engine *e = s->engine[i];
		struct pollfd *p = &s->fds[1 + i * WATCHES];
		int64_t pause = child_log_pause(&e->child);

		p[WATCH_EXIT] =
		    (struct pollfd){.fd = e->gone ? -1 : e->child.pidfd, .events = POLLIN};
		p[WATCH_STDERR] = (struct pollfd){
		    .fd = e->gone || pause > 0 ? -1 : e->child.err, .events = POLLIN};
		p[WATCH_STDIN] =
		    (struct pollfd){.fd = *e->owed != '\0' ? e->child.in : -1, .events = POLLOUT};
		if (pause > 0 && !e->gone)
			again = clock_earlier(again, clock_now() + pause);
	}
	return again;
}

/* A helper has exited: fine when it was asked to, or if all is well. */
static void
end_engine(struct engines *s, struct engine *e)
{
	const char *why = engine_reap(e);

	said_end(&e->said);
	if (why == NULL)
		return;
	stage_fault(s->stage, 2, "%s: %s%s", e->url, why,
	    e->marks ? "; what was not acknowledged comes again in the next run" : "");
	ctx_cancel(s->stage->files);
}

static void
look_at(struct engines *s, struct engine *e, const struct pollfd *p)
{
	if (e->gone)
		return;
	if (p[WATCH_STDERR].revents != 0)
		(void)child_read_log(&e->child);
	if (p[WATCH_STDIN].revents != 0)
		engine_send_owed(e);
	if (p[WATCH_EXIT].revents != 0)
		end_engine(s, e);
	else if (s->ending && *e->owed == '\0' && !e->asked) {
		child_close_in(&e->child);
		e->asked = true;
	}
}

/* Whether the thread is through; those that do not end in time are killed. */
static bool
is_over(struct engines *s)
{
	if (!s->ending)
		return false;
	for (size_t i = 0; i < s->n; i++) {
		struct engine *e = s->engine[i];

		if (e->gone)
			continue;
		if (clock_now() < s->deadline)
			return false;
		child_stop(&e->child);
		e->gone = true;
		stage_fault(s->stage, 2, "%s: its helper did not end, and was killed", e->url);
	}
	return true;
}

static void *
engines_main(void *arg)
{
	struct engines *s = arg;
	struct timespec left;
	int64_t again;

	pthread_mutex_lock(&s->lock);
	while (!is_over(s)) {
		again = prepare(s);
		pthread_mutex_unlock(&s->lock);
		(void)ppoll(s->fds, 1 + s->n * WATCHES, clock_left(again, &left), NULL);
		park_clear(&s->parker);
		pthread_mutex_lock(&s->lock);
		for (size_t i = 0; i < s->n; i++)
			look_at(s, s->engine[i], &s->fds[1 + i * WATCHES]);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* The stage's begin(): there is a log, in which helpers' messages go. */
static int
begin(void *arg)
{
	struct engines *s = arg;
	int error;

	if ((s->fds = calloc(1 + s->n * WATCHES, sizeof(*s->fds))) == NULL ||
	    park_init_fd(&s->parker) == -1)
		return -1;
	if ((error = pthread_create(&s->thread, NULL, engines_main, s)) == 0) {
		s->started = true;
		return 0;
	}
	errno = error;
	return -1;
}

void
engines_watch(struct engines *s, struct stage *st, struct marker *marker)
{
	s->stage = st;
	s->marker = marker;
	for (size_t i = 0; i < s->n; i++)
		said_begin(&s->engine[i]->said, statfile_engines(st->stat),
		    metrics_shard(st->metrics, 0),
		    link_number(st->links, s->engine[i]->input->link));
	st->begin = begin;
	st->begin_arg = s;
}

/* A helper has ended well, and no mark stands for its last records. */
static void
tell_unmarked(struct engines *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct engine *e = s->engine[i];
		const struct input *in = e->input;

		if (e->child.status == 0 && in->unmarked && in->ended && !in->stopped)
			stage_fault(s->stage, 2,
			    "%s: its helper has ended without a mark behind its last records: "
			    "they come again in the next run",
			    e->url);
	}
}

void
engines_end(struct engines *s)
{
	if (!s->started)
		return;
	pthread_mutex_lock(&s->lock);
	s->ending = true;
	s->deadline = clock_now() + END_TIME;
	pthread_mutex_unlock(&s->lock);
	park_wake(&s->parker);
	pthread_join(s->thread, NULL);
	s->started = false;
	tell_unmarked(s);
}

void
engines_free(struct engines *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++) {
		child_close(&s->engine[i]->child);
		tokens_free(&s->engine[i]->tokens);
		free(s->engine[i]);
	}
	park_close(&s->parker);
	pthread_mutex_destroy(&s->lock);
	free(s->engine);
	free(s->fds);
	free(s);
}
