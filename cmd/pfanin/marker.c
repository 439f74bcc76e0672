#include "marker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ends.h"
#include "outlet.h"
#include "outstanding.h"
#include "pace.h"
#include "base/clock.h"
#include "record/mark.h"
#include "record/record.h"
#include "stage/cli.h"
#include "stage/options.h"
#include "stage/source.h"
#include "stage/stage.h"
#include "sync/ctx.h"
#include "sync/park.h"
#include "sync/wait.h"

#define MARK_RECORDS 1000            /* between two marks, at most */
#define MARK_FIRST 8                 /* the same, in the beginning */
#define MARK_TIME (200 * CLOCK_MS)   /* the same, while there are records */
#define SOON (5 * CLOCK_MS)          /* the same, for one that has moved */
#define PROBE_TIME CLOCK_S           /* between marks without records */
#define SAVE_TIME (200 * CLOCK_MS)   /* between two saves, at least */
#define TRY_TIME (50 * CLOCK_MS)     /* until a mark is tried again */
#define PATIENCE (60 * CLOCK_S)      /* for something to come back */
#define READER_LOOK (250 * CLOCK_MS) /* between two looks at the reader */

struct marker {
	struct marker_how how;
	struct source_marks hooks;
	unsigned char to[MARK_TO];
	uint64_t every; /* records between two marks, unless the pace is high */
	uint64_t batch; /* records in a batch, at most */
	int fd;         /* where acknowledgements come */
	pthread_t thread;
	struct parker parker; /* the thread's */
	atomic_bool stop;

	/* Of records; written with the source's lock. */
	_Atomic uint64_t sent, marked;
	uint64_t step;             /* records until the next mark */
	_Atomic int64_t last_mark; /* when; monotonic ns */
	atomic_bool ended;         /* the last mark was sent */
	atomic_bool moved;         /* marker_moved() since the last mark */

	/* The lock guards the marks, and who acknowledges them. */
	pthread_mutex_t lock;
	struct outstanding marks;
	struct ends ends;
	_Atomic size_t on_way;
	_Atomic uint64_t newest; /* the last mark that says something new */
	_Atomic uint64_t done;   /* the last one that is done */

	/* Written by the thread. */
	_Atomic uint64_t acked; /* records */
	_Atomic int64_t last_ack;
	atomic_bool answered, broken;
	bool dirty, told;
	struct pace pace;
	_Atomic uint64_t grown; /* the window for that pace */
	int64_t next_save, next_try;

	_Atomic int64_t full_since; /* 0: the window is not full */
	struct waitlist changed;    /* wait for what comes back */
};

static void
push_mark(struct marker *m)
{
	const struct marker_positions *pos = &m->how.positions;
	struct mark mark = {.weight = MARK_WHOLE};
	struct record r;
	char line[MARK_SIZE];
	uint64_t sent = atomic_load(&m->sent);
	bool moved = atomic_exchange(&m->moved, false); /* before take() */
	void *token = pos->take(pos->arg);
	size_t len, on_way;

	if (token == NULL) {
		stage_give_up(m->how.stage, 2, "out of memory");
		return;
	}
	memcpy(mark.to, m->to, MARK_TO);
	pthread_mutex_lock(&m->lock);
	mark.n = outstanding_push(&m->marks, sent, token);
	on_way = outstanding_count(&m->marks);
	atomic_store(&m->on_way, on_way);
	pthread_mutex_unlock(&m->lock);
	if (moved || sent > atomic_load(&m->marked))
		atomic_store(&m->newest, mark.n);
	atomic_store(&m->marked, sent);
	atomic_store(&m->last_mark, clock_now());
	len = mark_print(&mark, line) - 1;
	if (record_copy(&r, line, len) == -1) {
		stage_give_up(m->how.stage, 2, "out of memory");
		return;
	}
	(void)source_mark(m->how.source, &r);
	/* The thread looks after it, and slept as there was none. */
	if (on_way == 1)
		park_wake(&m->parker);
}

static void
first_mark(void *arg)
{
	push_mark(arg);
}

static bool
has_slot(const struct marker *m)
{
	return atomic_load(&m->on_way) < OUTSTANDING_MOST;
}

