#include "series.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "exposition.h"

/* Names. */

/* The name as a label has it; *failed if there is no memory. */
static char *
clean(const char *name, bool tame, bool *failed)
{
	size_t len;
	char *text = utf8_clean(name, strlen(name), &len);

	if (text == NULL)
		*failed = true;
	else if (tame)
		utf8_tame(text, len, "");
	return text;
}

static int
set_names(struct series *s, const char *stage, const char *tool, const char *pipeline, bool tame)
{
	bool failed = false;

	s->stage = clean(stage, tame, &failed);
	s->tool = clean(tool, tame, &failed);
	s->pipeline = *pipeline != '\0' ? clean(pipeline, tame, &failed) : NULL;
	return failed ? -1 : 0;
}

static int
compare_texts(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "");
}

static int
compare(const void *left, const void *right)
{
	const struct series *a = left, *b = right;
	int order;

	if ((order = compare_texts(a->pipeline, b->pipeline)) != 0 ||
	    (order = strcmp(a->stage, b->stage)) != 0)
		return order;
	return strcmp(a->tool, b->tool);
}

/* Numbers. */

static uint64_t
difference(const struct metrics_shard *sum, enum metric begun, enum metric ended)
{
	uint64_t in = sum->counter[begun], out = sum->counter[ended];

	return in > out ? in - out : 0;
}

static double
later(double a, double b)
{
	return a > b ? a : b;
}

static double
earlier(double a, double b)
{
	return a > 0 && (a < b || b <= 0) ? a : b;
}

/* What is received and has not ended, in one shard that is the sum of all. */
static uint64_t
held(struct metrics_shard *sum)
{
	return metrics_held(&(struct metrics){1, sum});
}

static bool
has_mode(uint64_t modes, enum statfile_mode mode)
{
	return (modes >> mode & 1) != 0;
}

/* Which numbers stages of these modes have, be they zero. */
static void
set_modes(struct series *s, uint64_t modes)
{
	s->pool = has_mode(modes, STAGE_MAPS) || has_mode(modes, STAGE_EXECS);
	s->queues = s->pool || has_mode(modes, STAGE_LIMITS) || has_mode(modes, STAGE_CHECKS) ||
	    has_mode(modes, STAGE_FILTERS);
}

/* What only a process that lives has. */
static void
set_gauges(struct series *s, const struct look *look, const struct look_stage *stage)
{
	const struct statfile_header *h = &stage->header;
	uint64_t bits = h->rate;
	double rate;

	s->live = 1;
	memcpy(&s->exemplars, &stage->exemplars, sizeof(s->exemplars));
	s->held = held(&s->sum);
	s->backlog = difference(&s->sum, METRIC_QUEUED, METRIC_TAKEN);
	s->in_flight = difference(&s->sum, METRIC_GIVEN, METRIC_ENDED);
	s->retrying = difference(&s->sum, METRIC_RETRY_IN, METRIC_RETRY_OUT);
	s->capacity = h->capacity;
	s->last_record = (double)s->sum.counter[METRIC_LAST_RECORD_US] / 1e6;
	s->last_result = (double)s->sum.counter[METRIC_LAST_RESULT_US] / 1e6;
	if (s->pool) {
		s->workers = h->workers;
		s->busy = stage->busy < h->workers ? stage->busy : h->workers;
		if (stage->same_clock && stage->oldest > 0)
			s->oldest = (double)look->calendar / 1e6 -
			    (double)(look->now - stage->oldest) / 1e9;
	}
	if (h->mode == STAGE_LIMITS || bits != 0) {
		memcpy(&rate, &bits, sizeof(rate));
		s->limit[h->by_bytes ? LIMIT_BYTES : LIMIT_RECORDS] = rate;
	}
}

