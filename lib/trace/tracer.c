#include "trace/tracer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "trace/otlp.h"
#include "trace/settings.h"
#include "trace/span.h"
#include "trace/spanfile.h"

/*
 * The most spans in a line.  Longer ones would push out of the processor's
 * cache what the other threads work on.
 */
#define FEW 64

/*
 * So many spans wake the thread, as that costs as much as to write some dozens
 * of them.  More would take a processor away from the records for so long that
 * these come to a halt.
 */
#define ENOUGH 256

/* The run's span, and what is said of it. */
struct run {
	const struct span *span; /* or NULL */
	const struct otlp_attribute *attribute;
	size_t n;
};

struct tracer {
	struct otlp *otlp; /* these are the thread's */
	struct spanfile *file;
	struct span *taken; /* what was in the queue */
	size_t batch;       /* spans in a line, at most */
	int64_t delay;
	int64_t offset; /* of the calendar, in the line that was begun */
	struct tracer_listener listener;

	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t work;  /* a batch is full, or idle is over, or the end */
	pthread_t thread;
	size_t full; /* as many spans as wake it */
	bool idle;   /* it sleeps for as long as there is no span */
	bool stopping;
	int64_t deadline; /* of stopping */
	struct run run;

	struct span *queue;
	size_t room, n;

	struct tracer_counts counts;
	struct tracer_counters shown;
};

/* Counts, with the lock. */
static void
count(struct tracer *t, uint64_t written, uint64_t dropped, int error)
{
	t->counts.written += written;
	t->counts.dropped += dropped;
	if (t->counts.error == 0)
		t->counts.error = error;
	if (t->shown.written != NULL)
		atomic_fetch_add_explicit(t->shown.written, written, memory_order_relaxed);
	if (t->shown.dropped != NULL)
		atomic_fetch_add_explicit(t->shown.dropped, dropped, memory_order_relaxed);
}

static void
count_unlocked(struct tracer *t, uint64_t written, uint64_t dropped, int error)
{
	pthread_mutex_lock(&t->lock);
	count(t, written, dropped, error);
	pthread_mutex_unlock(&t->lock);
}

void
tracer_put(struct tracer *t, struct span *span, size_t n)
{
	size_t taken, rest;
	bool wakes;

	pthread_mutex_lock(&t->lock);
	rest = n > t->room - t->n ? n - (t->room - t->n) : 0;
	taken = n - rest;
	/* In between the thread would only wait on. */
	wakes = t->idle || (t->n < t->full && t->n + n >= t->full);
	t->idle = false;
	for (size_t i = 0; i < taken; i++)
		span_move(&t->queue[t->n++], &span[i]);
	t->counts.all += n;
	if (rest > 0)
		count(t, 0, rest, 0);
	pthread_mutex_unlock(&t->lock);
	/* With the lock it would only wake to wait for that. */
	if (wakes)
		pthread_cond_signal(&t->work);
	for (size_t i = taken; i < n; i++)
		span_clear(&span[i]);
}

static void
begin_line(struct tracer *t)
{
	t->offset = clock_offset();
	otlp_begin(t->otlp, t->offset);
}

/* Writes the line that was begun, which has n spans.  -1: they are dropped. */
static int
write_line(struct tracer *t, size_t n)
{
	size_t len = 0;
	const char *line = otlp_end(t->otlp, &len);
	uint64_t dropped = 0;

	if (line == NULL)
		return -1;
	if (spanfile_write(t->file, line, len, n, &dropped) == -1) {
		count_unlocked(t, 0, dropped, errno);
		return -1;
	}
	count_unlocked(t, n, dropped, 0);
	return 0;
}

