#include "stage/tracing.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/signame.h"
#include "metrics/statfile.h"
#include "stage/stage.h"
#include "stage/traced.h"
#include "trace/otlp.h"
#include "trace/span.h"
#include "trace/spanfile.h"
#include "trace/tracer.h"
#include "trace/variables.h"

extern char **environ;

/* How long the end of a run waits for its spans to be written. */
#define LAST_SPANS (2 * CLOCK_S)

#define ATTRIBUTES (16 + REASON_COUNT)

static enum trace_level
decide_level(const struct options *opt, const struct settings *s)
{
	bool wanted = opt->trace_file != NULL || s->exporter == SETTINGS_OTLP ||
	    s->exporter == SETTINGS_CONSOLE;

	if (s->disabled)
		return TRACE_OFF;
	if (opt->trace != TRACE_UNSET)
		return opt->trace;
	return wanted ? TRACE_RECORDS : TRACE_OFF;
}

/* Nothing is traced because of a word that we don't know. */
static void
note_exporter(struct stage *st, const struct settings *s)
{
	static const char name[] = "OTEL_TRACES_EXPORTER:";

	if (s->disabled || st->opt->trace != TRACE_UNSET)
		return;
	for (size_t i = 0; i < s->warnings; i++)
		if (strncmp(s->warning[i], name, strlen(name)) == 0)
			snprintf(st->no_traces, sizeof(st->no_traces), "%s", s->warning[i]);
}

/* The span of the run: a child of $TRACEPARENT, or of nothing. */
static int
begin_run(struct stage *st, struct tracing *t)
{
	const struct settings *s = &t->settings;

	if ((t->span = span_new()) == NULL)
		return -1;
	t->run_is_traced = s->has_parent && s->sampler.parent_based
	    ? (s->parent.flags & CONTEXT_SAMPLED) != 0
	    : s->sampler.root != SAMPLER_NONE;
	if (s->has_parent) {
		t->run = s->parent;
		memcpy(t->span->parent, s->parent.span_id, sizeof(t->span->parent));
		if (span_set_state(t->span, s->state) == -1)
			return -1;
	} else
		context_new_trace(&t->run);
	t->run.flags |= CONTEXT_SAMPLED;
	context_new_span(&t->run);
	t->span->context = t->run;
	t->span->begun = st->begun;
	return 0;
}

static int
open_otlp(struct stage *st, struct tracing *t)
{
	const struct statfile_header *h = statfile_header(st->stat);

	t->otlp = otlp_new(&t->settings,
	    &(struct otlp_stage){.tool = st->tool,
		.name = st->name,
		.pipeline = h->pipeline,
		.uuid = h->uuid,
		.pid = h->pid,
		.run = t->run_is_traced ? &t->run : NULL});
	return t->otlp != NULL ? 0 : -1;
}

/* -1: st->error says why.  There may be no place: st->no_traces does. */
static int
open_file(struct stage *st, struct tracing *t)
{
	const struct statfile_header *h = statfile_header(st->stat);
	int dir = statfile_directory(st->stat);

	if (st->opt->trace_file != NULL) {
		if ((t->file = spanfile_open(st->opt->trace_file)) != NULL)
			return 0;
		snprintf(st->error, sizeof(st->error), "span file %s: %s", st->opt->trace_file,
		    errno == ENXIO ? "nobody reads this pipe" : strerror(errno));
		return -1;
	}
	if (t->settings.exporter == SETTINGS_CONSOLE)
		t->file = spanfile_to(STDERR_FILENO);
	else if (dir != -1)
		t->file = spanfile_create(dir, st->tool, h->pid, h->uuid);
	if (t->file == NULL)
		snprintf(st->no_traces, sizeof(st->no_traces),
		    "nothing is traced: %s; --trace-file FILE names a place for spans",
		    dir == -1 && *st->no_metrics != '\0' ? st->no_metrics : strerror(errno));
	return 0;
}

/* Long-lived children belong to the run. */
static int
open_environment(struct tracing *t)
{
	if (!t->run_is_traced)
		return 0;
	t->run_environment = variables_with(environ, &t->run, t->settings.state);
	return t->run_environment != NULL ? 0 : -1;
}

int
tracing_open(struct stage *st)
{
	struct tracing *t = calloc(1, sizeof(*t));
	enum trace_level level;
	int error = 0;

	if (t == NULL || settings_read(&t->settings) == -1)
		goto no_memory;
	level = decide_level(st->opt, &t->settings);
	if (level == TRACE_OFF)
		note_exporter(st, &t->settings);
	if (level == TRACE_OFF || (error = open_file(st, t)) == -1 || t->file == NULL) {
		tracing_free(t);
		return error;
	}
	t->records = level == TRACE_RECORDS;
	if (sampler_has_threshold(&t->settings.sampler))
		tracestate_set_threshold("", 0, t->settings.sampler.threshold, t->fresh_state);
	if (begin_run(st, t) == -1 || open_otlp(st, t) == -1 || open_environment(t) == -1)
		goto no_memory;
	if (t->records)
		traced_mark_pipe(STDOUT_FILENO);
	st->tracing = t;
	return 0;

no_memory:
	tracing_free(t);
	snprintf(st->error, sizeof(st->error), "out of memory");
	return -1;
}

void
tracing_free(struct tracing *t)
{
	if (t == NULL)
		return;
	if (t->tracer != NULL)
		(void)tracer_stop(t->tracer, NULL, NULL, 0, clock_now());
	spanfile_close(t->file);
	otlp_free(t->otlp);
	free(t->run_environment);
	span_free(t->span);
	settings_free(&t->settings);
	free(t);
}

