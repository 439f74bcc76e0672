/* Handing records over to a lane's child. */

#include "lane.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "gather.h"
#include "json/json.h"
#include "record/reader.h"

#define RUN_BYTES (64 * 1024) /* handed over at a time */
#define IOVS 64
#define EXIT_PATIENCE CLOCK_S /* for a child that closed its stdin */

static bool
is_running(const struct lane *l)
{
	return l->child.pid > 0;
}

bool
lane_may_give(const struct lane *l)
{
	return !l->eof && !l->broken && !l->cancelled;
}

/* --match: without a key no answer could be told to be the record's. */
static bool
has_key(const struct lane *l, struct record *r)
{
	struct failure f = {.reason = REASON_NO_KEY, .message = "no value at the --match path"};
	struct json_slice key;

	if (l->pf->match == NULL || json_path_get(l->pf->match, r->data, r->len, &key))
		return true;
	stage_bury(l->stage, r, &f);
	return false;
}

/* A record has come in: it is for the child, or on its way out already. */
static void
accept_record(struct lane *l, struct record *r)
{
	if (r->kind == RECORD_LETTER)
		lane_emit(l, r);
	else if (stage_is_cancelled(l->stage)) {
		stage_bury_cancelled(l->stage, r);
		lane_emit(l, r);
	} else if (r->attempts == 0 && !(stage_check(l->stage, r) && has_key(l, r)))
		lane_emit(l, r);
	else {
		/* A slow child will hold it for long. */
		if (l->window.size == 1)
			record_detach(r);
		if (queue_push(&l->held, r) == -1)
			stage_give_up(l->stage, 2, "out of memory");
	}
}

uint64_t
lane_oldest(const struct lane *l)
{
	return l->held.n > 0 ? queue_at(&l->held, 0)->seq : UINT64_MAX;
}

size_t
lane_wants(const struct lane *l)
{
	size_t room = window_room(&l->window);

	if (l->cancelled)
		return LANE_BATCH;
	if (!lane_may_give(l) || l->suspects > 0 || room <= lane_todo(l))
		return 0;
	if (!is_running(l) && clock_now() < l->start_after)
		return 0;
	return room - lane_todo(l) < LANE_BATCH ? room - lane_todo(l) : LANE_BATCH;
}

static void
take(struct lane *l)
{
	struct record batch[LANE_BATCH];
	size_t n, max;

	while ((max = lane_wants(l)) > 0 &&
	    (n = intake_take(&l->intake, batch, max, lane_oldest(l))) > 0)
		for (size_t i = 0; i < n; i++)
			accept_record(l, &batch[i]);
	lane_flush(l);
}

int
lane_start(struct lane *l)
{
	struct reader_limits limits = {.max = l->stage->opt->max_record};
	int64_t now = clock_now();

	window_init(&l->window, l->pf->window, l->pf->jobs, l->pf->processors);
	if (child_spawn(&l->child, l->pf->path, l->pf->argv) == -1) {
		lane_start_failed(l, errno);
		return -1;
	}
	if ((l->answers = reader_new(l->child.out, &limits)) == NULL) {
		child_stop(&l->child);
		child_close(&l->child);
		errno = ENOMEM;
		lane_start_failed(l, errno);
		return -1;
	}
	metrics_add(l->shard, METRIC_STARTS, 1);
	hunger_open(&l->probe, l->child.pid);
	l->eof = l->broken = l->out_ended = false;
	l->started = l->last_answer = now;
	l->startup = 0;
	l->give_up = CLOCK_NEVER;
	l->hungry_since = l->unclear_since = 0;
	if (l->suspects > 0)
		l->trial = (l->suspects + 1) / 2;
	return 0;
}

/* How many records may go to the child now; a trial is given just its own. */
static size_t
room_for_giving(const struct lane *l)
{
	if (l->trial > 0)
		return l->window.given < l->trial ? l->trial - (size_t)l->window.given : 0;
	return window_room(&l->window);
}

bool
lane_has_unwritten(const struct lane *l)
{
	return l->written < l->given;
}

/* A run of records is the child's from now on. */
static void
give(struct lane *l, int64_t now)
{
	size_t room = room_for_giving(l), n = 0, bytes = 0;
	bool idle = l->given == 0;

	for (; n < room && lane_todo(l) > 0 && bytes < RUN_BYTES; n++) {
		struct record *r = queue_at(&l->held, l->given++);

		r->queued = now; /* from here on: when it was handed over */
		bytes += r->len + 1;
	}
	if (n == 0)
		return;
	if (idle) {
		l->in_step = queue_at(&l->held, 0)->line;
		l->busy_since = now;
	}
	window_given(&l->window, n, now);
	metrics_add(l->shard, METRIC_GIVEN, n);
	lane_look_anew(l, now);
}

void
lane_close_in(struct lane *l)
{
	child_close_in(&l->child);
	l->eof = true;
	if (l->given == 0)
		l->give_up = clock_after(clock_now(), l->stage->opt->grace);
}

void
lane_in_closed(struct lane *l)
{
	l->broken = true;
	l->give_up = clock_after(clock_now(), EXIT_PATIENCE);
}

static void
write_given(struct lane *l)
{
	struct iovec iov[IOVS];
	ssize_t n;

	while (lane_has_unwritten(l)) {
		n = writev(l->child.in, iov,
		    gather(&l->held, l->written, l->given, l->partial, iov, IOVS));
		if (n >= 0)
			l->written += gather_done(&l->held, l->written, &l->partial, (size_t)n);
		else if (errno == EAGAIN)
			return;
		else if (errno != EINTR) {
			lane_in_closed(l);
			return;
		}
	}
}

void
lane_feed(struct lane *l)
{
	take(l);
	if (l->cancelled)
		return;
	if (!is_running(l) && lane_todo(l) > 0 && clock_now() >= l->start_after)
		lane_start(l);
	if (!is_running(l) || !lane_may_give(l))
		return;
	give(l, clock_now());
	write_given(l);
	if (l->broken || lane_has_unwritten(l))
		return;
	if (l->trial > 0 ? l->window.given == l->trial
			 : lane_todo(l) == 0 && l->intake.in_ended &&
		    (l->given > 0 || l->intake.again_ended))
		lane_close_in(l);
}
