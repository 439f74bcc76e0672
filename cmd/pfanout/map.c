/* One answer per record: the loop of a lane, and the processor made of lanes. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/chan.h"
#include "base/clock.h"
#include "sync/ctx.h"
#include "lane.h"
#include "stage/pipeline.h"
#include "record/reader.h"
#include "stage/retry.h"
#include "base/units.h"

CHAN_OF(record, struct record)

#define OVERSLEPT (500 * CLOCK_MS) /* so late only who was stopped wakes */

enum { FD_INTAKE, FD_IN, FD_OUT, FD_ERR, FD_EXIT, FDS };

void
lane_emit(struct lane *l, const struct record *r)
{
	l->results[l->nresults++] = *r;
	if (l->nresults == LANE_BATCH)
		lane_flush(l);
}

/* The time that our reader keeps us waiting is not the child's. */
static void
forgive(struct lane *l, int64_t ns)
{
	l->last_answer += ns;
	l->window.moved += ns;
	for (size_t i = 0; i < l->given; i++)
		queue_at(&l->held, i)->queued += ns;
	if (l->give_up != CLOCK_NEVER)
		l->give_up += ns;
}

void
lane_flush(struct lane *l)
{
	int64_t begun = clock_now(), took;
	size_t sent;

	if (l->nresults == 0)
		return;
	record_sendn(l->out, l->stage->root, l->results, l->nresults, &sent);
	record_freen(l->results + sent, l->nresults - sent);
	l->nresults = 0;
	if ((took = clock_now() - begun) > CLOCK_MS)
		forgive(l, took);
}

/* When the oldest attempt has taken too long. */
static int64_t
timeout_at(const struct lane *l)
{
	int64_t since;

	if (l->pf->timeout == CLOCK_NEVER || l->child.pid == 0 || l->given == 0)
		return CLOCK_NEVER;
	since = queue_at(&l->held, 0)->queued;
	return clock_after(since > l->last_answer ? since : l->last_answer, l->pf->timeout);
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
wake_time(const struct lane *l)
{
	int64_t t = earlier(timeout_at(l), l->give_up);

	t = earlier(t, lane_look_time(l));
	if (l->child.pid == 0 && l->start_after > clock_now())
		t = earlier(t, l->start_after);
	return t;
}

/* Sleeps until something happens.  -1: the stage has ended. */
static int
wait_for_events(struct lane *l, struct pollfd fds[FDS])
{
	bool running = l->child.pid > 0;
	int64_t until = wake_time(l), late;

	fds[FD_INTAKE] = intake_pollfd(&l->intake);
	fds[FD_IN] = (struct pollfd){
	    running && !l->broken ? l->child.in : -1, lane_has_unwritten(l) ? POLLOUT : 0, 0};
	fds[FD_OUT] = (struct pollfd){running && !l->out_ended ? l->child.out : -1, POLLIN, 0};
	fds[FD_ERR] = (struct pollfd){running ? l->child.err : -1, POLLIN, 0};
	fds[FD_EXIT] = (struct pollfd){running ? l->child.pidfd : -1, POLLIN, 0};
	if (ctx_poll(l->stage->root, fds, FDS, until) == -1) {
		stage_give_up(l->stage, 2, "poll: %s", strerror(errno));
		return -1;
	}
	if (until != CLOCK_NEVER && (late = clock_now() - until) > OVERSLEPT)
		forgive(l, late);
	return ctx_state(l->stage->root) == CTX_LIVE ? 0 : -1;
}

static void
check_time(struct lane *l, int64_t now)
{
	struct failure f = {.reason = REASON_TIMEOUT};
	char limit[UNITS_TEXT_SIZE];

	if (l->child.pid == 0)
		return;
	if (now >= timeout_at(l)) {
		units_format_duration(l->pf->timeout, limit);
		snprintf(f.message, sizeof(f.message), "no answer in %s", limit);
		lane_kill(l, &f);
	} else if (now >= l->give_up) {
		f.reason = REASON_CRASH;
		snprintf(f.message, sizeof(f.message), "the worker closed its %s and did not exit",
		    l->out_ended ? "stdout" : "stdin");
		lane_kill(l, &f);
	}
}

static void
handle_events(struct lane *l, const struct pollfd fds[FDS])
{
	struct failure why;

	if (fds[FD_ERR].revents != 0)
		child_read_log(&l->child);
	if (fds[FD_OUT].revents != 0 && !lane_read_answers(l, &why)) {
		lane_kill(l, &why);
		return;
	}
	if (fds[FD_EXIT].revents != 0)
		lane_exited(l);
	else if ((fds[FD_IN].revents & POLLERR) != 0 && !l->broken)
		lane_in_closed(l);
	else if (fds[FD_OUT].revents == 0)
		check_time(l, clock_now());
	lane_look(l, clock_now());
}

/* Nothing is left to do, and nothing will come. */
static bool
has_ended(const struct lane *l)
{
	return intake_has_ended(&l->intake) && l->held.n == 0 && l->child.pid == 0;
}

static void
run(struct lane *l)
{
	struct pollfd fds[FDS];

	for (;;) {
		if (stage_is_cancelled(l->stage) && !l->cancelled)
			lane_cancel(l);
		lane_feed(l);
		if (lane_wants(l) > 0) {
			intake_watch(&l->intake, lane_oldest(l));
			lane_feed(l);
		}
		if (has_ended(l) || wait_for_events(l, fds) == -1)
			return;
		intake_unwatch(&l->intake, fds[FD_INTAKE].revents != 0);
		handle_events(l, fds);
	}
}

static void
map_run(void *state, struct ctx *ctx, struct chan *in, struct chan *out)
{
	struct lane *l = state;

	(void)ctx;
	l->out = out;
	if (intake_open(&l->intake, l->pf, l->shard, in, retry_chan(l->pf->retry)) == -1) {
		stage_give_up(l->stage, 2, "worker %u: %s", l->slot, strerror(errno));
		return;
	}
	run(l);
	intake_close(&l->intake);
	if (l->child.pid > 0) {
		child_stop(&l->child);
		hunger_close(&l->probe);
	}
	child_close(&l->child);
	reader_free(l->answers);
	queue_free(&l->held);
}

static int
map_open(struct processor *p, unsigned worker, void **state)
{
	struct pfanout *pf = p->arg;
	struct lane *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -1;
	l->pf = pf;
	l->stage = &pf->stage;
	l->shard = metrics_shard(pf->stage.metrics, SHARD_WORKERS + worker);
	l->slot = worker + 1;
	l->give_up = CLOCK_NEVER;
	child_init(&l->child);
	window_init(&l->window, pf->window, pf->jobs, pf->processors);
	/* The first one at once, so that a command that can't be started is told before anything is read. */
	if (worker == 0 && lane_start(l) == -1) {
		free(l);
		return -1;
	}
	*state = l;
	return 0;
}

struct processor
map_processor(struct pfanout *pf)
{
	return (struct processor){.name = "map",
	    .workers = pf->jobs,
	    .arg = pf,
	    .open = map_open,
	    .run = map_run,
	    .close = free};
}
