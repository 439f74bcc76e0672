#include <math.h>
#include <stdio.h>

#include "doing.h"
#include "figures.h"
#include "metrics/state.h"

static const char *const words[] = {
    [STATE_HALTED] = "stopped",
    [STATE_INPUT] = "input",
    [STATE_OUTPUT] = "output",
    [STATE_RATE] = "rate",
    [STATE_BUSY] = "busy",
    [STATE_WORKERS] = "workers",
    [STATE_WORKS] = "works",
};

static const char *const ends[EXIT_COUNT] = {
    [EXIT_OK] = "ended",
    [EXIT_RECORDS] = "ended, records failed",
    [EXIT_ERROR] = "ended with an error",
    [EXIT_SIGNAL] = "ended, was stopped",
    [EXIT_KILLED] = "killed",
};

static void
foreign(const struct part *p, struct doing *d)
{
	char lag[FIGURE_SIZE];

	d->word = NULL;
	if (p->kind == PART_PROGRAM && !isnan(p->cpu))
		snprintf(d->text, sizeof(d->text), "program, CPU %.0f %%", 100 * p->cpu);
	else if (p->kind == PART_ENGINE && !isnan(p->lag)) {
		figure_number(p->lag, lag);
		snprintf(d->text, sizeof(d->text), "engine, lag %s", lag);
	} else
		snprintf(d->text, sizeof(d->text), "%s",
		    p->kind == PART_FILE          ? "file"
			: p->kind == PART_ENGINE  ? "engine"
			: p->kind == PART_PROGRAM ? "program"
						  : "not visible");
}

void
doing_of(const struct part *p, struct doing *d)
{
	struct state state;

	d->share = NAN;
	if (p->kind != PART_STAGE) {
		foreign(p, d);
	} else if (p->ended) {
		d->word = "ended";
		snprintf(d->text, sizeof(d->text), "%s", ends[p->how]);
	} else if (isnan(p->input) || isnan(p->output)) {
		d->word = "measuring";
		snprintf(d->text, sizeof(d->text), "measuring");
	} else {
		state = state_of(&(struct state_facts){.mode = p->stage->header.mode,
		    .input = p->input,
		    .output = p->output,
		    .own = p->own,
		    .rate = p->rate,
		    .busy = p->busy,
		    .halted = p->halted});
		d->word = words[state.kind];
		d->share = state.percent / 100.0;
		state_say(state, d->text);
	}
}
