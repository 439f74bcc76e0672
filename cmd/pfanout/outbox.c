#include "outbox.h"

#include "base/clock.h"
#include "keyed.h"
#include "metrics/worktime.h"
#include "stage/traced.h"
#include "sync/chan.h"
#include "sync/stopwatch.h"

CHAN_OF(record, struct record)

void
outbox_init(struct outbox *o, struct chan *chan, struct ctx *ctx)
{
	o->chan = chan;
	o->ctx = ctx;
	o->blocked = 0;
	o->waits = NULL;
	o->box = NULL;
	o->phase = PHASE_COUNT;
	o->n = 0;
}

void
outbox_send(struct outbox *o)
{
	int64_t begun = clock_now(), ended;
	size_t sent;

	for (size_t i = 0; o->phase != PHASE_COUNT && i < o->n; i++)
		traced_enter(&o->record[i], o->phase, begun);
	if (o->box != NULL)
		keyed_over(o->box, o->record, o->n);
	if (o->waits != NULL)
		stopwatch_start(o->waits, worktime_at(begun));
	record_sendn(o->chan, o->ctx, o->record, o->n, &sent);
	record_freen(o->record + sent, o->n - sent);
	o->n = 0;
	ended = clock_now();
	if (o->waits != NULL)
		stopwatch_stop(o->waits, worktime_at(ended));
	o->blocked += ended - begun;
}

int64_t
outbox_flush(struct outbox *o)
{
	int64_t blocked;

	if (o->n > 0)
		outbox_send(o);
	blocked = o->blocked;
	o->blocked = 0;
	return blocked;
}
