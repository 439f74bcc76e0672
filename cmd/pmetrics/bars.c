#include "bars.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "steps.h"

struct bars {
	struct bar *bar;
	size_t n, room;
};

static bool
is_worth(const struct step *s, int64_t whole)
{
	const int64_t time = s->ended - s->begun;

	switch (s->kind) {
	case STEP_QUEUE:
	case STEP_RATE:
	case STEP_ORDER:
	case STEP_OUTPUT:
		return s->outcome != NULL || time > whole / 100 ||
		    (time >= CLOCK_MS && time > whole / 10000);
	default:
		return true;
	}
}

static enum bar_look
look_of(enum step_kind kind)
{
	switch (kind) {
	case STEP_ATTEMPT:
		return BAR_WORK;
	case STEP_BACKOFF:
		return BAR_PAUSE;
	case STEP_LOST:
		return BAR_LOST;
	case STEP_RUN:
	case STEP_SPAN:
		return BAR_SPAN;
	default:
		return BAR_WAIT;
	}
}

static void
describe(const struct kin *k, const struct step *s, struct bar *b)
{
	if (s->kind == STEP_SPAN)
		b->name = k->span->name;
	else if (s->kind == STEP_ATTEMPT && s->number > 0)
		/* The time that follows is another number. */
		snprintf(b->text, sizeof(b->text), "attempt %" PRIu64 " ", s->number);
	else if (s->kind == STEP_LOST)
		snprintf(b->text, sizeof(b->text), "%" PRIu64 " events cut", s->number);
	else
		strlcpy(b->text, steps_name(s->kind), sizeof(b->text));
}

/* Room for so many more.  -1: no memory. */
static int
make_room(struct bars *to, size_t more)
{
	size_t room = 2 * (to->n + more);
	struct bar *bar;

	if (to->n + more <= to->room)
		return 0;
	if ((bar = reallocarray(to->bar, room, sizeof(*bar))) == NULL)
		return -1;
	to->bar = bar;
	to->room = room;
	return 0;
}

static int
add_span(struct bars *to, const struct kin *k, int64_t whole)
{
	const struct bar empty = {.stage = k->span->stage,
	    .indent = k->indent,
	    .begun = k->span->begun,
	    .ended = k->span->ended,
	    .look = BAR_SPAN};
	const size_t before = to->n;
	struct step *step;
	ssize_t n = steps_of(k->span, &step);

	if (n == -1)
		return -1;
	if (make_room(to, (size_t)n) == -1) {
		free(step);
		return -1;
	}
	for (const struct step *s = step; s < step + n; s++) {
		struct bar *b = &to->bar[to->n];

		if (!is_worth(s, whole))
			continue;
		*b = empty;
		b->stage = to->n++ == before ? k->span->stage : NULL;
		b->begun = s->begun;
		b->ended = s->ended;
		b->look = look_of(s->kind);
		b->outcome = s->outcome;
		b->failed = s->failed;
		describe(k, s, b);
	}
	if (to->n == before)
		to->bar[to->n++] = empty;
	free(step);
	return 0;
}

ssize_t
bars_of(const struct kin *kin, size_t n, int64_t whole, struct bar **bar)
{
	struct bars all = {0};

	for (size_t i = 0; i < n; i++)
		if (add_span(&all, &kin[i], whole) == -1) {
			free(all.bar);
			return -1;
		}
	*bar = all.bar;
	return (ssize_t)all.n;
}
