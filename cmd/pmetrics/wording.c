#include "wording.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

#define LINES 2 /* that there are, and their columns */
#define COLUMNS 78
#define NAME_COLUMNS 28 /* of a part */
#define WORD_SIZE 160   /* of a name, a number or a list */
#define WAITS 0.5       /* of the time; less is not told */

/* A text that grows by sentences. */
struct wording {
	const struct model *m;
	char *text;
	size_t len;
};

/* Adds a sentence that has to be there. */
static void __attribute__((format(printf, 2, 3))) say(struct wording *w, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(w->text + w->len, MODEL_TEXT_SIZE - w->len, format, ap);
	va_end(ap);
	if (n > 0)
		w->len += strlen(w->text + w->len);
}

/* Whether the text fits when its lines are broken at blanks. */
static bool
fits(const char *text)
{
	for (int line = 0; line < LINES; line++) {
		size_t len = strlen(text), fit = utf8_fit(text, len, COLUMNS), at = fit;

		if (fit == len)
			return true;
		while (at > 0 && text[at] != ' ')
			at--;
		text += at > 0 ? at + 1 : fit;
	}
	return false;
}

/* Adds a sentence if there is room. */
static void __attribute__((format(printf, 2, 3))) add(struct wording *w, const char *format, ...)
{
	char more[MODEL_TEXT_SIZE], whole[2 * MODEL_TEXT_SIZE];
	va_list ap;
	int n;

	va_start(ap, format);
	vsnprintf(more, sizeof(more), format, ap);
	va_end(ap);
	n = snprintf(whole, sizeof(whole), "%s%s", w->text, more);
	if (n > 0 && n < MODEL_TEXT_SIZE && fits(whole))
		say(w, "%s", more);
}

/* Up to three places, and no zeros behind the point. */
static void
put_number(char *text, size_t size, double n)
{
	int places = n < 0.9995 ? 2 : n < 99.95 ? 1 : 0;

	snprintf(text, size, "%.*f", places, n);
	for (size_t len = strlen(text); places-- > 0 && text[len - 1] == '0';)
		text[--len] = '\0';
	if (text[strlen(text) - 1] == '.')
		text[strlen(text) - 1] = '\0';
}

/* 412, 1.2k, 34M. */
static const char *
count(double n, char text[WORD_SIZE])
{
	static const char unit[] = "kMGT";
	char mark[2] = "";

	for (size_t i = 0; n >= 999.5 && i < sizeof(unit) - 1; i++) {
		n /= 1000;
		mark[0] = unit[i];
	}
	put_number(text, WORD_SIZE / 2, n);
	strcat(text, mark);
	return text;
}

/* 19.4 ms, 42 s, 3 min. */
static const char *
span(double s, char text[WORD_SIZE])
{
	static const struct {
		double less, unit;
		const char *name;
	} table[] = {{999.5e-6, 1e-6, "us"}, {0.9995, 1e-3, "ms"}, {120, 1, "s"}, {7200, 60, "min"},
	    {INFINITY, 3600, "h"}};
	size_t i = 0;

	while (s >= table[i].less)
		i++;
	put_number(text, WORD_SIZE / 2, s / table[i].unit);
	strcat(strcat(text, " "), table[i].name);
	return text;
}

static double
percent(double fraction)
{
	return round(100 * fmax(0, fmin(1, fraction)));
}

static const char *
name(const struct wording *w, size_t part, char text[WORD_SIZE])
{
	const char *whole = w->m->part[part].name;
	size_t len = strlen(whole), head = utf8_fit(whole, len, NAME_COLUMNS);

	if (head == len)
		return strcpy(text, whole);
	head = utf8_fit(whole, len, NAME_COLUMNS - 3);
	memcpy(text, whole, head);
	strcpy(text + head, "...");
	return text;
}

/* "a", "a and b", "a, b and c": what has no room is left out. */
static void
names(
    const struct wording *w, size_t n, const size_t part[], const char *last, char text[WORD_SIZE])
{
	char one[WORD_SIZE];

	text[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(text);

		snprintf(text + len, WORD_SIZE - len, "%s%s",
		    i == 0          ? ""
			: i + 1 < n ? ", "
				    : last,
		    name(w, part[i], one));
	}
}

/* How the processors are, where that is no advice. */
static void
add_cpus(struct wording *w)
{
	double idle = w->m->cpu_idle;

	if (idle < 0.05)
		add(w, " The CPUs are full.");
}

/*
 * Who waits for the part: the stage before it that is blocked most, or else the
 * one behind it that starves most.
 */
static void
add_waiting(struct wording *w, size_t part)
{
	const struct edge *before = NULL, *behind = NULL;
	char text[WORD_SIZE];

	for (size_t i = 0; i < w->m->n_edges; i++) {
		const struct edge *e = &w->m->edge[i];

		if (e->to == part && e->out_wait >= (before != NULL ? before->out_wait : WAITS))
			before = e;
		if (e->from == part && e->in_wait >= (behind != NULL ? behind->in_wait : WAITS))
			behind = e;
	}
	if (before != NULL)
		add(w, " %s waits for it %.0f%%.", name(w, before->from, text),
		    percent(before->out_wait));
	else if (behind != NULL)
		add(w, " %s waits for it %.0f%%.", name(w, behind->to, text),
		    percent(behind->in_wait));
}

