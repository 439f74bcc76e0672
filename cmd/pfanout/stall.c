#include "stall.h"

#include "base/clock.h"

#define LOOK_MAX (5 * CLOCK_MS)
#define LOOK_IDLE (20 * CLOCK_MS)   /* while there is nothing to give anyway */
#define LOOK_RARE CLOCK_S           /* at a child that stays silent */
#define LOOK_PART 8                 /* of that silence, between two looks */
#define LOOK_CLOSE (500 * CLOCK_US) /* and at one that buffers, if more */
#define LINGER_MIN (10 * CLOCK_MS)
#define LINGER_MAX CLOCK_S
#define PATIENCE (250 * CLOCK_MS)   /* with a child that sleeps unclearly */
#define PATIENCE_SLOW (2 * CLOCK_S) /* with one that is known to be slow */
#define QUICK (100 * CLOCK_MS)      /* after its stdin was closed */
#define QUICK_ENDS 2                /* from then on it is hunger */
#define QUICK_ENDS_MAX 4
/*
 * lingers after which an answer has waited too long; and the part of the time
 * that the child must have hungered for that
 */
#define OLD 10

void
stall_init(struct stall *s, int64_t timeout)
{
	*s = (struct stall){.timeout = timeout};
}

void
stall_started(struct stall *s, int64_t now)
{
	stall_forget(s);
	s->started = now;
	s->startup = 0;
}

/* The first call measures how long the child took to start. */
static void
note_startup(struct stall *s, int64_t now)
{
	if (s->startup == 0)
		s->startup = now - s->started;
}

void
stall_moved(struct stall *s, int64_t now, int64_t first_look)
{
	if (s->hungry_since != 0)
		s->idle += now - s->hungry_since;
	s->hungry_since = s->unclear_since = 0;
	s->moved = now;
	s->look_wait = first_look;
	s->look_at = now + first_look;
}

enum hunger
stall_interpret(const struct stall *s, enum hunger h)
{
	return h == HUNGER_UNKNOWN && s->quick_ends >= QUICK_ENDS ? HUNGER_SURE : h;
}

/* To wait for longer than a restart takes does not pay. */
static int64_t
linger(const struct stall *s)
{
	int64_t wait = s->startup;

	if (wait < LINGER_MIN)
		wait = LINGER_MIN;
	if (wait > LINGER_MAX)
		wait = LINGER_MAX;
	if (s->timeout != CLOCK_NEVER && wait > s->timeout / 4)
		wait = s->timeout / 4;
	return wait;
}

/*
 * When a hungry child has lingered enough.  Records may come so slowly that its
 * buffer takes long to fill: the oldest answer must not wait for that.  But a
 * child that hardly ever hungers is at work.
 */
static int64_t
linger_end(const struct stall *s, const struct stall_facts *f)
{
	int64_t wait = f->is_full ? 0 : linger(s), most = OLD * wait;
	int64_t idle = s->idle + (f->now - s->hungry_since);

	if (idle < (f->now - f->since) / OLD)
		return s->hungry_since + wait;
	if (s->timeout != CLOCK_NEVER && most > s->timeout / 2)
		most = s->timeout / 2;
	return clock_earlier(s->hungry_since + wait, f->since + most);
}

static bool
is_flush_due(const struct stall *s, const struct stall_facts *f)
{
	return s->hungry_since != 0 && linger_end(s, f) <= f->now;
}

/* When the limit comes near, and it must be known whether it counts. */
static int64_t
limit_near(const struct stall *s, const struct stall_facts *f)
{
	return f->limit == CLOCK_NEVER ? CLOCK_NEVER : f->limit - s->timeout / 2;
}

/*
 * Looks get rarer, and rarer still at a child that stays silent: a
 * hundred of them must not keep a processor busy.
 */
static int64_t
next_wait(const struct stall *s, const struct stall_facts *f)
{
	int64_t most = f->has_more ? LOOK_MAX : LOOK_IDLE;
	int64_t since = f->since > s->moved ? f->since : s->moved;
	int64_t part = clock_earlier((f->now - since) / LOOK_PART, LOOK_RARE);

	/* Nothing tells it when its turn comes. */
	if (f->must_wait)
		part = 0;
	/* It shows only by its hunger that it has done with a record. */
	if (f->buffers && !f->must_wait)
		most = clock_earlier(most, LOOK_CLOSE);
	return clock_earlier(s->look_wait + s->look_wait / 2, most > part ? most : part);
}