static bool
is_unmarked(const struct marker *m)
{
	return atomic_load(&m->sent) > atomic_load(&m->marked) || atomic_load(&m->moved);
}

/* The records that may be on their way. */
static uint64_t
window(const struct marker *m)
{
	uint64_t grown = m->how.grows ? atomic_load(&m->grown) : 0;

	return grown > m->how.window ? grown : m->how.window;
}

/* So marks are no more often than at a lower pace. */
static uint64_t
longest_step(const struct marker *m)
{
	uint64_t part = window(m) / 32;

	return part > m->every ? part : m->every;
}

/*
 * What has no mark that came back is done again by the next run, and records
 * may take seconds: the first marks are close together.
 */
static void
lengthen_step(struct marker *m)
{
	uint64_t longest = longest_step(m);

	m->step = 2 * m->step < longest ? 2 * m->step : longest;
	m->hooks.most = m->step < m->batch ? m->step : m->batch;
}

/* So many records want to be sent. */
struct request {
	struct marker *m;
	size_t n;
};

static bool
has_room(const struct request *req)
{
	uint64_t on_way = atomic_load(&req->m->sent) - atomic_load(&req->m->acked);

	return on_way == 0 || on_way + req->n <= window(req->m);
}

static bool
may_go_on(const void *arg)
{
	const struct request *req = arg;

	return has_room(req) || (is_unmarked(req->m) && has_slot(req->m));
}

/* What was sent has its mark before the source pauses. */
static bool
wait_for_window(void *arg, size_t n)
{
	struct marker *m = arg;
	struct request req = {m, n};

	while (!has_room(&req)) {
		if (ctx_state(m->how.room) != CTX_LIVE)
			return false;
		if (is_unmarked(m) && has_slot(m)) {
			push_mark(m);
			continue;
		}
		atomic_store(&m->full_since, clock_now());
		park_wake(&m->parker);
		(void)wait_for(&m->changed, m->how.room, CLOCK_NEVER, may_go_on, &req);
	}
	atomic_store(&m->full_since, 0);
	return true;
}

static void
records_sent(void *arg, size_t n, const struct source_end *ends, size_t n_ends)
{
	struct marker *m = arg;
	bool first = !is_unmarked(m);
	uint64_t sent;

	m->how.positions.sent(m->how.positions.arg, ends, n_ends);
	sent = atomic_fetch_add(&m->sent, n) + n;
	if (has_slot(m) &&
	    (sent - atomic_load(&m->marked) >= m->step ||
		clock_now() - atomic_load(&m->last_mark) >= MARK_TIME)) {
		push_mark(m);
		lengthen_step(m);
	} else if (first)
		park_wake(&m->parker);
}

static void
last_mark(void *arg)
{
	struct marker *m = arg;

	if (is_unmarked(m))
		push_mark(m);
	atomic_store(&m->ended, true);
}

/* The source may have taken the last slot since we looked. */
static void
mark_if_slot(void *arg)
{
	struct marker *m = arg;

	if (has_slot(m))
		push_mark(m);
}

static void
try_mark(struct marker *m, int64_t now)
{
	m->next_try = source_try(m->how.source, mark_if_slot, m) ? 0 : now + TRY_TIME;
}

/* When the next mark is to be sent by the thread; CLOCK_NEVER: after a wake. */
static int64_t
next_mark(const struct marker *m)
{
	int64_t last = atomic_load(&m->last_mark), at;

	if (atomic_load(&m->ended) || !has_slot(m))
		return CLOCK_NEVER;
	if (atomic_load(&m->moved) && atomic_load(&m->on_way) == 0)
		at = last + SOON;
	else if (is_unmarked(m))
		at = last + MARK_TIME;
	else if (atomic_load(&m->on_way) > 0)
		at = last + PROBE_TIME;
	else
		return CLOCK_NEVER;
	return at > m->next_try ? at : m->next_try;
}

/* When to tell that nothing comes back. */
static int64_t
end_of_patience(const struct marker *m)
{
	int64_t since = atomic_load(&m->full_since), last = atomic_load(&m->last_ack);

	if (since == 0 || m->told)
		return CLOCK_NEVER;
	return (since > last ? since : last) + PATIENCE;
}