static void
add_others(struct wording *w, const struct verdict *v)
{
	char text[WORD_SIZE];

	if (v->n_also == 0)
		return;
	names(w, v->n_also, v->also, " and ", text);
	add(w, " %s %s.", text,
	    v->n_also == 1 ? "holds up another branch" : "hold up other branches");
}

static void
add_earlier(struct wording *w, const struct verdict *v)
{
	char text[WORD_SIZE];

	if (v->changed)
		add(w, " %s it waited mostly for %s.",
		    v->kind == VERDICT_ENDED ? "Before that" : "In the last minute",
		    name(w, v->earlier, text));
}

/* "enrich is the bottleneck: " */
static void
say_bottleneck(struct wording *w, const struct verdict *v)
{
	char text[WORD_SIZE];

	say(w, "%s is %sthe bottleneck", name(w, v->part, text), v->mostly ? "mostly " : "");
}

/* A record, or many of them: with --batch an attempt has as many as it ends. */
static const char *
unit_of(const struct part *p)
{
	double attempts = p->busy * p->workers / p->mean;

	return p->stage != NULL && p->stage->header.mode == STAGE_EXECS &&
		p->results > 1.5 * attempts
	    ? "a batch"
	    : "a record";
}

static void
say_pool(struct wording *w, const struct verdict *v)
{
	const struct part *p = &w->m->part[v->part];
	double idle = w->m->cpu_idle;
	char text[WORD_SIZE];

	say_bottleneck(w, v);
	/* No record is waited for: the rest goes into starts. */
	if (p->busy < 0.85)
		say(w, ": starting processes takes %.0f%% of the workers' time",
		    percent(1 - p->busy));
	else
		say(w, ": %.0f of %u workers busy", round(p->busy * p->workers), p->workers);
	if (p->mean > 0)
		say(w, ", %s %s", span(p->mean, text), unit_of(p));
	if (p->results > 0 && p->busy < 0.85)
		say(w, ", %s/s", count(p->results, text));
	else if (p->results > 0)
		say(w, ", %s/s at most", count(p->results / p->busy, text));
	say(w, ".");
	if (v->more > 0)
		add(w, " CPUs %.0f%% idle: more workers would help (-j %.0f).", percent(idle),
		    v->more);
	else if (idle >= 0.05)
		add(w, " The CPUs are %.0f%% busy.", percent(1 - idle));
}

static void
say_work(struct wording *w, const struct verdict *v)
{
	const struct part *p = &w->m->part[v->part];
	bool filters = p->stage != NULL && p->stage->header.mode == STAGE_FILTERS;
	char text[WORD_SIZE];

	say_bottleneck(w, v);
	say(w, ": %s", filters ? "its filters take" : "its own work takes");
	if (p->results > 0)
		say(w, " all the time, at %s/s.", count(p->results, text));
	else
		say(w, " all the time.");
}

/* A pool that has workers to spare, and does not read on. */
static void
say_order(struct wording *w, const struct verdict *v)
{
	const struct part *p = &w->m->part[v->part];
	char text[WORD_SIZE], age[WORD_SIZE];

	if (p->oldest >= 1 && !(p->oldest < 3 * p->mean))
		say(w, "one slow record, given %s ago, holds up the order of %s (-k)",
		    span(p->oldest, age), name(w, v->part, text));
	else if (p->retries > 0)
		say(w, "records that are tried again hold up %s", name(w, v->part, text));
	else
		say(w, "slow records hold up the order of %s (-k, or one key)",
		    name(w, v->part, text));
	say(w, ": %.0f of %u workers busy.", round(p->busy * p->workers), p->workers);
}

static void
say_silent(struct wording *w, const struct verdict *v)
{
	const struct part *p = &w->m->part[v->part];
	char text[WORD_SIZE];

	say(w, "%s gives no results: ", name(w, v->part, text));
	if (p->busy_workers == 0)
		say(w, "it holds %s record%s.", count((double)p->held, text),
		    p->held == 1 ? "" : "s");
	else if (p->busy_workers == 1)
		say(w, "an attempt takes %s already.", span(p->oldest, text));
	else
		say(w, "%u attempts, the oldest for %s.", p->busy_workers, span(p->oldest, text));
}

static void
say_rate(struct wording *w, const struct verdict *v)
{
	const struct part *p = &w->m->part[v->part];
	char text[WORD_SIZE];

	say(w, "%s holds the pipeline to its rate", name(w, v->part, text));
	if (p->limit > 0)
		say(w, " of %s%s/s", count(p->limit, text), p->by_bytes ? " bytes" : "");
	say(w, ", on purpose.");
}

