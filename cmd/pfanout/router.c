#include "router.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "closing.h"
#include "dispatch.h"
#include "json/key.h"
#include "outbox.h"
#include "output.h"
#include "parcel.h"
#include "spread.h"
#include "stage/marks.h"
#include "sync/chan.h"
#include "sync/ctx.h"

CHAN_OF(record, struct record)

#define BATCH 512

struct router {
	struct spread *spread;
	struct stage *stage;
	struct metrics_shard *shard;
	uint64_t taken; /* records, and marks */
	struct outbox out;
	unsigned turn; /* --by round-robin: who is next */
	size_t most;   /* records in a parcel */
	struct record batch[BATCH];
	/*
	 * The parcels that are being filled, one for each output; one for all
	 * where the output is not known yet or all have it.
	 */
	struct parcel *open[];
};

struct router *
router_new(struct spread *s)
{
	struct router *t = calloc(1, sizeof(*t) + s->n * sizeof(t->open[0]));

	if (t == NULL)
		return NULL;
	t->spread = s;
	t->stage = s->stage;
	t->shard = metrics_shard(s->stage->metrics, s->shard);
	return t;
}

void
router_free(struct router *t)
{
	if (t == NULL)
		return;
	for (unsigned i = 0; i < t->spread->n; i++)
		parcel_free(t->open[i]);
	free(t);
}

/* The next output in turn that has not left; n: there is none. */
static unsigned
next_in_turn(struct router *t)
{
	for (unsigned tries = 0; tries < t->spread->n; tries++) {
		unsigned i = t->turn++ % t->spread->n;

		if (dispatch_is_live(t->spread->dispatch, i))
			return i;
	}
	return t->spread->n;
}

/*
 * A parcel could not be handed over, errno says why.  If that is neither the
 * output's end nor ours, the stage stops.
 */
static void
note_failure(struct router *t)
{
	if (errno != EPIPE && errno != ECANCELED)
		stage_abort_always(t->stage, 2, "cannot wait for an output: %s", strerror(errno));
}

/* Gives the parcel to output i.  False: it is still ours. */
static bool
put_parcel(struct router *t, unsigned i, struct parcel *p)
{
	if (dispatch_put(t->spread->dispatch, t->stage->work, i, p))
		return true;
	note_failure(t);
	return false;
}

/* The same for whichever output takes it. */
static bool
offer_parcel(struct router *t, struct parcel *p)
{
	if (dispatch_offer(t->spread->dispatch, t->stage->work, p))
		return true;
	note_failure(t);
	return false;
}

/* All outputs have the parcel, and the last one to let go ends it. */
static void
send_copies(struct router *t, struct parcel *p)
{
	struct spread *s = t->spread;

	for (unsigned i = 0; i < s->n; i++) {
		atomic_fetch_add(&p->holders, 1);
		if (!put_parcel(t, i, p))
			closing_copied(s, t->shard, &t->out, p, 0);
	}
	closing_let_go(s, t->shard, &t->out, p);
}

/* Output i can't have the parcel: it has left, or the stage is stopped. */
static void
redirect(struct router *t, unsigned i, struct parcel *p)
{
	struct spread *s = t->spread;

	while (s->by == BY_ROUND_ROBIN && !stage_is_cancelled(t->stage) &&
	    (i = next_in_turn(t)) < s->n)
		if (put_parcel(t, i, p))
			return;
	if (s->by == BY_KEY && !stage_is_cancelled(t->stage))
		closing_unroutable(t->stage, &t->out, p, s->outputs[i].path);
	else
		closing_cancelled(t->stage, &t->out, p);
}

/* Hands the open parcel i over. */
static void
send_parcel(struct router *t, unsigned i)
{
	struct spread *s = t->spread;
	struct parcel *p = t->open[i];

	t->open[i] = NULL;
	if (s->by == BY_COPY)
		send_copies(t, p);
	else if (!(s->by == BY_READY ? offer_parcel(t, p) : put_parcel(t, i, p)))
		redirect(t, i, p);
}