/* Writes the line that was begun, which has these spans, and tells of them. */
static void
write_spans(struct tracer *t, const struct span *span, size_t n)
{
	if (write_line(t, n) == -1 || t->listener.written == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		t->listener.written(t->listener.arg, &span[i], t->offset);
}

/* Writes a batch, in as many lines as it needs. */
static void
write_batch(struct tracer *t, const struct span *span, size_t n)
{
	size_t first = 0; /* in the line */

	begin_line(t);
	for (size_t i = 0; i < n; i++) {
		bool added = otlp_add(t->otlp, &span[i]);

		if (!added && i > first) {
			write_spans(t, &span[first], i - first);
			first = i;
			begin_line(t);
			added = otlp_add(t->otlp, &span[i]);
		}
		if (!added) {
			count_unlocked(t, 0, 1, ENOMEM);
			first = i + 1;
		}
	}
	write_spans(t, &span[first], n - first);
}

static bool
is_late(struct tracer *t)
{
	bool late;

	pthread_mutex_lock(&t->lock);
	late = t->stopping && clock_now() >= t->deadline;
	pthread_mutex_unlock(&t->lock);
	return late;
}

/* Writes the n spans that were taken; drops those for which it is too late. */
static void
write_taken(struct tracer *t, size_t n)
{
	size_t done, some;

	for (done = 0; done < n && !is_late(t); done += some) {
		some = n - done < t->batch ? n - done : t->batch;
		write_batch(t, &t->taken[done], some);
	}
	if (done < n)
		count_unlocked(t, 0, n - done, 0);
	for (size_t i = 0; i < n; i++)
		span_clear(&t->taken[i]);
}

static void
write_run(struct tracer *t)
{
	if (t->run.span == NULL)
		return;
	begin_line(t);
	if (otlp_add_run(t->otlp, t->run.span, t->run.attribute, t->run.n))
		(void)write_line(t, 1);
	else
		count_unlocked(t, 0, 1, ENOMEM);
}

/*
 * Sleeps until there is a batch, or the delay is over and there are some spans,
 * or the end.  The delay begins before there is a span: so who puts the first
 * one of a batch need not wake the thread.
 */
static void
wait_for_work(struct tracer *t)
{
	int64_t due = clock_after(clock_now(), t->delay);

	while (!t->stopping && t->n < t->full) {
		struct timespec ts = {due / CLOCK_S, due % CLOCK_S};

		if (clock_now() < due)
			(void)pthread_cond_clockwait(&t->work, &t->lock, CLOCK_MONOTONIC, &ts);
		else if (t->n > 0)
			return;
		else {
			t->idle = true;
			while (t->idle && !t->stopping)
				pthread_cond_wait(&t->work, &t->lock);
			due = clock_after(clock_now(), t->delay);
		}
	}
}

/* Takes all spans out of the queue: what was written before gets its place. */
static size_t
take(struct tracer *t)
{
	struct span *empty = t->taken;
	size_t n = t->n;

	t->taken = t->queue;
	t->queue = empty;
	t->n = 0;
	return n;
}

static void *
tracer_main(void *arg)
{
	struct tracer *t = arg;
	size_t n;

	do {
		pthread_mutex_lock(&t->lock);
		wait_for_work(t);
		n = take(t);
		pthread_mutex_unlock(&t->lock);
		write_taken(t, n);
	} while (n > 0);
	/* The end. */
	if (!is_late(t))
		write_run(t);
	else if (t->run.span != NULL)
		count_unlocked(t, 0, 1, 0);
	return NULL;
}

static void
tracer_free(struct tracer *t)
{
	free(t->queue);
	free(t->taken);
	pthread_cond_destroy(&t->work);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* Starts the thread, without signals.  0, or errno. */
static int
start_thread(struct tracer *t)
{
	sigset_t all, old;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&t->thread, NULL, tracer_main, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return error;
}

/* As many as wake the thread: while it wakes the queue has room for more. */
static size_t
enough_spans(size_t batch, size_t line, size_t room)
{
	size_t n = batch < ENOUGH ? batch : ENOUGH;

	n = n < room / 4 ? n : room / 4;
	return n > line ? n : line;
}

struct tracer *
tracer_start(const struct settings *settings, struct otlp *otlp, struct spanfile *file,
    const struct tracer_counters *shown, const struct tracer_listener *listener)
{
	struct tracer *t = calloc(1, sizeof(*t));
	int error = ENOMEM;

	if (t == NULL)
		return NULL;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->work, NULL);
	t->otlp = otlp;
	t->file = file;
	t->room = settings->queue > 0 ? settings->queue : 1;
	t->batch = settings->batch < FEW ? settings->batch : FEW;
	t->batch = t->batch < t->room ? t->batch : t->room;
	t->batch = t->batch > 0 ? t->batch : 1;
	t->full = enough_spans(settings->batch, t->batch, t->room);
	t->delay = settings->delay;
	if (shown != NULL)
		t->shown = *shown;
	if (listener != NULL)
		t->listener = *listener;
	t->queue = calloc(t->room, sizeof(*t->queue));
	t->taken = calloc(t->room, sizeof(*t->taken));
	if (t->queue != NULL && t->taken != NULL && (error = start_thread(t)) == 0)
		return t;
	tracer_free(t);
	errno = error;
	return NULL;
}

struct tracer_counts
tracer_stop(struct tracer *t, const struct span *run, const struct otlp_attribute *attribute,
    size_t n, int64_t deadline)
{
	struct tracer_counts counts;

	pthread_mutex_lock(&t->lock);
	t->stopping = true;
	t->deadline = deadline;
	t->run = (struct run){run, attribute, n};
	t->counts.all += run != NULL;
	pthread_cond_signal(&t->work);
	pthread_mutex_unlock(&t->lock);
	spanfile_hurry(t->file, deadline);
	pthread_join(t->thread, NULL);
	counts = t->counts;
	tracer_free(t);
	return counts;
}
