#include "trace/span.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

void
span_init(struct span *s)
{
	memset(s, 0, offsetof(struct span, few));
	s->event = s->few;
	s->room = SPAN_FEW;
}

void
span_clear(struct span *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->event[i].message);
	if (s->event != s->few)
		free(s->event);
	if (s->state != s->short_state)
		free(s->state);
	free(s->message);
	free(s->input);
}

void
span_move(struct span *to, const struct span *from)
{
	/* Without the room that it does not use. */
	memcpy(to, from, offsetof(struct span, few));
	if (from->event == from->few) {
		memcpy(to->few, from->few, from->n * sizeof(from->few[0]));
		to->event = to->few;
	}
	if (from->state == from->short_state) {
		memcpy(to->short_state, from->short_state, sizeof(to->short_state));
		to->state = to->short_state;
	}
}

struct span *
span_new(void)
{
	struct span *s = malloc(sizeof(*s));

	if (s != NULL)
		span_init(s);
	return s;
}

void
span_free(struct span *s)
{
	if (s == NULL)
		return;
	span_clear(s);
	free(s);
}

int
span_set_state(struct span *s, const char *state)
{
	size_t size = strlen(state) + 1;

	if (size == 1)
		return 0;
	s->state = size <= SPAN_SHORT ? s->short_state : malloc(size);
	if (s->state == NULL)
		return -1;
	memcpy(s->state, state, size);
	return 0;
}

/* A copy; NULL: there is no message, or no memory for one. */
static char *
copy_message(const char *message)
{
	if (message == NULL || *message == '\0')
		return NULL;
	return strndup(message, utf8_head(message, strlen(message), SPAN_MESSAGE_MAX));
}

/* Room for one event more.  False: there is none. */
static bool
make_room(struct span *s)
{
	struct span_event *old = s->event != s->few ? s->event : NULL, *event;
	size_t room = 2 * s->room;

	if (s->n < s->room)
		return true;
	if (s->n == SPAN_EVENTS || (event = reallocarray(old, room, sizeof(*event))) == NULL)
		return false;
	if (old == NULL)
		memcpy(event, s->few, sizeof(s->few));
	s->event = event;
	s->room = room;
	return true;
}

/* Adds an empty event.  NULL: it was only counted. */
static struct span_event *
add_event(struct span *s, enum span_phase phase, int64_t at)
{
	struct span_event *event;

	if (!make_room(s)) {
		s->dropped++;
		return NULL;
	}
	event = &s->event[s->n++];
	*event = (struct span_event){.at = at, .phase = (uint8_t)phase};
	return event;
}

void
span_enter(struct span *s, enum span_phase phase, int64_t at)
{
	(void)add_event(s, phase, at);
}

void
span_attempt(struct span *s, uint32_t attempt, unsigned slot, int64_t at)
{
	struct span_event *event = add_event(s, PHASE_ATTEMPT, at);

	if (event != NULL)
		event->attempt = attempt;
	s->attempts = attempt;
	s->slot = slot;
}

void
span_back_off(struct span *s, enum reason reason, const char *message, int64_t at)
{
	struct span_event *event = add_event(s, PHASE_BACKOFF, at);

	if (event == NULL)
		return;
	event->reason = (uint8_t)reason;
	event->message = copy_message(message);
}

void
span_fail(struct span *s, enum reason reason, const char *message)
{
	s->result = SPAN_FAILED;
	s->reason = (uint8_t)reason;
	free(s->message);
	s->message = copy_message(message);
}

const char *
span_phase_name(enum span_phase phase)
{
	static const char *const names[PHASE_COUNT] = {
	    [PHASE_RATE] = "rate",
	    [PHASE_ATTEMPT] = "attempt",
	    [PHASE_BACKOFF] = "back-off",
	    [PHASE_ORDER] = "order",
	    [PHASE_OUTPUT] = "output",
	};

	return names[phase];
}

const char *
span_result_name(enum span_result result)
{
	static const char *const names[] = {
	    [SPAN_OK] = "processed",
	    [SPAN_FILTERED] = "filtered",
	    [SPAN_FAILED] = "failed",
	    [SPAN_UNWRITTEN] = "unwritten",
	};

	return names[result];
}
