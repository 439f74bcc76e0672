#include "outbox.h"

#include "base/clock.h"
#include "keyed.h"
#include "metrics/worktime.h"
#include "stage/budget.h"
#include "stage/stage.h"
#include "stage/traced.h"
#include "sync/chan.h"
#include "sync/stopwatch.h"

CHAN_OF(record, struct record)

void
outbox_init(struct outbox *o, struct chan *chan, const struct stage *st)
{
	o->chan = chan;
	o->ctx = st->root;
	o->budget = st->budget;
	o->blocked = 0;
	o->waits = NULL;
	o->box = NULL;
	o->phase = PHASE_COUNT;
	o->answer_bytes = 0;
	o->slab = NULL;
	o->refs = 0;
	o->n = 0;
}

/* Gives up the bytes of a record whose result is there. */
static void
give_up(struct outbox *o, struct slab *slab)
{
	if (o->slab != slab && o->refs > 0)
		slab_release(o->slab, o->refs);
	o->refs = o->slab == slab ? o->refs + 1 : 1;
	o->slab = slab;
}

/* What was joined is known to others before it is sent. */
static void
settle_joined(struct outbox *o)
{
	if (o->refs > 0)
		slab_release(o->slab, o->refs);
	if (o->answer_bytes > 0)
		budget_answer(o->budget, o->answer_bytes);
	o->answer_bytes = 0;
	o->slab = NULL;
	o->refs = 0;
}

/* Whether the line is the next one behind the result. */
static bool
follows(const struct record *result, const struct record *r, const struct record *line)
{
	return line->slab == result->slab && line->data == result->data + result->len + 1 &&
	    r->seq == result->seq + record_count(result) &&
	    (result->kind == RECORD_RUN || result->kind == RECORD_DATA) && result->answered;
}

bool
outbox_join(struct outbox *o, struct record *r, const struct record *line)
{
	struct record *last = o->n > 0 ? &o->record[o->n - 1] : NULL;

	/* The lanes of --key are told of each record. */
	if (last == NULL || o->box != NULL || r->origin != NULL || last->origin != NULL ||
	    !follows(last, r, line))
		return false;
	give_up(o, r->slab);
	last->lines = record_count(last) + 1;
	last->kind = RECORD_RUN;
	last->len += line->len + 1;
	last->reserved += r->reserved;
	o->answer_bytes += line->len + 1;
	return true;
}

void
outbox_send(struct outbox *o)
{
	int64_t begun = clock_now(), ended;
	size_t sent;

	settle_joined(o);
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
