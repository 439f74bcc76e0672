/* Finding out whether a lane's child waits for more records while it owes answers. */

#include "lane.h"

#include "base/clock.h"

#define LOOK_MAX (5 * CLOCK_MS)
#define LOOK_IDLE (20 * CLOCK_MS) /* the same while there is nothing to give anyway */
#define LINGER_MIN (10 * CLOCK_MS)
#define LINGER_MAX CLOCK_S
#define PATIENCE (250 * CLOCK_MS)   /* with a child that sleeps unclearly */
#define PATIENCE_SLOW (2 * CLOCK_S) /* with one that is known to be slow */
#define QUICK (100 * CLOCK_MS)      /* after its stdin was closed */
#define QUICK_ENDS 2
#define OLD 10 /* lingers after which an answer has waited too long */

void
lane_look_anew(struct lane *l, int64_t now)
{
	l->hungry_since = l->unclear_since = 0;
	l->look_wait = window_first_look(&l->window);
	l->look_at = now + l->look_wait;
}

/* It may be hungry for long already: then waiting longer than a restart costs does not pay. */
static int64_t
linger(const struct lane *l)
{
	int64_t wait = l->startup;

	/* It can't be given more before it answers. */
	if (l->window.fixed != 0 && window_room(&l->window) == 0)
		return 0;
	if (wait < LINGER_MIN)
		wait = LINGER_MIN;
	if (wait > LINGER_MAX)
		wait = LINGER_MAX;
	if (l->pf->timeout != CLOCK_NEVER && wait > l->pf->timeout / 4)
		wait = l->pf->timeout / 4;
	return wait;
}

static enum hunger
hunger_of(const struct lane *l)
{
	enum hunger h = hunger_look(&l->probe, l->child.in);

	return h == HUNGER_UNKNOWN ? hunger_search(&l->probe, l->child.in) : h;
}

static bool
can_look(const struct lane *l)
{
	return l->child.pid > 0 && lane_may_give(l) && l->given > 0 && !lane_has_unwritten(l);
}

/* It waits for input.  Whatever it has answered until now stands in its pipe. */
static void
found_hungry(struct lane *l, int64_t now)
{
	struct failure why;

	if (!lane_read_answers(l, &why)) {
		lane_kill(l, &why);
		return;
	}
	window_hungry(&l->window, l->given > 0, now);
	if (l->startup == 0)
		l->startup = now - l->started;
	l->look_wait = window_first_look(&l->window);
	if (l->given > 0 && l->hungry_since == 0)
		l->hungry_since = now;
}

/* It sleeps, and it can't be seen for what. */
static void
found_unclear(struct lane *l, int64_t now)
{
	if (l->quick_ends >= QUICK_ENDS)
		found_hungry(l, now);
	else if (l->unclear_since == 0)
		l->unclear_since = now;
}

/* The child whose stdin was closed to see what it does has answered all, or has not. */
void
lane_test_ended(struct lane *l, int64_t now)
{
	if (l->tested == 0)
		return;
	if (now - l->tested <= QUICK)
		l->quick_ends++;
	else
		l->slow = true;
	l->tested = 0;
}

/* Records come so slowly that its buffer takes long to fill: don't let the oldest answer wait for that. */
static bool
has_waited(const struct lane *l, int64_t now)
{
	int64_t since = queue_at(&l->held, 0)->queued, most = OLD * linger(l);

	if (since < l->last_answer)
		since = l->last_answer;
	if (l->pf->timeout != CLOCK_NEVER && most > l->pf->timeout / 2)
		most = l->pf->timeout / 2;
	return now - since >= most;
}

/*
 * It may be hungry, or just slow, since then.  So its stdin is closed once or twice to see: if it then answers at
 * once it had kept its answers, and this way of sleeping is hunger; if it takes its time it was slow.
 */
static bool
must_test(struct lane *l, int64_t since, int64_t now)
{
	int64_t patience = l->quick_ends >= QUICK_ENDS ? 0 : l->slow ? PATIENCE_SLOW : PATIENCE;

	if (now - since < patience)
		return false;
	l->tested = now;
	return true;
}

/* Whether only closing its stdin will make it answer. */
static bool
must_flush(struct lane *l, int64_t now)
{
	if (!can_look(l) || (lane_todo(l) > 0 && window_room(&l->window) > 0))
		return false;
	if (l->unclear_since != 0)
		return must_test(l, l->unclear_since, now);
	if (l->hungry_since == 0 || (now - l->hungry_since < linger(l) && !has_waited(l, now)))
		return false;
	/* A thread of it may be at work although the one that reads is not. */
	switch (hunger_search(&l->probe, l->child.in)) {
	case HUNGER_SURE:
		return true;
	case HUNGER_UNKNOWN:
		return must_test(l, l->hungry_since, now);
	default:
		l->hungry_since = 0;
		return false;
	}
}

void
lane_look(struct lane *l, int64_t now)
{
	int64_t longest = lane_todo(l) > 0 ? LOOK_MAX : LOOK_IDLE;

	if (!can_look(l) || now < l->look_at)
		return;
	l->look_wait += l->look_wait / 2;
	switch (hunger_of(l)) {
	case HUNGER_SURE:
		found_hungry(l, now);
		break;
	case HUNGER_UNKNOWN:
		found_unclear(l, now);
		break;
	case HUNGER_NONE:
		l->hungry_since = l->unclear_since = 0;
		break;
	}
	if (l->look_wait > longest)
		l->look_wait = longest;
	l->look_at = now + l->look_wait;
	if (must_flush(l, now))
		lane_close_in(l);
}

int64_t
lane_look_time(const struct lane *l)
{
	return can_look(l) ? l->look_at : CLOCK_NEVER;
}
