#include "stage/report.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/signame.h"
#include "base/utf8.h"
#include "metrics/worktime.h"
#include "record/deadfile.h"
#include "record/reader.h"
#include "stage/budget.h"
#include "stage/inputs.h"
#include "stage/stage.h"
#include "sync/ctx.h"

/* Text that grows at the end of a buffer. */
struct text {
	char *at;
	size_t left;
};

static void __attribute__((format(printf, 2, 3))) add_text(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->at, t->left, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= t->left)
		n = t->left > 0 ? (int)t->left - 1 : 0;
	t->at += n;
	t->left -= (size_t)n;
}

/* "(1 invalid, 2 timeout)", in the fixed order of the reasons. */
static void
add_reasons(struct text *t, const struct metrics *m)
{
	const char *before = "(";

	for (unsigned i = 0; i < REASON_COUNT; i++) {
		uint64_t n = metrics_get(m, METRIC_FAILED + i);

		if (n == 0)
			continue;
		add_text(t, "%s%" PRIu64 " %s", before, n, reason_name(i));
		before = ", ";
	}
	add_text(t, ")");
}

static double
seconds_since_start(const struct stage *st)
{
	return (double)(clock_now() - st->begun) / (double)CLOCK_S;
}

void
report_now(const struct stage *st, struct report_moment *now)
{
	now->at = worktime_now();
	for (int i = 0; i < TIME_COUNT; i++)
		now->time[i] = metrics_time(st->metrics, i, now->at);
}

/*
 * The fraction of the time between the moments that a watch ran.  One that was
 * stopped late may have gone back a little.
 */
static double
fraction(const struct report_moment *from, const struct report_moment *to, enum metric_time t)
{
	if (to->at <= from->at || to->time[t] <= from->time[t])
		return 0;
	return (double)(to->time[t] - from->time[t]) / (double)(to->at - from->at);
}

static struct state_facts
facts_between(
    const struct stage *st, const struct report_moment *from, const struct report_moment *to)
{
	return (struct state_facts){.mode = st->mode,
	    .input = fraction(from, to, TIME_INPUT),
	    .output = fraction(from, to, TIME_OUTPUT),
	    .own = fraction(from, to, TIME_OWN),
	    .rate = fraction(from, to, TIME_RATE),
	    .busy = fraction(from, to, TIME_BUSY) / (double)(st->workers > 0 ? st->workers : 1)};
}

struct state
report_state(
    const struct stage *st, const struct report_moment *from, const struct report_moment *to)
{
	struct state_facts facts = facts_between(st, from, to);

	return state_of(&facts);
}

/*
 * How often the children were started: what a child had kept is lost with each
 * further start.  With -x and -F the number says nothing.
 */
static void
add_starts(struct text *t, const struct stage *st)
{
	if (st->mode == STAGE_MAPS)
		add_text(t, ", starts %" PRIu64, metrics_get(st->metrics, METRIC_STARTS));
}

/* What the stage waited for since it began, but for the time of a Ctrl-Z. */
static void
add_waits(struct text *t, const struct stage *st)
{
	struct report_moment begun = {.at = st->begun}, now;
	int64_t halted = worktime_halted(clock_now());
	struct state_facts f;

	report_now(st, &now);
	f = facts_between(st, &begun, &now);
	add_text(t, ", waited: input %u %%, output %u %%, workers %u %%", state_percent(f.input),
	    state_percent(f.output), state_percent(state_workers(&f)));
	if (st->has_rate)
		add_text(t, ", rate %u %%", state_percent(f.rate));
	if (state_is_pool(st->mode))
		add_text(t, "; workers busy %u %%", state_percent(f.busy));
	add_starts(t, st);
	if (halted > 0)
		add_text(t, "; stopped for %.3f s", (double)halted / (double)CLOCK_S);
}

/* Only of a stream that has them. */
static void
add_marks(struct text *t, const struct stage *st)
{
	uint64_t torn = atomic_load(&st->torn);

	if (stage_is_marked(st))
		add_text(t, ", marks %" PRIu64 " (%" PRIu64 " passed)", atomic_load(&st->marks),
		    atomic_load(&st->passed));
	if (torn > 0)
		add_text(t, ", torn lines %" PRIu64, torn);
}

