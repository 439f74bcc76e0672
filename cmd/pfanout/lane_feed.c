/* Handing records over to a lane's child. */

#include "lane.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include "clock.h"
#include "json.h"
#include "reader.h"

#define RUN_BYTES (64 * 1024) /* handed over at a time */
#define IOVS 64
#define EXIT_PATIENCE CLOCK_S /* for a child that closed its stdin */
#define LOOK_MAX (5 * CLOCK_MS)
#define LOOK_IDLE (20 * CLOCK_MS) /* the same while there is nothing to give anyway */
#define LINGER_MIN (10 * CLOCK_MS)
#define LINGER_MAX CLOCK_S
#define PATIENCE (250 * CLOCK_MS)   /* with a child that sleeps unclearly */
#define PATIENCE_SLOW (2 * CLOCK_S) /* with one that is known to be slow */
#define QUICK (100 * CLOCK_MS)      /* after its stdin was closed */
#define QUICK_ENDS 2
#define OLD 10 /* lingers after which an answer has waited too long */

static bool
is_running(const struct lane *l)
{
	return l->child.pid > 0;
}

/* Whether the child, or the one that would be started, may be given records now. */
static bool
may_give(const struct lane *l)
{
	return !l->eof && !l->broken && !l->cancelled;
}

/* --match: without a key no answer could be told to be the record's. */
static bool
has_key(const struct lane *l, struct record *r)
{
	struct failure f = {.reason = REASON_NO_KEY, .message = "no value at the --match path"};
	struct json_slice key;

	if (l->fan->match == NULL || json_path_get(l->fan->match, r->data, r->len, &key))
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
		if (deque_push_back(&l->todo, r) == -1)
			stage_give_up(l->stage, 2, "out of memory");
	}
}

uint64_t
lane_oldest(const struct lane *l)
{
	if (l->given.n > 0)
		return deque_at(&l->given, 0)->seq;
	return l->todo.n > 0 ? deque_at(&l->todo, 0)->seq : UINT64_MAX;
}