static void
refuse_ack(struct marker *m)
{
	atomic_store(&m->broken, true);
	stage_abort_always(m->how.stage, 2,
	    "a record was finished twice: the stream is copied by something between the stages, "
	    "such as tee: use `pfanout --to --by copy`");
	waitlist_wake(&m->changed, SIZE_MAX);
}

/* Hands the tokens back that are done. */
static void
take_done(struct marker *m)
{
	uint64_t records;
	void *token;
	bool done;

	for (;;) {
		pthread_mutex_lock(&m->lock);
		done = outstanding_pop(&m->marks, &records, &token);
		atomic_store(&m->on_way, outstanding_count(&m->marks));
		atomic_store(&m->done, m->marks.first - 1);
		pthread_mutex_unlock(&m->lock);
		if (!done)
			break;
		m->how.positions.done(m->how.positions.arg, token);
		atomic_store(&m->acked, records);
		m->dirty = true;
	}
	waitlist_wake(&m->changed, SIZE_MAX);
}

static void
receive(struct marker *m)
{
	struct mark ack;
	enum outstanding_verdict verdict;
	pid_t from;

	while (!atomic_load(&m->broken) && mark_receive(m->fd, &ack, &from) == 1) {
		atomic_store(&m->last_ack, clock_now());
		atomic_store(&m->answered, true);
		pthread_mutex_lock(&m->lock);
		ends_note(&m->ends, from);
		verdict = outstanding_take(&m->marks, ack.n, ack.weight);
		pthread_mutex_unlock(&m->lock);
		if (verdict == OUTSTANDING_DONE) {
			take_done(m);
			atomic_store(
			    &m->grown, pace_measure(&m->pace, clock_now(), atomic_load(&m->acked)));
		} else if (verdict == OUTSTANDING_TOO_MUCH)
			refuse_ack(m);
	}
}

static void
save(struct marker *m)
{
	int64_t begun = clock_now(), now;

	m->how.positions.save(m->how.positions.arg);
	m->dirty = false;
	/* A slow disk must not be kept busy by us. */
	now = clock_now();
	m->next_save = now + SAVE_TIME + 4 * (now - begun);
}

static void
tell_patience(struct marker *m)
{
	m->told = true;
	cli_say("nothing has been acknowledged for 60 s, and --window is full: the last stage is "
		"slow, or a program between the stages drops the marks (grep, jq 'select(...)'; "
		"let pfanout -F run it), or holds them in a buffer, or none of the stages "
		"acknowledges them");
}

static void
look(struct marker *m)
{
	int64_t now = clock_now();

	if (now >= next_mark(m))
		try_mark(m, now);
	if (m->dirty && now >= m->next_save)
		save(m);
	if (now >= end_of_patience(m))
		tell_patience(m);
}

static int64_t
next_look(const struct marker *m)
{
	return clock_earlier(
	    clock_earlier(next_mark(m), m->dirty ? m->next_save : CLOCK_NEVER), end_of_patience(m));
}

static void *
marker_main(void *arg)
{
	struct marker *m = arg;
	struct pollfd fds[] = {
	    {.fd = m->fd, .events = POLLIN}, {.fd = m->parker.fd, .events = POLLIN}};
	struct timespec left;

	while (!atomic_load(&m->stop)) {
		(void)ppoll(fds, 2, clock_left(next_look(m), &left), NULL);
		park_clear(&m->parker);
		receive(m);
		look(m);
	}
	receive(m);
	save(m);
	return NULL;
}

static bool
is_finished(const void *arg)
{
	const struct marker *m = arg;

	return marker_is_done(m) || atomic_load(&m->broken);
}

/*
 * Whether an end of the pipeline is still there; false: or nobody knows.
 */
static bool
has_end(struct marker *m)
{
	bool lives;

	pthread_mutex_lock(&m->lock);
	lives = ends_any(&m->ends);
	pthread_mutex_unlock(&m->lock);
	return lives;
}