static void
say_program(struct wording *w, const struct verdict *v)
{
	const struct part *p = &w->m->part[v->part];
	char text[WORD_SIZE];
	size_t part[1 + VERDICT_MORE] = {v->part};

	memcpy(part + 1, v->beside, sizeof(v->beside));
	names(w, 1 + v->n_beside, part, " or ", text);
	say(w, "%s%s is %sthe bottleneck.", text, p->kind == PART_PROGRAM ? " (not pchan)" : "",
	    v->mostly ? "mostly " : "");
	if (p->cpu >= WAITS)
		add(w, " It uses %.0f%% of a CPU.", 100 * p->cpu);
}

static void
say_source(struct wording *w, const struct verdict *v)
{
	const struct part *p = &w->m->part[v->part];
	char text[WORD_SIZE];
	const char *quote = p->kind == PART_PROGRAM ? "`" : "";
	size_t part[1 + VERDICT_MORE] = {v->part};

	memcpy(part + 1, v->also, sizeof(v->also));
	names(w, 1 + v->n_also, part, " and ", text);
	if (v->n_also > 0)
		quote = "";
	say(w, "the pipeline %skeeps up: it waits for %s%s%s.", v->mostly ? "mostly " : "", quote,
	    text, quote);
	if (p->lag > 0 && v->n_also == 0)
		add(w, " Its lag is %s.", count(p->lag, text));
}

static void
say_backlog(struct wording *w, const struct verdict *v)
{
	const struct part *p = &w->m->part[v->part];
	char text[WORD_SIZE], left[WORD_SIZE], rate[WORD_SIZE];

	say(w, "catching up, about %s: ", span(fmax(1, round(v->seconds)), text));
	say(w, "%s records are left, and nothing new comes.", count(v->left, left));
	if (p->results > 0)
		add(w, " %s does %s/s.", name(w, v->part, text), count(p->results, rate));
}

static double
failures(const struct model *m)
{
	double sum = 0;

	for (size_t i = 0; i < m->n; i++)
		for (unsigned r = 0; r < REASON_COUNT && m->part[i].stage != NULL; r++)
			sum += (double)atomic_load_explicit(
			    &m->part[i].stage->sum.counter[METRIC_FAILED + r],
			    memory_order_relaxed);
	return sum;
}

/* The worst end of a stage. */
static size_t
worst(const struct model *m)
{
	static const int order[EXIT_COUNT] = {[EXIT_OK] = 0,
	    [EXIT_RECORDS] = 1,
	    [EXIT_SIGNAL] = 2,
	    [EXIT_ERROR] = 3,
	    [EXIT_KILLED] = 4};
	size_t found = 0;
	int most = -1;

	for (size_t i = 0; i < m->n; i++)
		if (m->part[i].kind == PART_STAGE && order[m->part[i].how] > most) {
			most = order[m->part[i].how];
			found = i;
		}
	return found;
}

static void
say_end(struct wording *w)
{
	char text[WORD_SIZE], records[WORD_SIZE];
	size_t part = worst(w->m);
	enum statfile_exit how = w->m->part[part].how;
	double failed = failures(w->m);

	say(w, "ended after %s: ", span(w->m->up, text));
	name(w, part, text);
	if (how == EXIT_KILLED)
		say(w, "%s was killed.", text);
	else if (how == EXIT_ERROR)
		say(w, "%s failed; its message says why.", text);
	else if (how == EXIT_SIGNAL)
		say(w, "it was stopped.");
	else if (failed > 0)
		say(w, "%s record%s failed.", count(failed, records), failed == 1 ? "" : "s");
	else
		say(w, "all records succeeded.");
}

static void
say_all(struct wording *w, const struct verdict *v)
{
	switch (v->kind) {
	case VERDICT_MEASURING:
		say(w, "measuring");
		return;
	case VERDICT_ENDED:
		say_end(w);
		return;
	case VERDICT_BALANCED:
		say(w, "balanced: no part holds up the others.");
		add_cpus(w);
		return;
	case VERDICT_KEEPS_UP:
		say_source(w, v);
		add_cpus(w);
		return;
	case VERDICT_CATCHING_UP:
		say_backlog(w, v);
		add_cpus(w);
		return;
	case VERDICT_POOL:
		say_pool(w, v);
		break;
	case VERDICT_WORK:
		say_work(w, v);
		break;
	case VERDICT_ORDER:
		say_order(w, v);
		break;
	case VERDICT_SILENT:
		say_silent(w, v);
		break;
	case VERDICT_RATE:
		say_rate(w, v);
		break;
	case VERDICT_PROGRAM:
		say_program(w, v);
		break;
	}
	if (v->kind != VERDICT_RATE) /* no processor would change that */
		add_cpus(w);
	add_others(w, v);
	if (v->kind != VERDICT_RATE)
		add_waiting(w, v->part);
}

void
wording_verdict(const struct model *m, const struct verdict *v, char text[MODEL_TEXT_SIZE])
{
	struct wording w = {.m = m, .text = text};

	text[0] = '\0';
	say_all(&w, v);
	add_earlier(&w, v);
	utf8_tame(text, w.len, ""); /* a character at the end may be cut */
}
