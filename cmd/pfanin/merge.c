/* --merge: a k-way merge of streams. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "json/order.h"
#include "metrics/worktime.h"
#include "order.h"
#include "pfanin.h"
#include "record/record.h"
#include "record/unwrap.h"
#include "stage/inputs.h"
#include "stage/feed.h"
#include "sync/ctx.h"
#include "sync/stopwatch.h"
#include "tournament.h"

/* How often to look at an idle timeout that stands still. */
#define IDLE_LOOK (100 * CLOCK_MS)

/* How many records go between two looks at whether work is cancelled. */
#define RUN 64

enum lane_state {
	LANE_ENDED,
	LANE_AWAITED, /* nothing can go before its next record is known */
	LANE_IDLE,    /* it was silent for too long: the others go on */
	LANE_WAITING, /* its record is in the tournament */
};

/* An input, and its next record. */
struct lane {
	struct input *in;
	enum lane_state state;
	struct record record;
	struct json_order key;
};

struct merge {
	struct feed *feed;
	struct pfanin *pi;
	struct stage *stage;
	size_t n;
	struct lane **lane;      /* by the input's number; NULL: none yet */
	size_t awaited, idle;    /* how many are in these states */
	struct tournament first; /* those that are WAITING, at their numbers */
	bool has_last;
	struct json_order last; /* the key that was sent last */
};

static inline int
compare_lanes(const void *a, const void *b)
{
	const struct lane *x = a, *y = b;

	return json_order_compare(&x->key, &y->key);
}

/* The lane whose record goes next; NULL: none is WAITING. */
static struct lane *
first_lane(const struct merge *m)
{
	return tournament_first(&m->first);
}

/* The record can't be merged, as it is no record, or for this reason. */
static void
refuse(struct merge *m, const struct input *in, struct record *r, enum reason reason,
    const char *message)
{
	struct failure f = {.reason = reason};

	if (stage_check(m->stage, r)) {
		strlcpy(f.message, message, sizeof(f.message));
		stage_bury(m->stage, r, &f);
	}
	feed_put(m->feed, in, r);
}

/* The key of a text that does not stay. */
static bool
copy_key(struct json_order *key, const struct json_slice *value)
{
	struct json_order order = {0};
	bool copied = json_order_of(&order, value) == 0 && json_order_keep(key, &order) == 0;

	json_order_forget(&order);
	return copied;
}

/*
 * Finds the key, which stays valid while the lane has the record.  False: it
 * has none.
 */
static bool
find_key(struct merge *m, struct lane *l)
{
	const char *data = l->record.data;
	size_t len = l->record.len;
	struct json_slice value;
	char *owned = NULL;
	bool found;

	if (!m->pi->opt.no_bypass)
		unwrap_view(&l->record, &data, &len, &owned);
	found = json_path_get(m->pi->merge, data, len, &value);
	if (found && owned == NULL)
		found = json_order_of(&l->key, &value) == 0;
	else if (found)
		found = copy_key(&l->key, &value);
	free(owned);
	return found;
}

/*
 * Whether the record that the lane has can be merged; if not, it goes.
 * Whether it is JSON at all is checked behind the merge, by another thread.
 */
static bool
enter(struct merge *m, struct lane *l)
{
	if (!find_key(m, l))
		refuse(m, l->in, &l->record, REASON_NO_KEY,
		    "no number or string at the path of --merge");
	else if (m->has_last && json_order_compare(&l->key, &m->last) < 0)
		refuse(m, l->in, &l->record, REASON_LATE,
		    "a record with a later key has been sent before");
	else
		return true;
	return false;
}

/*
 * Takes the lane's next record out of what has been read.  False: it has to be
 * read, or has ended.
 */
static bool
take_next(struct merge *m, struct lane *l)
{
	while (feed_take(m->feed, l->in, &l->record)) {
		if (l->record.kind != RECORD_DATA)
			feed_put(m->feed, l->in, &l->record);
		else if (enter(m, l))
			return true;
	}
	return false;
}

static void
set_state(struct merge *m, struct lane *l, enum lane_state state)
{
	m->awaited += (state == LANE_AWAITED) - (l->state == LANE_AWAITED);
	m->idle += (state == LANE_IDLE) - (l->state == LANE_IDLE);
	l->state = state;
}

