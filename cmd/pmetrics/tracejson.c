#include "tracejson.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "lineage.h"
#include "steps.h"
#include "traces.h"

static json_t *
text_or_null(const char *text)
{
	return text != NULL && *text != '\0' ? json_string(text) : json_null();
}

static json_t *
seconds(int64_t ns)
{
	return json_real((double)ns / 1e9);
}

static json_t *
id_of(const unsigned char *id, size_t n)
{
	char text[2 * CONTEXT_TRACE_ID + 1];

	hex_print(id, n, text);
	return json_string(text);
}

static json_t *
step_json(const struct step *s, int64_t zero)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "step", steps_key(s->kind), "number",
	    s->number > 0 ? json_integer((json_int_t)s->number) : json_null(), "at",
	    seconds(s->begun - zero), "duration", seconds(s->ended - s->begun), "outcome",
	    text_or_null(s->outcome));
}

/* NULL: no memory. */
static json_t *
steps_json(const struct spanview *v, int64_t zero)
{
	json_t *all = json_array();
	struct step *step;
	ssize_t n = v->kind == SPANVIEW_RECORD ? steps_of(v, &step) : 0;
	int failed = n == -1;

	for (ssize_t i = 0; i < n; i++)
		failed |= json_array_append_new(all, step_json(&step[i], zero));
	if (n > 0)
		free(step);
	if (failed == 0)
		return all;
	json_decref(all);
	return NULL;
}

/* What is not told as steps. */
static json_t *
events_json(const struct spanview *v, int64_t zero)
{
	json_t *all = json_array(), *event;
	size_t i;
	int64_t at;

	if (v->kind != SPANVIEW_RECORD)
		for (i = 0; (event = json_array_get(json_object_get(v->json, "events"), i)) != NULL;
		     i++) {
			bool known = spanview_time(event, "timeUnixNano", &at);

			json_array_append_new(all,
			    json_pack("{s:O?, s:o, s:o}", "name", json_object_get(event, "name"),
				"at", known ? seconds(at - zero) : json_null(), "attributes",
				spanview_attributes(event)));
		}
	return all;
}

static json_t *
span_json(const struct kin *kin, int64_t zero)
{
	static const char *const kinds[] = {
	    [SPANVIEW_RECORD] = "record", [SPANVIEW_RUN] = "run", [SPANVIEW_FOREIGN] = "other"};
	const struct spanview *v = kin->span;

	return json_pack(
	    "{s:o, s:o, s:s, s:o, s:o, s:i, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}",
	    "span_id", id_of(v->span_id, sizeof(v->span_id)), "parent_id",
	    spanview_has_parent(v) ? id_of(v->parent, sizeof(v->parent)) : json_null(), "kind",
	    kinds[v->kind], "stage", text_or_null(v->stage), "name", text_or_null(v->name),
	    "indent", (int)kin->indent, "at", seconds(v->begun - zero), "duration",
	    seconds(v->ended - v->begun), "status", v->failed ? "error" : "ok", "reason",
	    text_or_null(v->reason), "message", text_or_null(v->message), "steps",
	    steps_json(v, zero), "events", events_json(v, zero), "attributes",
	    spanview_attributes(v->json), "resource", spanview_attributes(v->resource));
}

static json_t *
spans_json(const struct trace *t)
{
	json_t *all = json_array();
	struct kin *kin;
	ssize_t n = lineage_of(t->span, t->n, &kin);
	int failed = n == -1;

	for (ssize_t i = 0; i < n; i++)
		failed |= json_array_append_new(all, span_json(&kin[i], t->begun));
	if (n != -1)
		free(kin);
	if (failed == 0)
		return all;
	json_decref(all);
	return NULL;
}

static json_t *
stages_json(const struct trace *t)
{
	json_t *all = json_array();

	for (size_t i = 0; i < t->stages; i++)
		json_array_append_new(all, json_string(t->stage[i].name));
	return all;
}

json_t *
trace_json(const struct trace *t, bool spans)
{
	char began[CLOCK_STAMP_SIZE];
	char *about = traces_about(t);
	const bool has_line = t->line > 0;
	json_t *all;

	clock_stamp(t->begun / 1000, began);
	all = json_pack("{s:o, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "trace_id",
	    id_of(t->id, sizeof(t->id)), "began", began, "duration", seconds(t->ended - t->begun),
	    "status", t->failed ? "error" : "ok", "reason", text_or_null(t->reason.text), "record",
	    text_or_null(about), "input", text_or_null(has_line ? t->about.text : NULL), "line",
	    has_line ? json_integer((json_int_t)t->line) : json_null(), "stages", stages_json(t));
	free(about);
	if (all != NULL && spans && json_object_set_new(all, "spans", spans_json(t)) == -1) {
		json_decref(all);
		all = NULL;
	}
	if (all == NULL)
		errno = ENOMEM;
	return all;
}