/* The next look is at that time at the latest. */
static void
look_by(struct stall *s, int64_t due)
{
	s->look_at = clock_earlier(s->look_at, due);
}

/*
 * How long a child may sleep unclearly.  One that was at work may take even
 * longer next time, but an answer that it keeps must not time out for that.
 */
static int64_t
patience(const struct stall *s)
{
	int64_t wait = PATIENCE_SLOW + 2 * s->slowest;

	if (s->quick_ends >= QUICK_ENDS)
		return 0;
	if (s->slowest == 0)
		return PATIENCE;
	if (s->timeout != CLOCK_NEVER)
		wait = clock_earlier(wait, s->timeout / 2);
	return wait > PATIENCE_SLOW ? wait : PATIENCE_SLOW;
}

/* The child may have been hungry since then, or be slow: flush it to see. */
static enum stall_verdict
test_after_patience(struct stall *s, int64_t since, int64_t now)
{
	int64_t wait = patience(s);

	if (now - since < wait) {
		look_by(s, since + wait);
		return STALL_WAIT;
	}
	s->tested = now;
	return STALL_FLUSH;
}

static void
note_hunger(struct stall *s, enum hunger h, const struct stall_facts *f)
{
	switch (h) {
	case HUNGER_SURE:
		note_startup(s, f->now);
		if (f->can_give || f->must_wait)
			s->hungry_since = 0;
		else if (s->hungry_since == 0)
			s->hungry_since = f->now;
		break;
	case HUNGER_UNKNOWN:
		if (s->unclear_since == 0)
			s->unclear_since = f->now;
		break;
	case HUNGER_NONE:
		s->hungry_since = s->unclear_since = 0;
		break;
	}
}

enum stall_verdict
stall_saw(struct stall *s, enum hunger h, const struct stall_facts *f)
{
	note_hunger(s, h, f);
	s->look_wait = next_wait(s, f);
	s->look_at = f->now + s->look_wait;

	/* Whether only EOF will make it answer. */
	if (s->unclear_since != 0)
		return f->can_give ? STALL_WAIT : test_after_patience(s, s->unclear_since, f->now);
	if (h != HUNGER_SURE)
		return STALL_WAIT;
	/* The thread that reads is idle, but another one may be at work. */
	if (is_flush_due(s, f) || limit_near(s, f) <= f->now)
		return STALL_SEARCH;
	look_by(s, limit_near(s, f));
	if (s->hungry_since != 0)
		look_by(s, linger_end(s, f));
	return STALL_WAIT;
}

enum stall_verdict
stall_searched(struct stall *s, enum hunger h, const struct stall_facts *f)
{
	switch (h) {
	case HUNGER_SURE:
		return is_flush_due(s, f) ? STALL_FLUSH : STALL_DONE;
	case HUNGER_UNKNOWN:
		return test_after_patience(
		    s, s->hungry_since != 0 ? s->hungry_since : limit_near(s, f), f->now);
	default:
		s->hungry_since = 0;
		return STALL_WAIT;
	}
}

static void
note_work(struct stall *s, int64_t ns)
{
	if (s->slowest < ns)
		s->slowest = ns;
}

void
stall_answered(struct stall *s, int64_t now, int64_t first_look)
{
	/* It has slept unclearly, and not been flushed: so it was at work. */
	if (s->slowest != 0 && s->unclear_since != 0 && s->tested == 0)
		note_work(s, now - s->unclear_since);
	stall_moved(s, now, first_look);
	s->idle = 0;
	note_startup(s, now);
}

void
stall_ended(struct stall *s, int64_t now)
{
	if (s->tested == 0)
		return;
	if (now - s->tested > QUICK) {
		note_work(s, now - s->tested);
		s->quick_ends -= s->quick_ends < QUICK_ENDS ? s->quick_ends : QUICK_ENDS;
	} else if (s->quick_ends < QUICK_ENDS_MAX) {
		s->quick_ends++;
	}
	s->tested = 0;
}

static void
extend(int64_t *since, int64_t ns)
{
	if (*since != 0)
		*since += ns;
}

void
stall_extend(struct stall *s, int64_t ns)
{
	s->started += ns;
	s->moved += ns;
	extend(&s->hungry_since, ns);
	extend(&s->unclear_since, ns);
	/* A test that was interrupted for a long time teaches nothing. */
	if (ns > QUICK)
		s->tested = 0;
	extend(&s->tested, ns);
}

void
stall_forget(struct stall *s)
{
	s->hungry_since = s->unclear_since = 0;
	s->idle = 0;
	s->tested = 0;
}
