#include "track.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "metrics/worktime.h"

/*
 * A sample is kept if it is some time after the one before, so that those kept
 * reach back over the window.
 */
#define SAMPLES 32
#define PER_WINDOW 24

struct link_sample {
	uint32_t place; /* which link had the place, without its state */
	int64_t wait;
};

struct sample {
	int64_t at;
	int64_t time[TIME_COUNT];
	int64_t halted;
	uint64_t in, out, results, bytes_in, bytes_out, retries, starts, held;
	uint64_t bucket[HISTOGRAM_BUCKETS], sum;
	unsigned n_links;
	struct link_sample *link;
};

struct track {
	unsigned char uuid[STATFILE_UUID];
	int64_t window, begun; /* begun: 0 if that is of another clock */
	bool fresh;            /* there is no sample yet */
	struct sample now;
	unsigned n, next; /* samples that are kept; where the next one goes */
	struct sample kept[SAMPLES];

	/* The last minute, second by second. */
	int64_t second, counted_at; /* the end of the last one; of the count */
	uint64_t counted;
	unsigned n_history;
	float history[MODEL_HISTORY];

	/* Of one that has ended. */
	int64_t ended;
	enum statfile_exit how;
	struct look_stage *last;
};

static uint64_t
counter(const struct look_stage *s, enum metric c)
{
	return atomic_load_explicit(&s->sum.counter[c], memory_order_relaxed);
}

static uint64_t
results(const struct look_stage *s)
{
	uint64_t sum = counter(s, METRIC_PROCESSED) + counter(s, METRIC_FILTERED) +
	    counter(s, METRIC_UNWRITTEN);

	for (unsigned reason = 0; reason < REASON_COUNT; reason++)
		sum += counter(s, METRIC_FAILED + reason);
	return sum;
}

/* Children that stand in for others: not those of exec mode, and the first. */
static uint64_t
replacements(const struct look_stage *s)
{
	uint64_t starts = counter(s, METRIC_STARTS);

	if (s->header.mode == STAGE_EXECS || starts < s->header.workers)
		return 0;
	return starts - s->header.workers;
}

static uint32_t
place_of(const struct metrics_link *l)
{
	return atomic_load_explicit(&l->state, memory_order_relaxed) >> 2;
}

static int
sample_links(struct sample *to, const struct look_stage *s, int64_t now)
{
	to->link = NULL;
	to->n_links = (unsigned)s->n_links;
	if (s->n_links > 0 && (to->link = calloc(s->n_links, sizeof(*to->link))) == NULL)
		return -1;
	for (unsigned i = 0; i < to->n_links; i++)
		to->link[i] = (struct link_sample){.place = place_of(&s->link[i]),
		    .wait = stopwatch_read(&s->link[i].wait, s->same_clock ? now : 0)};
	return 0;
}

static int
make_sample(struct sample *to, const struct look_stage *s, int64_t now)
{
	uint64_t received = counter(s, METRIC_RECEIVED);

	*to = (struct sample){.at = now,
	    .in = received + counter(s, METRIC_BYPASSED),
	    .out = counter(s, METRIC_WRITTEN),
	    .results = results(s),
	    .bytes_in = counter(s, METRIC_BYTES_IN),
	    .bytes_out = counter(s, METRIC_BYTES_OUT),
	    .retries = counter(s, METRIC_RETRIES),
	    .starts = replacements(s)};
	to->held = received > to->results ? received - to->results : 0;
	if (s->same_clock)
		to->halted = now - worktime_of(&s->header.halted, now);
	for (int t = 0; t < TIME_COUNT; t++)
		to->time[t] = stopwatch_read(&s->sum.time[t], 0);
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		to->bucket[i] =
		    atomic_load_explicit(&s->sum.latency.bucket[i], memory_order_relaxed);
	to->sum = atomic_load_explicit(&s->sum.latency.sum, memory_order_relaxed);
	return sample_links(to, s, now);
}