static void
end_lane(struct merge *m, struct lane *l)
{
	set_state(m, l, LANE_ENDED);
	inputs_drop(m->stage->inputs, l->in);
	l->in = NULL;
}

/* The lane's input has been read: its record, if there is one, is known. */
static void
look_at(struct merge *m, struct lane *l)
{
	if (take_next(m, l)) {
		set_state(m, l, LANE_WAITING);
		tournament_seat(&m->first, l->in->number, l, compare_lanes);
	} else if (l->in->ended)
		end_lane(m, l);
	else
		inputs_arm(m->stage->inputs, l->in);
}

/* Makes room for n lanes. */
static bool
grow(struct merge *m, size_t n)
{
	struct lane **lane;

	if (tournament_grow(&m->first, n, compare_lanes) == -1 ||
	    (lane = realloc(m->lane, n * sizeof(*lane))) == NULL)
		return false;
	m->lane = lane;
	memset(lane + m->n, 0, (n - m->n) * sizeof(*lane));
	m->n = n;
	return true;
}

/*
 * The lane of an input.  It begins when the input is seen first; a number may
 * be that of an input that has ended.  NULL: no memory.
 */
static struct lane *
lane_of(struct merge *m, struct input *in)
{
	struct lane *l;

	if (in->number >= m->n && !grow(m, 2 * in->number + 1))
		return NULL;
	l = m->lane[in->number];
	if (l == NULL && (l = calloc(1, sizeof(*l))) == NULL)
		return NULL;
	m->lane[in->number] = l;
	if (l->in != in) {
		l->in = in;
		set_state(m, l, LANE_AWAITED);
	}
	return l;
}

/* The first record of all goes, and the next one of its lane comes. */
static void
send_first(struct merge *m)
{
	struct lane *l = first_lane(m);
	struct tournament *first = &m->first;

	if (json_order_keep(&m->last, &l->key) == -1) {
		stage_give_up(m->stage, 2, "out of memory");
		tournament_seat(first, l->in->number, NULL, compare_lanes);
		record_free(&l->record);
		return;
	}
	m->has_last = true;
	feed_put(m->feed, l->in, &l->record);
	if (take_next(m, l)) {
		tournament_seat(first, l->in->number, l, compare_lanes);
		return;
	}
	tournament_seat(first, l->in->number, NULL, compare_lanes);
	if (l->in->ended)
		end_lane(m, l);
	else {
		set_state(m, l, LANE_AWAITED);
		inputs_arm(m->stage->inputs, l->in);
	}
}

/*
 * The time in which the stage could write.  It stands still while nobody takes
 * the output: then an input may be silent because we do not read; and after a
 * Ctrl-Z, which stops those who write to us as well.
 */
static int64_t
time_to_write(const struct merge *m)
{
	int64_t now = worktime_now();

	return now - stopwatch_read(&m->stage->writing, now);
}

/* Those that are awaited have been silent for too long. */
static void
leave_out_silent(struct merge *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->lane[i] != NULL && m->lane[i]->state == LANE_AWAITED)
			set_state(m, m->lane[i], LANE_IDLE);
}

/* The next input that can be read; before a wait, what is done goes out. */
static struct input *
next_input(struct merge *m, int64_t until)
{
	struct input *in = feed_next(m->feed, m->stage->work, 0);

	if (in != NULL || until == 0)
		return in;
	feed_send(m->feed);
	return feed_next(m->feed, m->stage->work, until);
}

/* Reads from an input that is ready, and knows its record if there is one. */
static void
read_lane(struct merge *m, struct input *in)
{
	struct lane *l = lane_of(m, in);

	if (l == NULL) {
		stage_give_up(m->stage, 2, "out of memory");
		feed_stop(m->feed, in);
		return;
	}
	feed_read(m->feed, in);
	look_at(m, l);
}

/*
 * Takes what is there, without waiting.  One that gives nothing but what is
 * late must not keep us here.
 */
static void
look_at_ready(struct merge *m)
{
	struct input *in;

	for (size_t i = 0; i < m->n && (in = next_input(m, 0)) != NULL; i++)
		read_lane(m, in);
}

