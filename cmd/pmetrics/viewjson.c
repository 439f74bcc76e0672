#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/reason.h"
#include "base/utf8.h"
#include "doing.h"
#include "metrics/statview.h"
#include "viewjson.h"

static const char *const part_kinds[] = {
    [PART_STAGE] = "stage",
    [PART_PROGRAM] = "program",
    [PART_UNSEEN] = "unseen",
    [PART_FILE] = "file",
    [PART_ENGINE] = "engine",
};

static const char *const verdict_kinds[] = {
    [VERDICT_MEASURING] = "measuring",
    [VERDICT_ENDED] = "ended",
    [VERDICT_BALANCED] = "balanced",
    [VERDICT_POOL] = "pool",
    [VERDICT_WORK] = "work",
    [VERDICT_ORDER] = "order",
    [VERDICT_SILENT] = "silent",
    [VERDICT_RATE] = "rate",
    [VERDICT_PROGRAM] = "program",
    [VERDICT_KEEPS_UP] = "keeps_up",
    [VERDICT_CATCHING_UP] = "catching_up",
};

/* What is written at the part that a verdict names; none is named: NULL. */
static const char *const marks[] = {
    [VERDICT_MEASURING] = NULL,
    [VERDICT_ENDED] = NULL,
    [VERDICT_BALANCED] = NULL,
    [VERDICT_POOL] = "bottleneck",
    [VERDICT_WORK] = "bottleneck",
    [VERDICT_ORDER] = "slow record",
    [VERDICT_SILENT] = "no results",
    [VERDICT_RATE] = "on purpose",
    [VERDICT_PROGRAM] = "bottleneck",
    [VERDICT_KEEPS_UP] = "waited for",
    [VERDICT_CATCHING_UP] = "catching up",
};

static const char *const modes[STAGE_MODES] = {
    [STAGE_PASSES] = "pass",
    [STAGE_LIMITS] = "limit",
    [STAGE_CHECKS] = "check",
    [STAGE_MAPS] = "map",
    [STAGE_EXECS] = "exec",
    [STAGE_FILTERS] = "filter",
    [STAGE_SPREADS] = "spread",
};

/* Infinity has no place in JSON, either. */
static json_t *
number(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}

/* What a stat file has may be any bytes. */
static json_t *
text(const char *s)
{
	char tamed[MODEL_TEXT_SIZE];

	strlcpy(tamed, s, sizeof(tamed));
	utf8_tame(tamed, strlen(tamed), "");
	return json_string(tamed);
}

static json_t *
name_of(const char *const *names, size_t n, size_t i)
{
	return i < n ? json_string(names[i]) : json_null();
}

static json_t *
count(const struct metrics_shard *sum, enum metric c)
{
	return json_integer((json_int_t)sum->counter[c]);
}

/*
 * Adds a member, or an item.  Where that fails, *object becomes NULL, and stays
 * so.
 */
static void
put(json_t **object, const char *key, json_t *value)
{
	if (json_object_set_new(*object, key, value) == -1) {
		json_decref(*object);
		*object = NULL;
	}
}

static void
append(json_t **array, json_t *value)
{
	if (json_array_append_new(*array, value) == -1) {
		json_decref(*array);
		*array = NULL;
	}
}

/* By reason, as in pipeline_failed_total. */
static json_t *
failed_json(const struct metrics_shard *sum)
{
	json_t *object = json_object();

	for (int r = 0; r < REASON_COUNT; r++)
		put(&object, reason_name(r), count(sum, METRIC_FAILED + r));
	put(&object, "unwritten", count(sum, METRIC_UNWRITTEN));
	return object;
}

static json_t *
totals_json(const struct metrics_shard *sum)
{
	json_t *object = json_object();

	put(&object, "received", count(sum, METRIC_RECEIVED));
	put(&object, "processed", count(sum, METRIC_PROCESSED));
	put(&object, "filtered", count(sum, METRIC_FILTERED));
	put(&object, "failed", failed_json(sum));
	put(&object, "bypassed", count(sum, METRIC_BYPASSED));
	put(&object, "blank", count(sum, METRIC_BLANK));
	put(&object, "written", count(sum, METRIC_WRITTEN));
	put(&object, "retries", count(sum, METRIC_RETRIES));
	put(&object, "read_bytes", count(sum, METRIC_BYTES_IN));
	put(&object, "written_bytes", count(sum, METRIC_BYTES_OUT));
	return object;
}

static json_t *
waits_json(const struct part *p)
{
	json_t *object = json_object();

	put(&object, "input", number(p->input));
	put(&object, "output", number(p->output));
	put(&object, "workers", number(p->own));
	put(&object, "rate", number(p->rate));
	return object;
}

static json_t *
rates_json(const struct part *p)
{
	json_t *object = json_object();

	put(&object, "in", number(p->in));
	put(&object, "out", number(p->out));
	put(&object, "bytes_in", number(p->bytes_in));
	put(&object, "bytes_out", number(p->bytes_out));
	put(&object, "retries", number(p->retries));
	put(&object, "restarts", number(p->restarts));
	return object;
}

/* The rate that pratelimit keeps; null for all others. */
static json_t *
limit_json(const struct part *p)
{
	json_t *object;

	if (p->stage->header.mode != STAGE_LIMITS)
		return json_null();
	object = json_object();
	put(&object, "rate", number(p->limit));
	put(&object, "unit", json_string(p->by_bytes ? "bytes" : "records"));
	return object;
}

static json_t *
workers_json(const struct part *p)
{
	json_t *object = json_object();

	put(&object, "all", json_integer(p->workers));
	put(&object, "busy", p->pool ? json_integer(p->busy_workers) : json_null());
	return object;
}