struct track *
track_new(const struct look_stage *s, int64_t window)
{
	struct track *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	memcpy(t->uuid, s->header.uuid, sizeof(t->uuid));
	t->window = window;
	t->begun = s->same_clock ? s->header.begun_ns : 0;
	t->fresh = true;
	return t;
}

void
track_free(struct track *t)
{
	if (t == NULL)
		return;
	for (unsigned i = 0; i < t->n; i++)
		free(t->kept[i].link);
	free(t->now.link);
	free(t->last);
	free(t);
}

bool
track_is_of(const struct track *t, const unsigned char uuid[STATFILE_UUID])
{
	return memcmp(t->uuid, uuid, STATFILE_UUID) == 0;
}

/* Puts the sample among those kept, or frees it. */
static void
keep(struct track *t, struct sample *s)
{
	const struct sample *before = &t->kept[(t->next + SAMPLES - 1) % SAMPLES];

	if (t->n > 0 && s->at - before->at < t->window / PER_WINDOW) {
		free(s->link);
		return;
	}
	if (t->n == SAMPLES)
		free(t->kept[t->next].link);
	else
		t->n++;
	t->kept[t->next] = *s;
	t->next = (t->next + 1) % SAMPLES;
}

/*
 * The rate since the last count is that of each second that is over since; a
 * look that comes a little early counts as the second's.
 */
static void
count_history(struct track *t)
{
	int64_t seconds = (t->now.at - t->second + CLOCK_S / 10) / CLOCK_S;
	float out;

	if (seconds <= 0 || t->now.at <= t->counted_at)
		return;
	out =
	    (float)((double)(t->now.out - t->counted) * 1e9 / (double)(t->now.at - t->counted_at));
	for (int64_t i = 0; i < seconds && i < MODEL_HISTORY; i++) {
		if (t->n_history == MODEL_HISTORY)
			memmove(t->history, t->history + 1, sizeof(t->history) - sizeof(float));
		else
			t->n_history++;
		t->history[t->n_history - 1] = out;
	}
	t->second += seconds * CLOCK_S;
	t->counted_at = t->now.at;
	t->counted = t->now.out;
}

int
track_sample(struct track *t, const struct look_stage *s, int64_t now)
{
	struct sample fresh;

	if (make_sample(&fresh, s, now) == -1)
		return -1;
	if (!t->fresh)
		keep(t, &t->now);
	else if (t->begun != 0 && now - t->begun < t->window) {
		/* All that it has done is in the window. */
		keep(t, &(struct sample){.at = t->begun});
		t->second = t->counted_at = t->begun;
	} else {
		t->second = t->counted_at = now;
		t->counted = fresh.out;
	}
	t->fresh = false;
	t->now = fresh;
	count_history(t);
	return 0;
}

int
track_end(struct track *t, const struct look_stage *last, enum statfile_exit how, int64_t now)
{
	size_t size = sizeof(*t->last);

	if (t->ended != 0)
		return 0;
	if ((t->last = aligned_alloc(_Alignof(struct look_stage), size)) == NULL)
		return -1;
	memcpy(t->last, last, size);
	t->how = how;
	t->ended = now;
	return 0;
}

int64_t
track_ended(const struct track *t)
{
	return t->ended;
}

const struct look_stage *
track_last(const struct track *t)
{
	return t->last;
}

/* The latest sample that is as old as the window, or the oldest; or NULL. */
static const struct sample *
base(const struct track *t)
{
	const struct sample *found = NULL;

	for (unsigned i = 1; i <= t->n; i++) {
		found = &t->kept[(t->next + SAMPLES - i) % SAMPLES];
		if (t->now.at - found->at >= t->window)
			break;
	}
	return found;
}

static double
fraction(int64_t from, int64_t to, double ns)
{
	return fmin(1, fmax(0, (double)(to - from) / ns));
}

static double
rate(uint64_t from, uint64_t to, double ns)
{
	return to > from ? (double)(to - from) * 1e9 / ns : 0;
}

