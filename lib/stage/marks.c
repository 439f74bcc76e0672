#include "stage/marks.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "record/mark.h"
#include "record/record.h"
#include "record/settle.h"
#include "stage/stage.h"
#include "sync/park.h"

struct marks {
	struct stage *stage;
	struct parker *sink;  /* to be woken; NULL: all ends in the sink */
	pthread_mutex_t lock; /* guards what follows */
	struct settle *settle;
	/* With filters: what each worker has taken before this has ended. */
	uint64_t *until;
	bool begun;    /* the first mark is known */
	bool led;      /* and has gone */
	uint64_t seen; /* records and marks that have come to their end */
	uint64_t all;  /* that will; UINT64_MAX: not known yet */
	bool ended;    /* marks_end() has said so */
};

struct marks *
marks_new(struct stage *st)
{
	struct marks *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->stage = st;
	m->all = UINT64_MAX;
	pthread_mutex_init(&m->lock, NULL);
	if ((m->settle = settle_new()) != NULL &&
	    (!st->has_filters || (m->until = calloc(st->workers, sizeof(*m->until))) != NULL))
		return m;
	marks_free(m);
	return NULL;
}

void
marks_free(struct marks *m)
{
	if (m == NULL)
		return;
	settle_free(m->settle);
	free(m->until);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

void
marks_watch(struct marks *m, struct parker *sink)
{
	m->sink = sink;
}

/*
 * The first mark is on its way, and so are records behind it, which may be here
 * sooner.  With the lock held, as begin(), is_over() and is_due().
 */
static int
lead(struct marks *m)
{
	uint64_t seq = atomic_load(&m->stage->first_mark);

	m->begun = true;
	if (m->until == NULL)
		settle_begin(m->settle, seq);
	return settle_mark(m->settle, seq, &m->stage->leader);
}

static int
begin(struct marks *m, uint64_t n)
{
	if (stage_is_marked(m->stage))
		return m->begun || lead(m) == 0 ? 1 : -1;
	settle_count(m->settle, n);
	m->seen += n;
	return 0;
}

static bool
is_over(const struct marks *m)
{
	return m->seen == m->all && !settle_is_ready(m->settle);
}

static bool
is_due(const struct marks *m)
{
	return m->begun && (settle_is_ready(m->settle) || (is_over(m) && !m->ended));
}

int
marks_begin(struct marks *m, uint64_t n)
{
	int marked;

	pthread_mutex_lock(&m->lock);
	marked = begin(m, n);
	pthread_mutex_unlock(&m->lock);
	return marked;
}

bool
marks_bring_again(const struct marks *m, const struct record *r)
{
	return r->kind == RECORD_DEAD && r->reason == REASON_CANCELLED &&
	    r->seq > atomic_load(&m->stage->first_mark);
}

/* A worker tells how far it is: what all of them have told counts. */
static void
note_worker(struct marks *m, const struct record *r)
{
	uint64_t least = r->seq;

	m->until[r->worker] = r->seq;
	for (size_t i = 0; i < m->stage->workers; i++)
		if (m->until[i] < least)
			least = m->until[i];
	settle_until(m->settle, least);
}

/* What the record is for the marks.  With the lock held. */
static int
note(struct marks *m, const struct record *r)
{
	struct mark mark;

	m->seen += record_count(r);
	if (r->kind == RECORD_MARK) {
		if (r->seq == atomic_load(&m->stage->first_mark))
			return 0; /* lead() */
		(void)mark_parse(r->data, r->len, &mark);
		return settle_mark(m->settle, r->seq, &mark);
	}
	if (r->kind == RECORD_ENDED)
		note_worker(m, r);
	if (m->until != NULL || marks_bring_again(m, r))
		return 0;
	return settle_records(m->settle, r->seq, record_count(r));
}

size_t
marks_note(struct marks *m, struct record *r, size_t n)
{
	size_t noted;
	int error = 0;

	pthread_mutex_lock(&m->lock);
	for (noted = 0; noted < n && error == 0; noted++)
		if ((error = note(m, &r[noted])) == 0 && settle_is_ready(m->settle)) {
			noted++;
			break;
		}
	pthread_mutex_unlock(&m->lock);
	/* A mark is kept, and its line is not: another one is written. */
	for (size_t i = 0; i < noted; i++)
		if (r[i].kind == RECORD_MARK)
			record_free(&r[i]);
	return error == 0 ? noted : 0;
}

int
marks_ended(struct marks *m, const struct record *r, size_t n)
{
	int marked, error;
	bool due;

	pthread_mutex_lock(&m->lock);
	marked = begin(m, record_counts(r, n));
	error = marked == -1 ? -1 : 0;
	for (size_t i = 0; marked == 1 && i < n && error == 0; i++)
		error = note(m, &r[i]);
	due = is_due(m);
	pthread_mutex_unlock(&m->lock);
	if (due)
		park_wake(m->sink);
	return error;
}

void
marks_expect(struct marks *m, uint64_t n)
{
	bool due;

	pthread_mutex_lock(&m->lock);
	m->all = n;
	due = is_due(m);
	pthread_mutex_unlock(&m->lock);
	if (due)
		park_wake(m->sink);
}

bool
marks_are_due(struct marks *m)
{
	bool due;

	pthread_mutex_lock(&m->lock);
	due = is_due(m);
	pthread_mutex_unlock(&m->lock);
	return due;
}

bool
marks_next(struct marks *m, struct mark *mark)
{
	bool any, stands_for_nothing;

	do {
		pthread_mutex_lock(&m->lock);
		stands_for_nothing = !m->led && atomic_load(&m->stage->first_mark) == 0;
		any = settle_take(m->settle, mark);
		m->led = m->led || any;
		pthread_mutex_unlock(&m->lock);
	} while (any && !stands_for_nothing && stage_has_failed(m->stage));
	return any;
}

bool
marks_end(struct marks *m)
{
	bool ends;

	pthread_mutex_lock(&m->lock);
	ends = is_over(m) && !m->ended;
	m->ended = m->ended || ends;
	pthread_mutex_unlock(&m->lock);
	return ends;
}