static void
add_totals(struct text *t, const struct stage *st)
{
	uint64_t received = metrics_get(st->metrics, METRIC_RECEIVED),
		 failed = metrics_failed(st->metrics);
	double s = seconds_since_start(st);

	add_text(t,
	    "received %" PRIu64 ", processed %" PRIu64 ", filtered %" PRIu64 ", failed %" PRIu64,
	    received, metrics_get(st->metrics, METRIC_PROCESSED),
	    metrics_get(st->metrics, METRIC_FILTERED), failed);
	if (failed > 0) {
		add_text(t, " ");
		add_reasons(t, st->metrics);
	}
	if (metrics_get(st->metrics, METRIC_UNWRITTEN) > 0)
		add_text(t, ", unwritten %" PRIu64, metrics_get(st->metrics, METRIC_UNWRITTEN));
	if (metrics_get(st->metrics, METRIC_DISCARDED) > 0)
		add_text(t, ", discarded %" PRIu64, metrics_get(st->metrics, METRIC_DISCARDED));
	add_text(t,
	    ", bypassed %" PRIu64 ", retries %" PRIu64 ", blank %" PRIu64 ", written %" PRIu64,
	    metrics_get(st->metrics, METRIC_BYPASSED), metrics_get(st->metrics, METRIC_RETRIES),
	    metrics_get(st->metrics, METRIC_BLANK), metrics_get(st->metrics, METRIC_WRITTEN));
	add_marks(t, st);
	add_text(t, ", %.3f s, %.0f records/s", s, s > 0 ? (double)received / s : 0);
}

void
report_totals(const struct stage *st, char *line, size_t size)
{
	struct text t = {line, size};

	add_totals(&t, st);
	add_waits(&t, st);
}

static void
add_state(struct text *t, struct state state)
{
	char text[STATE_TEXT_SIZE];

	state_say(state, text);
	add_text(t, ", %s", text);
}

void
report_interim(const struct stage *st, struct state state, char *line, size_t size)
{
	struct text t = {line, size};

	add_totals(&t, st);
	add_state(&t, state);
}

static void
add_eta(struct text *t, const struct stage *st, uint64_t in_size)
{
	uint64_t received = metrics_get(st->metrics, METRIC_RECEIVED),
		 held = budget_held(st->budget);
	uint64_t done = metrics_get(st->metrics, METRIC_BYTES_IN);
	double s = seconds_since_start(st), left;

	if (in_size == 0)
		return;
	/* Of the bytes read, those of records still held are not done. */
	if (received > 0)
		done = (uint64_t)((double)done * (double)(held < received ? received - held : 0) /
		    (double)received);
	if (done > in_size)
		done = in_size;
	add_text(t, ", %" PRIu64 "%%", done * 100 / in_size);
	if (done == 0)
		return;
	left = s * (double)(in_size - done) / (double)done;
	add_text(
	    t, ", ETA %d:%02d:%02d", (int)(left / 3600), (int)(left / 60) % 60, (int)left % 60);
}

void
report_progress(const struct stage *st, const struct report_pace *pace, char *line, size_t size)
{
	struct text t = {line, size};
	char where[128];

	add_text(&t, "%s: %" PRIu64 " records, %.0f/s, ", st->name,
	    metrics_get(st->metrics, METRIC_RECEIVED), pace->rate);
	if (st->describe != NULL) {
		st->describe(st->state, where, sizeof(where));
		add_text(&t, "%s", where);
	} else
		add_text(&t, "backlog %" PRIu64 ", in flight %" PRIu64,
		    metrics_gauge(st->metrics, METRIC_QUEUED, METRIC_TAKEN),
		    metrics_gauge(st->metrics, METRIC_GIVEN, METRIC_ENDED));
	add_text(&t, ", failed %" PRIu64, metrics_failed(st->metrics));
	add_starts(&t, st);
	add_state(&t, pace->state);
	add_eta(&t, st, pace->in_size);
}

/* Adds "N things", or "1 thing", to a list. */
static void
add_loss(struct text *t, const char **before, uint64_t n, const char *one, const char *many)
{
	if (n == 0)
		return;
	add_text(t, "%s%" PRIu64 " %s", *before, n, n == 1 ? one : many);
	*before = ", ";
}

int
report_losses(const struct stage *st, char *line, size_t size)
{
	const struct metrics *m = st->metrics;
	uint64_t records = metrics_get(m, METRIC_UNWRITTEN),
		 letters = metrics_gauge(m, METRIC_BYPASSED, METRIC_PASSED_ON),
		 lines = metrics_gauge(m, METRIC_PRINTED, METRIC_DELIVERED);
	bool held = st->has_filters && ctx_state(st->root) != CTX_LIVE;
	const char *before = ": ";
	struct text t = {line, size};

	if (records + letters + lines == 0 && !held)
		return 0;
	add_text(
	    &t, stage_is_marked(st) ? "not finished, and come again" : "not written, and lost");
	add_loss(&t, &before, records, "record", "records");
	add_loss(&t, &before, letters, "dead letter that came by", "dead letters that came by");
	add_loss(&t, &before, lines, "line of the filters", "lines of the filters");
	if (held)
		add_text(&t, "%swhat the filters had read and not printed", before);
	return 1;
}

static void
add_place(struct text *t, const struct stage *st)
{
	char path[PATH_MAX];

	if (st->dead != NULL) {
		snprintf(path, sizeof(path), "%s", deadfile_path(st->dead));
		utf8_tame(path, strlen(path), ""); /* a LF would begin a line */
		add_text(t, " in %s%s", path, st->dead_failed ? " or" : "");
	}
	if (st->dead == NULL || st->dead_failed)
		add_text(t, " in the output");
}