static void
send_parcels(struct router *t)
{
	for (unsigned i = 0; i < t->spread->n; i++)
		if (t->open[i] != NULL)
			send_parcel(t, i);
}

/* Which output the record goes to.  False: none; it has been sent on. */
static bool
find_output(struct router *t, struct record *r, unsigned *i)
{
	struct spread *s = t->spread;
	struct json_key key;

	*i = 0;
	if (s->by == BY_ROUND_ROBIN)
		*i = next_in_turn(t) % s->n;
	if (s->by != BY_KEY)
		return true;
	if (json_key_find(&key, s->key, r->data, r->len) == -1) {
		closing_bury(t->stage, &t->out, r, REASON_NO_KEY, "no value at the --key path");
		return false;
	}
	*i = hash_jump(json_key_hash(&key), s->n);
	json_key_forget(&key);
	return true;
}

static void
put_record(struct router *t, unsigned i, struct record *r)
{
	struct parcel *p = t->open[i];

	if (p == NULL && (p = t->open[i] = parcel_new()) == NULL) {
		stage_give_up(t->stage, 2, "out of memory");
		record_free(r);
		return;
	}
	parcel_add(p, r);
	if (p->n >= t->most || parcel_is_full(p))
		send_parcel(t, i);
}

/*
 * The sink has the mark before we wait for an output, which may wait for the
 * mark.
 */
static void
pass_on_mark(struct router *t, struct record *mark)
{
	closing_needs_all(t->spread);
	outbox_put(&t->out, mark);
	outbox_flush(&t->out);
}

static void
route_record(struct router *t, struct record *r)
{
	unsigned i;

	if (r->kind == RECORD_MARK)
		pass_on_mark(t, r);
	else if (r->kind != RECORD_DATA)
		outbox_put(&t->out, r);
	else if (stage_is_cancelled(t->stage))
		closing_cancel(t->stage, &t->out, r);
	else if (!stage_check(t->stage, r))
		outbox_put(&t->out, r);
	else if (find_output(t, r, &i))
		put_record(t, i, r);
}

/*
 * How many records a parcel has: a short input is shared by all outputs that
 * are ready, and not taken by the first one.
 */
static size_t
fair_share(struct router *t, size_t n)
{
	unsigned live = dispatch_live(t->spread->dispatch);

	return t->spread->by == BY_READY && live > 0 ? (n + live - 1) / live : n;
}

static void
route_batch(struct router *t, size_t n)
{
	metrics_add(t->shard, METRIC_TAKEN, n);
	t->taken += n;
	t->most = fair_share(t, n);
	for (size_t i = 0; i < n; i++)
		route_record(t, &t->batch[i]);
	send_parcels(t);
	outbox_flush(&t->out);
}

/* No output gets a parcel any more that it has not taken. */
static void
cancel_parcels(struct router *t)
{
	struct spread *s = t->spread;
	struct parcel *p;

	while ((p = dispatch_reclaim(s->dispatch)) != NULL)
		if (s->by == BY_COPY)
			closing_copied(s, t->shard, &t->out, p, 0);
		else
			closing_cancelled(t->stage, &t->out, p);
	outbox_flush(&t->out);
}

void
router_run(struct router *t, struct chan *in, struct chan *out)
{
	struct stage *st = t->stage;
	enum chan_status status;
	size_t n;

	outbox_init(&t->out, out, st);
	t->out.waits = &t->shard->time[TIME_OUTPUT];
	do {
		/* A blocked output must not keep us from cancelling. */
		bool cancelled = stage_is_cancelled(st);

		if (cancelled)
			cancel_parcels(t);
		status = record_recvn(in, cancelled ? st->root : st->work, t->batch, BATCH, &n);
		if (status == CHAN_OK)
			route_batch(t, n);
	} while (status == CHAN_OK || (status != CHAN_CLOSED && ctx_state(st->root) == CTX_LIVE));
	dispatch_end(t->spread->dispatch);
	if (!dispatch_drain(t->spread->dispatch, st->work))
		note_failure(t);
	if (stage_is_cancelled(st))
		cancel_parcels(t);
	marks_expect(t->spread->marks.marks, t->taken);
}
