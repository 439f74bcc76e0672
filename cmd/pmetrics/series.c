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

/* Engines. */

/* Where the lag of the partition is, or belongs. */
static size_t
find_lag(const struct series *s, const char *partition)
{
	size_t i = 0;

	while (i < s->n_lag && strcmp(s->lag[i].partition, partition) < 0)
		i++;
	return i;
}

/* Those of several processes, or topics, add up.  -1 with errno ENOMEM. */
static int
add_lag(struct series *s, const char *partition, uint64_t records)
{
	size_t i = find_lag(s, partition);
	struct series_lag *more;

	if (i < s->n_lag && strcmp(s->lag[i].partition, partition) == 0) {
		s->lag[i].records += records;
		return 0;
	}
	if ((more = reallocarray(s->lag, s->n_lag + 1, sizeof(*more))) == NULL)
		return -1;
	s->lag = more;
	memmove(&more[i + 1], &more[i], (s->n_lag++ - i) * sizeof(*more));
	strlcpy(more[i].partition, partition, sizeof(more[i].partition));
	more[i].records = records;
	return 0;
}

static int
set_engines(struct series *s, const struct look_stage *stage, bool tame)
{
	for (size_t i = 0; i < stage->n_said; i++) {
		const struct metrics_said *said = &stage->said[i];
		bool failed = false;
		char *partition;

		if (said->what == SAID_UNACKNOWLEDGED) {
			s->tells_unacknowledged = true;
			s->unacknowledged += said->value;
			continue;
		}
		if ((partition = clean(said->partition, tame, &failed)) == NULL ||
		    add_lag(s, partition, said->value) == -1)
			failed = true;
		free(partition);
		if (failed)
			return -1;
	}
	return 0;
}

static bool
counts_engines(const struct metrics_shard *sum)
{
	for (int c = 0; c < ENGINE_COUNTERS; c++)
		if (sum->engine[c] > 0)
			return true;
	return false;
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
	s->engines = stage->engines;
	if (stage->live) {
		set_gauges(s, look, stage);
		if (set_engines(s, stage, tame) == -1)
			return -1;
	} else
		s->exits[look_exit(stage)] = 1;
	return set_names(s, h->name, h->tool, h->pipeline, tame);
}

static int
set_retired(struct series *s, const struct retired_entry *entry, bool tame)
{
	memcpy(&s->sum, &entry->sum, sizeof(s->sum));
	memcpy(s->exits, entry->exits, sizeof(s->exits));
	set_modes(s, entry->modes);
	s->engines = counts_engines(&s->sum);
	return set_names(s, entry->name, entry->tool, entry->pipeline, tame);
}

/* Adds the numbers of a series with the same labels.  -1 with errno ENOMEM. */
static int
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
	to->engines = to->engines || from->engines;
	to->tells_unacknowledged = to->tells_unacknowledged || from->tells_unacknowledged;
	to->unacknowledged += from->unacknowledged;
	for (size_t i = 0; i < from->n_lag; i++)
		if (add_lag(to, from->lag[i].partition, from->lag[i].records) == -1)
			return -1;
	return 0;
}

static void
free_one(struct series *s)
{
	free(s->lag);
	free(s->stage);
	free(s->tool);
	free(s->pipeline);
	free(s->labels);
}

void
series_free(struct series_list *f)
{
	for (size_t i = 0; i < f->n; i++)
		free_one(&f->series[i]);
	free(f->series);
}

/* Of series with the same labels leaves one.  -1 with errno ENOMEM. */
static int
unite(struct series_list *f)
{
	size_t n = 0;
	int result = 0;

	qsort(f->series, f->n, sizeof(*f->series), compare);
	for (size_t i = 0; i < f->n; i++) {
		if (n > 0 && compare(&f->series[n - 1], &f->series[i]) == 0) {
			result |= add(&f->series[n - 1], &f->series[i]);
			free_one(&f->series[i]);
		} else if (n++ != i)
			memcpy(&f->series[n - 1], &f->series[i], sizeof(*f->series));
	}
	f->n = n;
	return result;
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
	failed = failed || unite(f) == -1;
	for (size_t i = 0; i < f->n && !failed; i++)
		failed = finish(&f->series[i]) == -1;
	if (!failed)
		return 0;
	series_free(f);
	errno = ENOMEM;
	return -1;
}