static void
fill_latency(const struct sample *a, const struct sample *b, struct part *p)
{
	struct histogram h = {0};
	uint64_t count = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t n = b->bucket[i] - a->bucket[i];

		atomic_init(&h.bucket[i], n);
		count += n;
	}
	if (count == 0)
		return;
	p->mean = (double)(b->sum - a->sum) / (double)count / 1e9;
	p->p50 = (double)histogram_quantile(&h, 0.5) / 1e9;
	p->p99 = (double)histogram_quantile(&h, 0.99) / 1e9;
}

static void
fill_window(const struct sample *a, const struct sample *b, struct part *p)
{
	double ns = (double)(b->at - a->at);

	p->input = fraction(a->time[TIME_INPUT], b->time[TIME_INPUT], ns);
	p->output = fraction(a->time[TIME_OUTPUT], b->time[TIME_OUTPUT], ns);
	p->own = fraction(a->time[TIME_OWN], b->time[TIME_OWN], ns);
	p->rate = fraction(a->time[TIME_RATE], b->time[TIME_RATE], ns);
	p->halted = fraction(a->halted, b->halted, ns);
	if (p->pool && p->workers > 0)
		p->busy = fraction(a->time[TIME_BUSY], b->time[TIME_BUSY], ns * p->workers);
	p->in = rate(a->in, b->in, ns);
	p->out = rate(a->out, b->out, ns);
	p->results = rate(a->results, b->results, ns);
	p->bytes_in = rate(a->bytes_in, b->bytes_in, ns);
	p->bytes_out = rate(a->bytes_out, b->bytes_out, ns);
	p->retries = rate(a->retries, b->retries, ns);
	p->restarts = rate(a->starts, b->starts, ns);
	p->held_before = a->held;
	fill_latency(a, b, p);
}

/* What a stage says of itself. */
static void
fill_state(const struct track *t, const struct look_stage *s, struct part *p)
{
	uint64_t bits = atomic_load_explicit(&s->header.rate, memory_order_relaxed);

	p->kind = PART_STAGE;
	p->pid = s->header.pid;
	p->stage = s;
	p->pool = s->header.mode == STAGE_MAPS || s->header.mode == STAGE_EXECS;
	p->ended = t->ended != 0;
	p->how = t->how;
	p->workers = s->header.workers;
	p->busy_workers = s->busy;
	p->held = p->held_before = t->now.held;
	p->by_bytes = atomic_load_explicit(&s->header.by_bytes, memory_order_relaxed) != 0;
	memcpy(&p->limit, &bits, sizeof(p->limit));
	if (!(p->limit > 0))
		p->limit = NAN;
	if (t->begun != 0)
		p->up = (double)((t->ended != 0 ? t->ended : t->now.at) - t->begun) / 1e9;
	if (s->oldest != 0 && s->same_clock)
		p->oldest = (double)(t->now.at - s->oldest) / 1e9;
	p->n_history = t->n_history;
	memcpy(p->history, t->history, sizeof(p->history));
}

void
track_fill(const struct track *t, const struct look_stage *s, struct part *p, double *seconds)
{
	const struct sample *from = base(t);

	*p = part_unknown(PART_STAGE);
	fill_state(t, s, p);
	*seconds = 0;
	if (from == NULL || t->now.at <= from->at)
		return;
	*seconds = (double)(t->now.at - from->at) / 1e9;
	fill_window(from, &t->now, p);
}

double
track_wait(const struct track *t, unsigned link)
{
	const struct sample *from = base(t);
	int64_t before = 0;

	if (from == NULL || t->now.at <= from->at || link >= t->now.n_links)
		return NAN;
	/* A link that was not there, or was another one, had not waited. */
	if (link < from->n_links && from->link[link].place == t->now.link[link].place)
		before = from->link[link].wait;
	return fraction(before, t->now.link[link].wait, (double)(t->now.at - from->at));
}