/* Of the attempts that ended in the window. */
static json_t *
latency_json(const struct part *p)
{
	json_t *object = json_object();

	put(&object, "mean", number(p->mean));
	put(&object, "p50", number(p->p50));
	put(&object, "p99", number(p->p99));
	return object;
}

static json_t *
history_json(const struct part *p)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < p->n_history; i++)
		append(&array, number(p->history[i]));
	return array;
}

/* Adds what only a stage has. */
static void
put_stage(json_t **object, const struct part *p, const struct doing *doing)
{
	const struct statfile_header *h = &p->stage->header;

	put(object, "tool", text(h->tool));
	put(object, "mode", name_of(modes, STAGE_MODES, h->mode));
	put(object, "argv", text(h->argv));
	put(object, "state", json_string(doing->word));
	put(object, "share", number(doing->share));
	put(object, "exit", p->ended ? json_string(statview_exit_name(p->how)) : json_null());
	put(object, "up", number(p->up));
	put(object, "waits", waits_json(p));
	put(object, "busy", number(p->pool ? p->busy : NAN));
	put(object, "rates", rates_json(p));
	put(object, "limit", limit_json(p));
	put(object, "workers", workers_json(p));
	put(object, "latency", latency_json(p));
	put(object, "oldest", number(p->oldest));
	put(object, "held", json_integer((json_int_t)p->held));
	put(object, "held_before", json_integer((json_int_t)p->held_before));
	put(object, "totals", totals_json(&p->stage->sum));
	put(object, "history", history_json(p));
}

/* What the helper has said; of each partition the lag. */
static void
put_engine(json_t **object, const struct part *p)
{
	const struct look_stage *s = p->teller;
	json_t *partitions = json_object();

	for (size_t i = 0; s != NULL && i < s->n_said; i++) {
		char name[SAID_PARTITION_SIZE];

		if (s->said[i].link != p->link || s->said[i].what != SAID_LAG ||
		    s->said[i].partition[0] == '\0')
			continue;
		strlcpy(name, s->said[i].partition, sizeof(name));
		utf8_tame(name, strlen(name), "");
		put(&partitions, name, json_integer((json_int_t)s->said[i].value));
	}
	put(object, "lag", number(p->lag));
	put(object, "unacknowledged", number(p->unacknowledged));
	put(object, "partitions", partitions);
}

static json_t *
part_json(const struct part *p, size_t id)
{
	json_t *object = json_object();
	struct doing doing;

	doing_of(p, &doing);
	put(&object, "id", json_integer((json_int_t)id));
	put(&object, "name", text(p->name));
	put(&object, "kind", json_string(part_kinds[p->kind]));
	put(&object, "pid", p->pid > 0 ? json_integer(p->pid) : json_null());
	put(&object, "doing", json_string(doing.text));
	if (p->kind == PART_STAGE)
		put_stage(&object, p, &doing);
	else if (p->kind == PART_ENGINE)
		put_engine(&object, p);
	else
		put(&object, "cpu", number(p->cpu));
	return object;
}

static json_t *
link_json(const struct edge *e)
{
	json_t *object = json_object();

	put(&object, "from", json_integer((json_int_t)e->from));
	put(&object, "to", json_integer((json_int_t)e->to));
	put(&object, "name", text(e->name));
	put(&object, "out_wait", number(e->out_wait));
	put(&object, "in_wait", number(e->in_wait));
	return object;
}

static json_t *
verdict_json(const struct model *m)
{
	const struct verdict *v = &m->verdict;
	const bool named = marks[v->kind] != NULL && v->part < m->n;
	json_t *object = json_object();

	put(&object, "kind", json_string(verdict_kinds[v->kind]));
	put(&object, "part", named ? json_integer((json_int_t)v->part) : json_null());
	put(&object, "mark", named ? json_string(marks[v->kind]) : json_null());
	put(&object, "score", number(v->score));
	put(&object, "mostly", json_boolean(v->mostly));
	put(&object, "more", v->more > 0 ? number(v->more) : json_null());
	put(&object, "seconds", number(v->kind == VERDICT_CATCHING_UP ? v->seconds : NAN));
	put(&object, "text", text(m->text));
	return object;
}

static json_t *
pipeline_json(const struct model *m)
{
	json_t *parts = json_array(), *links = json_array(), *object = json_object();

	for (size_t i = 0; i < m->n; i++)
		append(&parts, part_json(&m->part[i], i));
	for (size_t i = 0; i < m->n_edges; i++)
		append(&links, link_json(&m->edge[i]));
	put(&object, "name", text(m->name));
	put(&object, "up", number(m->up));
	put(&object, "seconds", number(m->seconds));
	put(&object, "verdict", verdict_json(m));
	put(&object, "cpus", number(m->cpus));
	put(&object, "cpu_idle", number(m->cpu_idle));
	put(&object, "parts", parts);
	put(&object, "links", links);
	return object;
}

static json_t *
files_json(const struct view *view)
{
	json_t *object = json_object();

	put(&object, "live", json_integer((json_int_t)view->live));
	put(&object, "dead", json_integer((json_int_t)view->dead));
	put(&object, "skipped", json_integer((json_int_t)view->skipped));
	return object;
}

json_t *
view_json(const struct view *view)
{
	char stamp[CLOCK_STAMP_SIZE];
	json_t *pipelines = json_array(), *object = json_object();

	for (size_t i = 0; i < view->n; i++)
		append(&pipelines, pipeline_json(&view->pipeline[i]));
	clock_stamp(view->calendar, stamp);
	put(&object, "time", json_string(stamp));
	put(&object, "window", number(view->window));
	put(&object, "files", files_json(view));
	put(&object, "pipelines", pipelines);
	if (object == NULL)
		errno = ENOMEM;
	return object;
}
