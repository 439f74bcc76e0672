#include "intake.h"

#include "base/clock.h"
#include "keyed.h"
#include "stage/budget.h"
#include "stage/stage.h"
#include "sync/chan.h"
#include "sync/ctx.h"
#include "tray.h"

CHAN_OF(record, struct record)
CHAN_OF(batch, struct batch)

int
intake_open(struct intake *i, struct stage *stage, struct metrics_shard *shard, struct chan *in,
    struct chan *again)
{
	int error;

	*i = (struct intake){
	    .stage = stage, .shard = shard, .in = in, .again = again, .again_ended = again == NULL};
	error = park_init_fd(&i->parker);
	ctx_watch(stage->work, &i->on_cancel, &i->parker);
	return error;
}

int
intake_open_keyed(
    struct intake *i, struct stage *stage, struct metrics_shard *shard, struct keyed_box *box)
{
	int error = intake_open(i, stage, shard, NULL, NULL);

	i->box = box;
	i->again_ended = false;
	return error;
}

void
intake_close(struct intake *i)
{
	intake_unwatch(i, false);
	batch_free(&i->open);
	ctx_unwatch(i->stage->work, &i->on_cancel);
	park_close(&i->parker);
}

/* Records of one read(2) have one time, so they cost one count. */
static void
count_wait(struct intake *i, const struct record *r, size_t n)
{
	int64_t now = clock_now();

	for (size_t from = 0, to; from < n; from = to) {
		for (to = from + 1; to < n && r[to].came == r[from].came; to++)
			continue;
		histogram_add(
		    &i->shard->queue, now - r[from].came, record_counts(r + from, to - from));
	}
}

static void
mark_begun(struct intake *i, struct record *r, size_t n)
{
	uint64_t records = record_counts(r, n);
	size_t bytes = 0;

	for (size_t k = 0; k < n; k++) {
		r[k].begun = true;
		bytes += r[k].reserved;
	}
	metrics_add(i->shard, METRIC_TAKEN, records);
	budget_begin(i->stage->budget, records, bytes);
}

bool
intake_take_due(struct intake *i, struct batch *b)
{
	size_t n = 0;

	if (i->box != NULL)
		return keyed_take_due(i->box, b, &i->again_ended);
	if (!i->again_ended)
		i->again_ended = batch_tryrecvn(i->again, b, 1, &n) == CHAN_CLOSED;
	return n == 1;
}

/* The same, record by record. */
static size_t
take_due_records(struct intake *i, struct record *r, size_t max)
{
	size_t n = 0;

	while (n < max && (i->open.records.n > 0 || intake_take_due(i, &i->open))) {
		r[n++] = queue_pop(&i->open.records);
		if (i->open.records.n == 0)
			batch_free(&i->open);
	}
	return n;
}

static bool
may_take(const struct intake *i, uint64_t oldest)
{
	/* A record may wait in the lanes while younger ones have been taken. */
	if (i->box != NULL && keyed_oldest(i->box) < oldest)
		oldest = keyed_oldest(i->box);
	return budget_may_take(i->stage->budget, oldest) || stage_is_cancelled(i->stage);
}

/*
 * The same after watching: if the budget has run out since, it is watched, too.
 */
static bool
may_still_take(struct intake *i, uint64_t oldest)
{
	if (may_take(i, oldest))
		return true;
	if (i->in_watcher == NULL)
		return false;
	budget_watch_take(i->stage->budget, &i->on_budget, i->in_watcher);
	i->in_watcher = NULL;
	return may_take(i, oldest);
}

size_t
intake_take_new(struct intake *i, struct record *r, size_t max, uint64_t oldest)
{
	size_t n = 0;

	if (i->in_ended || !may_still_take(i, oldest))
		return 0;
	if (i->box != NULL)
		n = keyed_take(i->box, r, max, &i->in_ended);
	else if (i->tray != NULL)
		n = tray_take(i->tray, i->in, r, max, &i->in_ended);
	else
		i->in_ended = record_tryrecvn(i->in, r, max, &n) == CHAN_CLOSED;
	if (n > 0) {
		count_wait(i, r, n);
		mark_begun(i, r, n);
	}
	return n;
}

size_t
intake_take(struct intake *i, struct record *r, size_t max, uint64_t oldest)
{
	size_t n = take_due_records(i, r, max);

	return n > 0 ? n : intake_take_new(i, r, max, oldest);
}

void
intake_watch_due(struct intake *i, struct parker *p)
{
	i->watching = true;
	if (i->box != NULL)
		keyed_watch(i->box, &i->on_again, p);
	if (i->again != NULL)
		chan_watch_recv(i->again, &i->on_again, p);
}

void
intake_watch_new(struct intake *i, struct parker *p, uint64_t oldest)
{
	i->watching = true;
	if (i->in_ended)
		return;
	budget_watch_take(i->stage->budget, &i->on_budget, p);
	if (!may_take(i, oldest))
		return;
	/*
	 * Don't stay on the budget's list while it lets us take: every released
	 * batch would wake us for nothing.
	 */
	budget_unwatch_take(i->stage->budget, &i->on_budget);
	if (i->tray != NULL)
		tray_watch(i->tray, &i->on_tray, p);
	if (i->in != NULL)
		chan_watch_recv(i->in, &i->on_in, p);
	i->in_watcher = p;
}

/* Watches both. */
static void
watch(struct intake *i, struct parker *p, uint64_t oldest)
{
	intake_watch_due(i, p);
	intake_watch_new(i, p, oldest);
}

static void
unwatch(struct intake *i)
{
	if (!i->watching)
		return;
	i->watching = false;
	i->in_watcher = NULL;
	if (i->in != NULL)
		chan_unwatch_recv(i->in, &i->on_in);
	if (i->tray != NULL)
		tray_unwatch(i->tray, &i->on_tray);
	if (i->box != NULL)
		keyed_unwatch(i->box, &i->on_again);
	if (i->again != NULL)
		chan_unwatch_recv(i->again, &i->on_again);
	budget_unwatch_take(i->stage->budget, &i->on_budget);
}

void
intake_watch(struct intake *i, uint64_t oldest)
{
	watch(i, &i->parker, oldest);
}

void
intake_unwatch(struct intake *i, bool woken)
{
	if (woken)
		park_clear(&i->parker);
	unwatch(i);
}

size_t
intake_wait(struct intake *i, struct record *r, size_t max)
{
	struct stage *st = i->stage;
	struct parker parker;
	struct waiter on_end = {0};
	size_t n;

	park_init(&parker);
	while ((n = intake_take(i, r, max, UINT64_MAX)) == 0) {
		/* Once work is cancelled only the end of the stage is news. */
		struct ctx *ctx = stage_is_cancelled(st) ? st->root : st->work;

		if (intake_has_ended(i) || ctx_state(st->root) != CTX_LIVE)
			return 0;
		ctx_watch(ctx, &on_end, &parker);
		watch(i, &parker, UINT64_MAX);
		if ((n = intake_take(i, r, max, UINT64_MAX)) == 0 && !intake_has_ended(i))
			park_wait(&parker, ctx_deadline(ctx));
		unwatch(i);
		ctx_unwatch(ctx, &on_end);
		if (n > 0)
			break;
	}
	return n;
}

struct pollfd
intake_pollfd(const struct intake *i)
{
	return (struct pollfd){.fd = i->parker.fd, .events = POLLIN};
}

bool
intake_has_ended(const struct intake *i)
{
	return i->in_ended && i->again_ended && i->open.records.n == 0;
}
