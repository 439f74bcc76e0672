#include "traces.h"

#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

RB_HEAD(id_tree, trace);

struct traces {
	struct id_tree ids;
	size_t n;
	void *texts; /* one of each; tsearch(3) */
	struct trace **list;
};

static int
compare_ids(const struct trace *a, const struct trace *b)
{
	return memcmp(a->id, b->id, sizeof(a->id));
}

/* RB_GENERATE_STATIC relies on an __unused that glibc does not define. */
RB_GENERATE_INTERNAL(id_tree, trace, link, compare_ids, __attribute__((unused)) static)

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(a, b);
}

struct traces *
traces_new(void)
{
	struct traces *t = calloc(1, sizeof(*t));

	if (t != NULL)
		RB_INIT(&t->ids);
	return t;
}

static void
drop_spans(struct trace *trace)
{
	while (trace->n > 0)
		spanview_release(&trace->span[--trace->n]);
}

static void
free_trace(struct trace *trace)
{
	drop_spans(trace);
	free(trace->span);
	free(trace->stage);
	free(trace);
}

void
traces_free(struct traces *t)
{
	struct trace *trace;

	if (t == NULL)
		return;
	while ((trace = RB_MIN(id_tree, &t->ids)) != NULL) {
		RB_REMOVE(id_tree, &t->ids, trace);
		free_trace(trace);
	}
	tdestroy(t->texts, free);
	free(t->list);
	free(t);
}

/* The same text, which lasts as long as the set does. */
static const char *
lasting(struct traces *t, const char *text)
{
	void **found = tfind(text, &t->texts, compare_texts);
	char *copy;

	if (found != NULL)
		return *found;
	if ((copy = strdup(text)) == NULL)
		return NULL;
	if (tsearch(copy, &t->texts, compare_texts) == NULL) {
		free(copy);
		return NULL;
	}
	return copy;
}

static struct trace *
find(struct traces *t, const unsigned char *id)
{
	struct trace probe;

	memcpy(probe.id, id, sizeof(probe.id));
	return RB_FIND(id_tree, &t->ids, &probe);
}

static struct trace *
find_or_add(struct traces *t, const struct spanview *v)
{
	struct trace *trace = find(t, v->trace_id);

	if (trace != NULL || (trace = calloc(1, sizeof(*trace))) == NULL)
		return trace;
	memcpy(trace->id, v->trace_id, sizeof(trace->id));
	trace->begun = v->begun;
	trace->ended = v->ended;
	trace->only_runs = true;
	RB_INSERT(id_tree, &t->ids, trace);
	t->n++;
	return trace;
}

/* 1: the text is replaced; 0: it is the better one; -1: no memory. */
static int
improve(
    struct traces *t, struct trace_text *to, int rank, const struct spanview *v, const char *text)
{
	if (to->text != NULL && (rank > to->rank || (rank == to->rank && v->begun >= to->begun)))
		return 0;
	if ((text = lasting(t, text)) == NULL)
		return -1;
	*to = (struct trace_text){text, rank, v->begun};
	return 1;
}

static int
add_stage(struct traces *t, struct trace *trace, const struct spanview *v)
{
	struct trace_stage *s, new = {.begun = v->begun};
	size_t i = 0;

	while (i < trace->stages && strcmp(trace->stage[i].name, v->stage) != 0)
		i++;
	if (i == trace->stages) {
		if ((new.name = lasting(t, v->stage)) == NULL ||
		    (s = reallocarray(trace->stage, i + 1, sizeof(*s))) == NULL)
			return -1;
		trace->stage = s;
		trace->stage[trace->stages++] = new;
	} else if (v->begun >= trace->stage[i].begun)
		return 0;
	else
		new.name = trace->stage[i].name;
	for (s = trace->stage; i > 0 && s[i - 1].begun > new.begun; i--)
		s[i] = s[i - 1];
	s[i] = new;
	return 0;
}

int
traces_add(struct traces *t, const struct spanview *v)
{
	const bool has_line = v->line > 0;
	struct trace *trace = find_or_add(t, v);
	int about;

	if (trace == NULL || add_stage(t, trace, v) == -1)
		return -1;
	trace->spans++;
	if (v->begun < trace->begun)
		trace->begun = v->begun;
	if (v->ended > trace->ended)
		trace->ended = v->ended;
	trace->only_runs = trace->only_runs && v->kind == SPANVIEW_RUN;
	trace->failed = trace->failed || v->failed;
	if (v->failed &&
	    improve(t, &trace->reason, v->kind == SPANVIEW_FOREIGN, v,
		*v->reason != '\0' ? v->reason : "error") == -1)
		return -1;
	if ((about = improve(t, &trace->about, !has_line, v, has_line ? v->input : v->name)) == 1)
		trace->line = v->line;
	return about == -1 ? -1 : 0;
}

int
traces_keep(struct traces *t, const struct spanview *v)
{
	struct trace *trace = find(t, v->trace_id);
	size_t room;
	struct spanview *more;

	if (trace == NULL || !trace->wanted)
		return 0;
	if (trace->n == trace->room) {
		room = trace->room > 0 ? 2 * trace->room : 8;
		if ((more = reallocarray(trace->span, room, sizeof(*more))) == NULL)
			return -1;
		trace->span = more;
		trace->room = room;
	}
	trace->span[trace->n] = *v;
	spanview_keep(&trace->span[trace->n++]);
	return 0;
}

bool
traces_are_complete(struct trace **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i]->wanted && list[i]->n < list[i]->spans)
			return false;
	return true;
}

void
traces_drop_spans(struct trace **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		drop_spans(list[i]);
}

static int
compare_begins(const void *a, const void *b)
{
	const struct trace *x = *(struct trace *const *)a, *y = *(struct trace *const *)b;

	if (x->begun != y->begun)
		return x->begun < y->begun ? -1 : 1;
	return compare_ids(x, y);
}

struct trace **
traces_list(struct traces *t, size_t *n)
{
	struct trace **list = reallocarray(t->list, t->n + 1, sizeof(struct trace *)), *trace;

	if (list == NULL)
		return NULL;
	t->list = list;
	*n = 0;
	RB_FOREACH(trace, id_tree, &t->ids)
	list[(*n)++] = trace;
	qsort(list, *n, sizeof(struct trace *), compare_begins);
	return list;
}

static int
compare_durations(const void *a, const void *b)
{
	const struct trace *x = *(struct trace *const *)a, *y = *(struct trace *const *)b;
	const int64_t m = x->ended - x->begun, n = y->ended - y->begun;

	return m != n ? (m > n ? -1 : 1) : compare_begins(a, b);
}

size_t
traces_slowest(struct trace **list, size_t n)
{
	bool only_runs = true;
	size_t m = 0;

	for (size_t i = 0; i < n && only_runs; i++)
		only_runs = list[i]->only_runs;
	for (size_t i = 0; i < n; i++) {
		struct trace *trace = list[i];

		if (trace->only_runs != only_runs)
			continue;
		list[i] = list[m];
		list[m++] = trace;
	}
	qsort(list, m, sizeof(struct trace *), compare_durations);
	return m;
}

char *
traces_about(const struct trace *trace)
{
	char *text;
	int n;

	if (trace->line == 0)
		return strdup(trace->about.text);
	if (*trace->about.text == '\0')
		n = asprintf(&text, "line %" PRIu64, trace->line);
	else
		n = asprintf(&text, "line %" PRIu64 " of %s", trace->line, trace->about.text);
	return n == -1 ? NULL : text;
}
