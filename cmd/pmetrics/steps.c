#include "steps.h"

#include <stdlib.h>
#include <string.h>

#include "spanview.h"

static const struct {
	const char *name;  /* for people */
	const char *key;   /* in JSON */
	const char *event; /* that begins it; NULL: none does */
} names[] = {
    [STEP_QUEUE] = {"queue", "queue", NULL},
    [STEP_RATE] = {"wait for rate", "rate", "rate"},
    [STEP_ATTEMPT] = {"attempt", "attempt", "attempt"},
    [STEP_BACKOFF] = {"back-off", "back-off", "back-off"},
    [STEP_ORDER] = {"in order", "order", "order"},
    [STEP_OUTPUT] = {"output", "output", "output"},
    [STEP_LOST] = {"events cut", "lost", NULL},
    [STEP_RUN] = {"run", "run", NULL},
    [STEP_SPAN] = {"", "span", NULL},
};

const char *
steps_name(enum step_kind kind)
{
	return names[kind].name;
}

const char *
steps_key(enum step_kind kind)
{
	return names[kind].key;
}

/* The step that an event begins; STEP_SPAN: none. */
static enum step_kind
begun_by(const json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "name"));

	for (enum step_kind k = STEP_QUEUE; name != NULL && k < STEP_SPAN; k++)
		if (names[k].event != NULL && strcmp(name, names[k].event) == 0)
			return k;
	return STEP_SPAN;
}

/*
 * The last step ends with the span.  What it was, nobody knows if there were
 * more events than the span has.
 */
static void
end_last(const struct spanview *v, struct step *last)
{
	const json_t *lost = json_object_get(v->json, "droppedEventsCount");

	last->ended = v->ended;
	if (json_integer_value(lost) > 0) {
		last->kind = STEP_LOST;
		last->number = (uint64_t)json_integer_value(lost);
	}
}

/* The step in which the record failed, or succeeded: the last one of work. */
static struct step *
decisive(struct step *step, size_t n)
{
	for (size_t i = n; i > 0; i--)
		if (step[i - 1].kind == STEP_ATTEMPT || step[i - 1].kind == STEP_BACKOFF ||
		    step[i - 1].kind == STEP_LOST)
			return &step[i - 1];
	return NULL;
}

/* Says how the span ended, in the step that is to blame. */
static void
conclude(const struct spanview *v, struct step *step, size_t n)
{
	struct step *last = decisive(step, n);
	const bool is_plain = strcmp(v->result, "processed") == 0 || *v->result == '\0';

	if (last == NULL && !v->failed && is_plain)
		return;
	if (last == NULL || strcmp(v->result, "unwritten") == 0)
		last = &step[n - 1];
	last->failed = v->failed;
	if (v->failed)
		last->outcome = *v->reason != '\0'            ? v->reason
		    : v->kind == SPANVIEW_RECORD && !is_plain ? v->result
							      : "error";
	else
		last->outcome = is_plain ? "ok" : v->result;
}

static ssize_t
record_steps(const struct spanview *v, struct step *step)
{
	const json_t *events = json_object_get(v->json, "events"), *event;
	size_t i, n = 0;

	step[n++] = (struct step){.kind = STEP_QUEUE, .begun = v->begun};
	for (i = 0; (event = json_array_get(events, i)) != NULL; i++) {
		enum step_kind kind = begun_by(event);
		struct step *last = &step[n - 1];
		int64_t at;

		if (kind == STEP_SPAN || !spanview_time(event, "timeUnixNano", &at))
			continue;
		at = at < last->begun ? last->begun : at > v->ended ? v->ended : at;
		last->ended = at;
		if (kind == STEP_BACKOFF && last->kind == STEP_ATTEMPT) {
			const char *reason = spanview_text(event, "pchan.reason");

			last->outcome = *reason != '\0' ? reason : "failed";
			last->failed = true;
		}
		step[n++] = (struct step){
		    .kind = kind, .begun = at, .number = spanview_number(event, "pchan.attempt")};
	}
	end_last(v, &step[n - 1]);
	return (ssize_t)n;
}

ssize_t
steps_of(const struct spanview *v, struct step **steps)
{
	const size_t events = json_array_size(json_object_get(v->json, "events"));
	ssize_t n = 1;

	if ((*steps = calloc(events + 1, sizeof(**steps))) == NULL)
		return -1;
	if (v->kind == SPANVIEW_RECORD)
		n = record_steps(v, *steps);
	else
		(*steps)[0] = (struct step){.kind = v->kind == SPANVIEW_RUN ? STEP_RUN : STEP_SPAN,
		    .begun = v->begun,
		    .ended = v->ended};
	conclude(v, *steps, (size_t)n);
	return n;
}