/* Sends what can go before another input is to be looked at. */
static void
send_run(struct merge *m)
{
	for (int i = 0; i < RUN && m->awaited == 0 && first_lane(m) != NULL; i++) {
		send_first(m);
		if (m->idle > 0)
			look_at_ready(m);
	}
}

/* Whether nothing can go before another lane has a record. */
static bool
has_to_wait(const struct merge *m)
{
	return m->awaited > 0 || (first_lane(m) == NULL && !inputs_have_ended(m->stage->inputs));
}

/*
 * How long those that are awaited may still hold up the others, the first of
 * which has been there since then.
 */
static int64_t
patience(const struct merge *m, int64_t since)
{
	if (first_lane(m) == NULL || m->pi->idle_timeout == CLOCK_NEVER)
		return CLOCK_NEVER;
	return clock_after(since, m->pi->idle_timeout) - time_to_write(m);
}

/*
 * Waits until all lanes that are awaited have a record, have ended, or have
 * been silent for too long; or until work is cancelled.
 */
static void
await_lanes(struct merge *m)
{
	int64_t since = 0, left;
	struct input *in;
	bool held_up = false;

	while (has_to_wait(m) && !stage_is_cancelled(m->stage)) {
		if (first_lane(m) != NULL && !held_up) {
			held_up = true;
			since = time_to_write(m);
		}
		left = patience(m, since);
		/* We may have been late ourselves. */
		if (left <= 0) {
			look_at_ready(m);
			leave_out_silent(m);
			return;
		}
		if (left != CLOCK_NEVER)
			left = clock_after(clock_now(), left < IDLE_LOOK ? left : IDLE_LOOK);
		if ((in = next_input(m, left)) != NULL)
			read_lane(m, in);
	}
}

/* A record leaves as cancelled, if anything can still be written. */
static void
cancel_record(struct merge *m, const struct input *in, struct record *r)
{
	if (r->kind == RECORD_DATA && ctx_state(m->stage->root) == CTX_LIVE)
		stage_bury_cancelled(m->stage, r);
	feed_put(m->feed, in, r);
}

/* All that has been read of an input leaves as cancelled. */
static void
cancel_rest(struct merge *m, struct input *in)
{
	struct record r;

	while (feed_take(m->feed, in, &r))
		cancel_record(m, in, &r);
	feed_send(m->feed);
	if (!in->ended)
		inputs_arm(m->stage->inputs, in);
}

/* Work is cancelled: what is held and what still comes leaves so. */
static void
cancel_lanes(struct merge *m)
{
	struct input *in;
	struct lane *l;

	while ((l = first_lane(m)) != NULL) {
		tournament_seat(&m->first, l->in->number, NULL, compare_lanes);
		cancel_record(m, l->in, &l->record);
		cancel_rest(m, l->in);
	}
	while ((in = feed_next(m->feed, m->stage->root, CLOCK_NEVER)) != NULL) {
		feed_read(m->feed, in);
		cancel_rest(m, in);
	}
}

static bool
open_lanes(struct merge *m)
{
	struct input *in = inputs_first(m->stage->inputs);
	size_t n = inputs_count(m->stage->inputs);

	if (n > 0 && !grow(m, n))
		return false;
	for (; in != NULL; in = inputs_after(in)) {
		if (lane_of(m, in) == NULL)
			return false;
		inputs_arm(m->stage->inputs, in);
	}
	return true;
}

static void
close_lanes(struct merge *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->lane[i] != NULL) {
			json_order_forget(&m->lane[i]->key);
			free(m->lane[i]);
		}
	json_order_forget(&m->last);
	free(m->lane);
	free(m->first.at);
}

void
order_merge(struct feed *f, void *arg)
{
	struct pfanin *pi = arg;
	struct merge m = {.feed = f, .pi = pi, .stage = &pi->stage};

	if (!open_lanes(&m)) {
		stage_abort(m.stage, 2, "out of memory");
		close_lanes(&m);
		return;
	}
	while (!stage_is_cancelled(m.stage) && (has_to_wait(&m) || first_lane(&m) != NULL)) {
		await_lanes(&m);
		send_run(&m);
	}
	if (stage_is_cancelled(m.stage))
		cancel_lanes(&m);
	close_lanes(&m);
}