/*
 * Waits for what comes back.  If there is somebody who acknowledges, it waits
 * as long as the reader is there.  When the reader has gone after its work,
 * stages behind it may be at work with what they have, as long as one that
 * acknowledges lives.  Where the reader has died, or nobody knows one, it waits
 * as long as something comes back within each grace.
 */
static void
linger(struct marker *m, struct ctx *ctx, int outlet)
{
	int64_t grace = m->how.stage->opt->grace;
	int64_t seen = clock_now(), now;

	while (!is_finished(m) && ctx_state(ctx) == CTX_LIVE) {
		now = clock_now();
		if (atomic_load(&m->answered) &&
		    (outlet_has_reader(outlet) || (!m->how.stage->hung_up && has_end(m))))
			seen = now;
		if (atomic_load(&m->last_ack) > seen)
			seen = atomic_load(&m->last_ack);
		if (now >= clock_after(seen, grace))
			break;
		(void)wait_for(&m->changed, ctx, now + READER_LOOK, is_finished, m);
	}
}

/*
 * The stage's finish(): waits for the last marks, and ends the thread.  A
 * reader that goes away has cancelled all contexts of the stage; those behind
 * it may finish what they have nevertheless, if there are any.
 */
static void
finish(void *arg)
{
	struct marker *m = arg;
	struct stage *st = m->how.stage;
	struct ctx *late = ctx_new(NULL, CLOCK_NEVER);
	int outlet = outlet_close();

	if (st->hung_up && atomic_load(&m->answered) && late != NULL)
		linger(m, late, outlet);
	else
		linger(m, st->work, outlet);
	ctx_free(late);
	if (outlet != -1)
		close(outlet);
	atomic_store(&m->stop, true);
	park_wake(&m->parker);
	pthread_join(m->thread, NULL);
}

static int
start(struct marker *m)
{
	int error;

	arc4random_buf(m->to, MARK_TO);
	if ((m->fd = mark_listen(m->to)) == -1 || park_init_fd(&m->parker) == -1)
		return -1;
	if ((error = pthread_create(&m->thread, NULL, marker_main, m)) == 0)
		return 0;
	errno = error;
	return -1;
}

struct marker *
marker_new(const struct marker_how *how)
{
	struct marker *m = calloc(1, sizeof(*m));
	uint64_t quarter = how->window / 4 > 0 ? how->window / 4 : 1;
	int error;

	if (m == NULL)
		return NULL;
	m->how = *how;
	m->every = quarter < MARK_RECORDS ? quarter : MARK_RECORDS;
	m->batch = quarter;
	m->fd = m->parker.fd = -1;
	pthread_mutex_init(&m->lock, NULL);
	waitlist_init(&m->changed);
	outstanding_init(&m->marks);
	m->hooks = (struct source_marks){.first = first_mark,
	    .wait = wait_for_window,
	    .sent = records_sent,
	    .last = last_mark,
	    .arg = m};
	m->step = MARK_FIRST / 2;
	lengthen_step(m);
	if (start(m) == -1) {
		error = errno;
		marker_free(m);
		errno = error;
		return NULL;
	}
	how->source->marks = &m->hooks;
	how->stage->makes_marks = true;
	how->stage->finish = finish;
	how->stage->finish_arg = m;
	return m;
}

void
marker_moved(struct marker *m)
{
	atomic_store(&m->moved, true);
	park_wake(&m->parker);
}

uint64_t
marker_missing(const struct marker *m)
{
	return atomic_load(&m->sent) - atomic_load(&m->acked);
}

bool
marker_is_done(const struct marker *m)
{
	return marker_missing(m) == 0 && atomic_load(&m->done) >= atomic_load(&m->newest);
}

bool
marker_was_answered(const struct marker *m)
{
	return atomic_load(&m->answered);
}

void
marker_free(struct marker *m)
{
	void *token;

	if (m == NULL)
		return;
	while (outstanding_drop(&m->marks, &token))
		m->how.positions.drop(m->how.positions.arg, token);
	if (m->fd != -1)
		close(m->fd);
	ends_clear(&m->ends);
	park_close(&m->parker);
	waitlist_destroy(&m->changed);
	pthread_mutex_destroy(&m->lock);
	free(m);
}