/* A span leaves its trace as an exemplar; by the tracer's thread. */
static void
note_exemplars(void *arg, const struct span *s, int64_t offset)
{
	exemplars_note(arg, s, offset);
}

int
tracing_start(struct stage *st)
{
	struct tracing *t = st->tracing;

	if (t == NULL)
		return 0;
	t->tracer = tracer_start(&t->settings, t->otlp, t->file,
	    &(struct tracer_counters){.written = &st->spans->counter[METRIC_SPANS],
		.dropped = &st->spans->counter[METRIC_SPANS_DROPPED]},
	    &(struct tracer_listener){note_exemplars, statfile_exemplars(st->stat)});
	return t->tracer != NULL ? 0 : -1;
}

/* What the run's span says: how the process was started, and how it ended. */
struct facts {
	struct otlp_attribute attribute[ATTRIBUTES];
	size_t n;
	char names[REASON_COUNT][48];
	char signal[SIGNAME_SIZE];
};

static void
add_number(struct facts *f, const char *key, uint64_t number)
{
	f->attribute[f->n++] = (struct otlp_attribute){.key = key, .number = number};
}

static void
add_text(struct facts *f, const char *key, const char *text)
{
	f->attribute[f->n++] = (struct otlp_attribute){.key = key, .text = text};
}

static void
collect_facts(const struct stage *st, int status, int sig, struct facts *f)
{
	static const struct {
		const char *key;
		enum metric metric;
	} counts[] = {{"pchan.received", METRIC_RECEIVED}, {"pchan.processed", METRIC_PROCESSED},
	    {"pchan.filtered", METRIC_FILTERED}, {"pchan.unwritten", METRIC_UNWRITTEN},
	    {"pchan.retries", METRIC_RETRIES}};

	f->n = 0;
	add_text(f, "pchan.tool", st->tool);
	add_text(f, "pchan.stage", st->name);
	add_text(f, "process.command_line", statfile_header(st->stat)->argv);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		add_number(f, counts[i].key, metrics_get(st->metrics, counts[i].metric));
	add_number(f, "pchan.failed", metrics_failed(st->metrics));
	for (unsigned r = 0; r < REASON_COUNT; r++) {
		uint64_t n = metrics_get(st->metrics, METRIC_FAILED + r);

		if (n == 0)
			continue;
		snprintf(f->names[r], sizeof(f->names[r]), "pchan.failed.%s", reason_name(r));
		add_number(f, f->names[r], n);
	}
	if (sig != 0) {
		signame(sig, f->signal);
		add_text(f, "pchan.signal", f->signal);
	} else
		add_number(f, "process.exit.code", (uint64_t)status);
}

/* Records that should have had a span, and could carry no context. */
static void
describe_untraced(const struct tracing *t, char *line, size_t size)
{
	uint64_t without = atomic_load(&t->without), too_long = atomic_load(&t->too_long);
	uint64_t all = without + too_long;
	const char *why = "only a JSON object can carry a trace context";

	if (all == 0)
		return;
	if (without == 0)
		why = "--max-record has no room for a trace context";
	else if (too_long > 0)
		why = "only a JSON object can carry a trace context, and --max-record has no room "
		      "for some";
	snprintf(line, size, "%ju record%s not traced: %s", (uintmax_t)all,
	    all == 1 ? " was" : "s were", why);
}

/* Where they are written. */
static const char *
place_of_spans(const struct stage *st)
{
	if (st->opt->trace_file != NULL)
		return st->opt->trace_file;
	return st->tracing->settings.exporter == SETTINGS_CONSOLE ? "standard error"
								  : "the run directory";
}

/* What became of the spans, if not all were written. */
static void
describe_spans(const struct stage *st, struct tracer_counts counts, char *line, size_t size)
{
	if (counts.error != 0)
		snprintf(line, size, "spans could not be written to %s: %s; %ju of %ju are lost",
		    place_of_spans(st), strerror(counts.error), (uintmax_t)counts.dropped,
		    (uintmax_t)counts.all);
	else if (st->opt->quiet)
		return;
	else if (counts.dropped > 0)
		snprintf(line, size,
		    "%ju of %ju spans were dropped: there were more than the queue "
		    "(OTEL_BSP_MAX_QUEUE_SIZE) or the span files had room for",
		    (uintmax_t)counts.dropped, (uintmax_t)counts.all);
	else
		describe_untraced(st->tracing, line, size);
}

void
tracing_stop(struct stage *st, int status, int sig, char *line, size_t size)
{
	struct tracing *t = st->tracing;
	struct tracer_counts counts;
	struct facts facts;

	*line = '\0';
	if (t == NULL || t->tracer == NULL)
		return;
	collect_facts(st, status, sig, &facts);
	t->span->ended = clock_now();
	/* A reader that goes away is no error, unless there was one before. */
	if (status > 1 && (sig != SIGPIPE || *st->error != '\0'))
		span_fail(t->span, REASON_CANCELLED, st->error);
	counts = tracer_stop(t->tracer, t->run_is_traced ? t->span : NULL, facts.attribute, facts.n,
	    clock_after(clock_now(), LAST_SPANS));
	t->tracer = NULL;
	describe_spans(st, counts, line, size);
}

char *const *
tracing_environment(const struct stage *st)
{
	return st->tracing != NULL ? st->tracing->run_environment : NULL;
}