size_t
lane_wants(const struct lane *l)
{
	size_t room = window_room(&l->window);

	if (l->cancelled)
		return LANE_BATCH;
	if (!may_give(l) || l->suspects > 0 || room <= l->todo.n)
		return 0;
	if (!is_running(l) && clock_now() < l->start_after)
		return 0;
	return room - l->todo.n < LANE_BATCH ? room - l->todo.n : LANE_BATCH;
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

	window_init(&l->window, l->fan->window, l->fan->jobs, l->fan->processors);
	if (child_spawn(&l->child, l->fan->path, l->fan->argv) == -1) {
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
	stat_add(l->shard, STAT_STARTS, 1);
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
	return l->written < l->given.n;
}

/* Moves a run of records from todo to given. */
static void
give(struct lane *l, int64_t now)
{
	size_t n = room_for_giving(l), given = 0, bytes = 0;

	for (; given < n && l->todo.n > 0 && bytes < RUN_BYTES; given++) {
		struct record r = deque_pop_front(&l->todo);

		if (l->given.n == 0) {
			l->in_step = r.line;
			l->busy_since = now;
		}
		r.queued = now; /* from here on: when it was handed over */
		bytes += r.len + 1;
		if (deque_push_back(&l->given, &r) == -1) {
			stage_give_up(l->stage, 2, "out of memory");
			record_free(&r);
			return;
		}
	}
	if (given == 0)
		return;
	window_given(&l->window, given, now);
	stat_add(l->shard, STAT_GIVEN, given);
	l->hungry_since = l->unclear_since = 0;
	l->look_wait = window_first_look(&l->window);
	l->look_at = now + l->look_wait;
}

/* Gathers what is not written yet; neighbours in memory are one iovec. */
static int
gather(const struct lane *l, struct iovec *iov)
{
	size_t skip = l->partial;
	int n = 0;

	for (size_t i = l->written; i < l->given.n; i++) {
		struct record *r = deque_at(&l->given, i);
		char *base = r->data + skip;
		size_t len = r->len + 1 - skip;

		skip = 0;
		if (n > 0 && (char *)iov[n - 1].iov_base + iov[n - 1].iov_len == base)
			iov[n - 1].iov_len += len;
		else if (n < IOVS)
			iov[n++] = (struct iovec){base, len};
		else
			break;
	}
	return n;
}

static void
advance(struct lane *l, size_t n)
{
	n += l->partial;
	while (lane_has_unwritten(l)) {
		size_t len = deque_at(&l->given, l->written)->len + 1;

		if (n < len)
			break;
		n -= len;
		l->written++;
	}
	l->partial = n;
}

static void
close_in(struct lane *l)
{
	child_close_in(&l->child);
	l->eof = true;
	if (l->given.n == 0)
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
		n = writev(l->child.in, iov, gather(l, iov));
		if (n >= 0)
			advance(l, (size_t)n);
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
	if (!is_running(l) && l->todo.n > 0 && clock_now() >= l->start_after)
		lane_start(l);
	if (!is_running(l) || !may_give(l))
		return;
	give(l, clock_now());
	write_given(l);
	if (l->broken || lane_has_unwritten(l))
		return;
	if (l->trial > 0
		? l->window.given == l->trial
		: l->todo.n == 0 && l->intake.in_ended && (l->given.n > 0 || l->intake.again_ended))
		close_in(l);
}

/* It may be hungry for long already: then waiting longer than a restart costs does not pay. */
static int64_t
linger(const struct lane *l)
{
	int64_t wait = l->startup;

	/* It can't be given more before it answers. */
	if (l->window.fixed != 0 && window_room(&l->window) == 0)
		return 0;
	if (wait < LINGER_MIN)
		wait = LINGER_MIN;
	if (wait > LINGER_MAX)
		wait = LINGER_MAX;
	if (l->fan->timeout != CLOCK_NEVER && wait > l->fan->timeout / 4)
		wait = l->fan->timeout / 4;
	return wait;
}

static enum hunger
hunger_of(const struct lane *l)
{
	enum hunger h = hunger_look(&l->probe, l->child.in);

	return h == HUNGER_UNKNOWN ? hunger_search(&l->probe, l->child.in) : h;
}

static bool
can_look(const struct lane *l)
{
	return is_running(l) && may_give(l) && l->given.n > 0 && !lane_has_unwritten(l);
}

/* It waits for input.  Whatever it has answered until now stands in its pipe. */
static void
found_hungry(struct lane *l, int64_t now)
{
	struct failure why;

	if (!lane_read_answers(l, &why)) {
		lane_kill(l, &why);
		return;
	}
	window_hungry(&l->window, l->given.n > 0, now);
	if (l->startup == 0)
		l->startup = now - l->started;
	l->look_wait = window_first_look(&l->window);
	if (l->given.n > 0 && l->hungry_since == 0)
		l->hungry_since = now;
}

/* It sleeps, and it can't be seen for what. */
static void
found_unclear(struct lane *l, int64_t now)
{
	if (l->quick_ends >= QUICK_ENDS)
		found_hungry(l, now);
	else if (l->unclear_since == 0)
		l->unclear_since = now;
}

/* The child whose stdin was closed to see what it does has answered all, or has not. */
void
lane_test_ended(struct lane *l, int64_t now)
{
	if (l->tested == 0)
		return;
	if (now - l->tested <= QUICK)
		l->quick_ends++;
	else
		l->slow = true;
	l->tested = 0;
}

/* Records come so slowly that its buffer takes long to fill: don't let the oldest answer wait for that. */
static bool
has_waited(const struct lane *l, int64_t now)
{
	int64_t since = deque_at(&l->given, 0)->queued, most = OLD * linger(l);

	if (since < l->last_answer)
		since = l->last_answer;
	if (l->fan->timeout != CLOCK_NEVER && most > l->fan->timeout / 2)
		most = l->fan->timeout / 2;
	return now - since >= most;
}

/*
 * It may be hungry, or just slow, since then.  So its stdin is closed once or twice to see: if it then answers at
 * once it had kept its answers, and this way of sleeping is hunger; if it takes its time it was slow.
 */
static bool
must_test(struct lane *l, int64_t since, int64_t now)
{
	int64_t patience = l->quick_ends >= QUICK_ENDS ? 0 : l->slow ? PATIENCE_SLOW : PATIENCE;

	if (now - since < patience)
		return false;
	l->tested = now;
	return true;
}

/* Whether only closing its stdin will make it answer. */
static bool
must_flush(struct lane *l, int64_t now)
{
	if (!can_look(l) || (l->todo.n > 0 && window_room(&l->window) > 0))
		return false;
	if (l->unclear_since != 0)
		return must_test(l, l->unclear_since, now);
	if (l->hungry_since == 0 || (now - l->hungry_since < linger(l) && !has_waited(l, now)))
		return false;
	/* A thread of it may be at work although the one that reads is not. */
	switch (hunger_search(&l->probe, l->child.in)) {
	case HUNGER_SURE:
		return true;
	case HUNGER_UNKNOWN:
		return must_test(l, l->hungry_since, now);
	default:
		l->hungry_since = 0;
		return false;
	}
}

void
lane_look(struct lane *l, int64_t now)
{
	int64_t longest = l->todo.n > 0 ? LOOK_MAX : LOOK_IDLE;

	if (!can_look(l) || now < l->look_at)
		return;
	l->look_wait += l->look_wait / 2;
	switch (hunger_of(l)) {
	case HUNGER_SURE:
		found_hungry(l, now);
		break;
	case HUNGER_UNKNOWN:
		found_unclear(l, now);
		break;
	case HUNGER_NONE:
		l->hungry_since = l->unclear_since = 0;
		break;
	}
	if (l->look_wait > longest)
		l->look_wait = longest;
	l->look_at = now + l->look_wait;
	if (must_flush(l, now))
		close_in(l);
}

int64_t
lane_look_time(const struct lane *l)
{
	return can_look(l) ? l->look_at : CLOCK_NEVER;
}