static int
set_stage(struct series *s, const struct look *look, const struct look_stage *stage, bool tame)
{
	const struct statfile_header *h = &stage->header;

	memcpy(&s->sum, &stage->sum, sizeof(s->sum));
	set_modes(s, UINT64_C(1) << h->mode);
	if (stage->live)
		set_gauges(s, look, stage);
	else
		s->exits[look_exit(stage)] = 1;
	return set_names(s, h->name, h->tool, h->pipeline, tame);
}

static int
set_retired(struct series *s, const struct retired_entry *entry, bool tame)
{
	memcpy(&s->sum, &entry->sum, sizeof(s->sum));
	memcpy(s->exits, entry->exits, sizeof(s->exits));
	set_modes(s, entry->modes);
	return set_names(s, entry->name, entry->tool, entry->pipeline, tame);
}

/* Adds the numbers of a series with the same labels. */
static void
add(struct series *to, struct series *from)
{
	metrics_sum(&(struct metrics){1, &from->sum}, 0, &to->sum);
	for (int i = 0; i < EXIT_COUNT; i++)
		to->exits[i] += from->exits[i];
	to->pool = to->pool || from->pool;
	to->queues = to->queues || from->queues;
	to->live += from->live;
	to->held += from->held;
	to->backlog += from->backlog;
	to->in_flight += from->in_flight;
	to->retrying += from->retrying;
	to->capacity += from->capacity;
	to->workers += from->workers;
	to->busy += from->busy;
	for (int i = 0; i < LIMITS; i++)
		to->limit[i] += from->limit[i];
	to->last_record = later(to->last_record, from->last_record);
	to->last_result = later(to->last_result, from->last_result);
	to->oldest = earlier(to->oldest, from->oldest);
	exemplars_merge(&to->exemplars, &from->exemplars);
}

static void
free_names(struct series *s)
{
	free(s->stage);
	free(s->tool);
	free(s->pipeline);
	free(s->labels);
}

void
series_free(struct series_list *f)
{
	for (size_t i = 0; i < f->n; i++)
		free_names(&f->series[i]);
	free(f->series);
}

/* Of series with the same labels leaves one. */
static void
unite(struct series_list *f)
{
	size_t n = 0;

	qsort(f->series, f->n, sizeof(*f->series), compare);
	for (size_t i = 0; i < f->n; i++) {
		if (n > 0 && compare(&f->series[n - 1], &f->series[i]) == 0) {
			add(&f->series[n - 1], &f->series[i]);
			free_names(&f->series[i]);
		} else if (n++ != i)
			memcpy(&f->series[n - 1], &f->series[i], sizeof(*f->series));
	}
	f->n = n;
}

/*
 * What has left a series for good: the records of processes that live no more
 * and that did not end there.
 */
static int
finish(struct series *s)
{
	const struct exposition_label labels[] = {
	    {"stage", s->stage}, {"tool", s->tool}, {"pipeline", s->pipeline}};
	uint64_t all = held(&s->sum);

	s->sum.counter[METRIC_UNWRITTEN] += all > s->held ? all - s->held : 0;
	s->labels = exposition_labels(labels, 3);
	return s->labels != NULL ? 0 : -1;
}

int
series_gather(struct series_list *f, const struct look *look, bool tame)
{
	size_t n = look->n + look->retired.n, size = sizeof(*f->series);
	bool failed = false;

	*f = (struct series_list){.series = aligned_alloc(_Alignof(struct series), (n + 1) * size)};
	if (f->series == NULL)
		return -1;
	memset(f->series, 0, (n + 1) * size);
	f->n = n;
	for (size_t i = 0; i < n && !failed; i++)
		failed = (i < look->n ? set_stage(&f->series[i], look, &look->stage[i], tame)
				      : set_retired(&f->series[i],
					    &look->retired.entry[i - look->n], tame)) == -1;
	if (!failed)
		unite(f);
	for (size_t i = 0; i < f->n && !failed; i++)
		failed = finish(&f->series[i]) == -1;
	if (!failed)
		return 0;
	series_free(f);
	errno = ENOMEM;
	return -1;
}
