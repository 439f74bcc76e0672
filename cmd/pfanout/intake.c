#include "intake.h"

#include "sync/chan.h"
#include "base/clock.h"
#include "sync/ctx.h"
#include "pfanout.h"

CHAN_OF(record, struct record)

int
intake_open(struct intake *i, struct pfanout *pf, struct metrics_shard *shard, struct chan *in,
    struct chan *again)
{
	*i = (struct intake){
	    .pf = pf, .shard = shard, .in = in, .again = again, .again_ended = again == NULL};
	if (park_init_fd(&i->parker) == -1)
		return -1;
	ctx_watch(pf->stage.work, &i->on_cancel, &i->parker);
	return 0;
}

void
intake_close(struct intake *i)
{
	intake_unwatch(i, false);
	ctx_unwatch(i->pf->stage.work, &i->on_cancel);
	park_close(&i->parker);
}

/* Records of one batch have the same time; so neighbours cost one clock reading and one count. */
static void
count_queue(struct intake *i, const struct record *r, size_t n)
{
	int64_t now = clock_now();

	for (size_t from = 0, to; from < n; from = to) {
		for (to = from + 1; to < n && r[to].queued == r[from].queued; to++)
			continue;
		histogram_add(&i->shard->queue, now - r[from].queued, to - from);
	}
	metrics_add(i->shard, METRIC_TAKEN, n);
}

static void
count_load(struct intake *i, struct record *r, size_t n)
{
	size_t bytes = 0;

	for (size_t k = 0; k < n; k++) {
		r[k].taken = true;
		bytes += r[k].charge;
	}
	gate_take(&i->pf->stage.gate, n, bytes);
}

static size_t
take_from(struct chan *c, bool *ended, struct record *r, size_t max)
{
	size_t n = 0;

	if (!*ended)
		*ended = record_tryrecvn(c, r, max, &n) == CHAN_CLOSED;
	return n;
}

size_t
intake_take(struct intake *i, struct record *r, size_t max, uint64_t oldest)
{
	struct stage *st = &i->pf->stage;
	size_t n;

	if ((n = take_from(i->again, &i->again_ended, r, max)) > 0)
		return n;
	if (!gate_is_open(&st->gate, oldest) && !stage_is_cancelled(st))
		return 0;
	if ((n = take_from(i->in, &i->in_ended, r, max)) > 0) {
		count_queue(i, r, n);
		count_load(i, r, n);
	}
	return n;
}

void
intake_watch(struct intake *i, uint64_t oldest)
{
	struct stage *st = &i->pf->stage;

	i->watching = true;
	if (i->again != NULL)
		chan_watch(i->again, &i->on_again, &i->parker);
	if (i->in_ended)
		return;
	gate_watch(&st->gate, &i->on_gate, &i->parker);
	if (!gate_is_open(&st->gate, oldest) && !stage_is_cancelled(st))
		return;
	/* It opens often, and for nobody if it was not closed. */
	gate_unwatch(&st->gate, &i->on_gate);
	chan_watch(i->in, &i->on_in, &i->parker);
}

void
intake_unwatch(struct intake *i, bool woken)
{
	if (woken)
		park_clear(&i->parker);
	if (!i->watching)
		return;
	i->watching = false;
	chan_unwatch(i->in, &i->on_in);
	if (i->again != NULL)
		chan_unwatch(i->again, &i->on_again);
	gate_unwatch(&i->pf->stage.gate, &i->on_gate);
}

struct pollfd
intake_pollfd(const struct intake *i)
{
	return (struct pollfd){.fd = i->parker.fd, .events = POLLIN};
}

bool
intake_has_ended(const struct intake *i)
{
	return i->in_ended && i->again_ended;
}