static int
report_collected(const struct stage *st, struct text *t)
{
	uint64_t n = metrics_failed(st->metrics) + metrics_get(st->metrics, METRIC_PASSED_ON),
		 discarded = metrics_get(st->metrics, METRIC_DISCARDED);

	/* On standard error they have been seen. */
	if (n == 0 || st->opt->dead_letter == NULL)
		return 0;
	add_text(t, "%" PRIu64 " dead letter%s%s", n, n == 1 ? " " : "s ",
	    discarded > 0 ? (n == 1 ? "was put" : "were put") : (n == 1 ? "is" : "are"));
	add_place(t, st);
	if (discarded > 0)
		add_text(t, "; --keep has removed the oldest %" PRIu64, discarded);
	return 1;
}

int
report_failures(const struct stage *st, char *line, size_t size)
{
	struct text t = {line, size};
	uint64_t failed = metrics_failed(st->metrics),
		 received = metrics_get(st->metrics, METRIC_RECEIVED);

	if (st->collects)
		return report_collected(st, &t);
	if (failed == 0)
		return 0;
	add_text(&t, "%" PRIu64 " of %" PRIu64 " record%s failed ", failed, received,
	    received == 1 ? "" : "s");
	add_reasons(&t, st->metrics);
	add_text(
	    &t, "; %s dead letter%s", failed == 1 ? "its" : "their", failed == 1 ? " is" : "s are");
	add_place(&t, st);
	add_text(&t, ", see pdeadletter(1)");
	return 1;
}

/* "NAME was read up to line N" */
static void
add_input(struct text *t, const char *before, const struct input *in)
{
	uint64_t lines = in->reader != NULL ? reader_place(in->reader).lines : 0;
	char name[PATH_MAX];

	snprintf(
	    name, sizeof(name), "%s", strcmp(in->name, "-") == 0 ? "standard input" : in->name);
	utf8_tame(name, strlen(name), ""); /* a LF would begin a line */
	if (lines > 0)
		add_text(t, "%s%s was read up to line %" PRIu64, before, name, lines);
	else
		add_text(t, "%sno line of %s was read", before, name);
}

/* Whether the lines of an input say how far it was read: not a helper's. */
static bool
has_lines(const struct input *in)
{
	return !in->watched && in->control == NULL && (in->kind == INPUT_FILE || in->stopped);
}

int
report_stop(const struct stage *st, int sig, char *line, size_t size)
{
	const struct input *in = inputs_first(st->inputs);
	const char *before = ": ";
	struct text t = {line, size};
	char signal[SIGNAME_SIZE];
	size_t n = 0, more = 0;

	signame(sig, signal);
	add_text(&t, "stopped by %s", signal);
	for (; in != NULL; in = inputs_after(in)) {
		if (!has_lines(in))
			continue;
		if (n++ >= REPORT_INPUTS) {
			more++;
			continue;
		}
		add_input(&t, before, in);
		before = "; ";
	}
	if (more > 0)
		add_text(&t, "; and %zu more input%s", more, more == 1 ? "" : "s");
	return n > 0;
}

int
report_unread(const struct stage *st, char *line, size_t size)
{
	uint64_t unread = st->unread;

	if (unread == 0 || st->hung_up)
		return 0;
	snprintf(line, size,
	    "stopped reading before the end of the input: %" PRIu64
	    " bytes that were in the pipe are in neither the output nor a dead letter",
	    unread);
	return 1;
}

/* Whether the input is a file, and not what another stage has made of it. */
static bool
reads_file(const struct stage *st)
{
	return inputs_size(st->inputs) > 0;
}

/*
 * Whether the numbers confirm the look of the first line, which alone proves
 * nothing.
 */
static bool
is_confirmed(const struct stage *st, uint64_t received, uint64_t unreadable)
{
	if (st->look == LOOK_RECORDS)
		return false;
	if (st->look != LOOK_ARRAY)
		return unreadable > 0;
	/* In a pipeline of stages an array that succeeds may well be meant. */
	return received == 1 &&
	    (metrics_failed(st->metrics) > 0 || st->status != 0 || reads_file(st));
}

static const char *
input_hint(const struct stage *st)
{
	uint64_t invalid = metrics_get(st->metrics, METRIC_FAILED + REASON_INVALID),
		 too_long = metrics_get(st->metrics, METRIC_FAILED + REASON_TOO_LONG),
		 received = metrics_get(st->metrics, METRIC_RECEIVED);

	if (st->opt->raw || st->collects)
		return NULL;
	if (is_confirmed(st, received, invalid + too_long))
		return hint_for_input(st->look);
	return invalid * 2 > received ? "most of the input is not JSON: for plain lines use -R"
				      : NULL;
}

const char *
report_hint(const struct stage *st)
{
	const char *hint = input_hint(st);

	return hint != NULL ? hint : atomic_load(&st->hint);
}
