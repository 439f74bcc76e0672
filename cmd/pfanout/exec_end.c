/* Exec mode: what follows from an attempt for the records of the batch. */

#include <stdarg.h>
#include <stdio.h>

#include "exec_worker.h"
#include "pfanout.h"
#include "record/record.h"
#include "stage/traced.h"

/* The records are with the sink. */
static void
end_batch(struct exec_worker *e)
{
	e->batch.records.n = 0;
	batch_free(&e->batch);
	outbox_flush(&e->w.out);
}

/* The batch is with the retry queue, or its halves are. */
static void
forget_batch(struct exec_worker *e)
{
	e->batch = (struct batch){0};
}

static void
put_out(struct exec_worker *e, const struct batch *b)
{
	for (size_t i = 0; i < b->records.n; i++)
		outbox_put(&e->w.out, queue_at(&b->records, i));
}

static void
bury_batch(struct exec_worker *e, const struct batch *b, const struct failure *f)
{
	for (size_t i = 0; i < b->records.n; i++)
		stage_bury(e->w.stage, queue_at(&b->records, i), f);
	put_out(e, b);
}

void
exec_accept(struct exec_worker *e)
{
	struct record *first = queue_at(&e->batch.records, 0), answer = {0};

	/* The lines belong to all, and have the place of the first record. */
	printed_move(&e->printed, &answer);
	if (e->batch.records.n == 1)
		traced_answer(e->w.stage, first, &answer);
	stage_answer(e->w.stage, first, &answer, RECORD_LINES);
	for (size_t i = 1; i < e->batch.records.n; i++)
		stage_share(queue_at(&e->batch.records, i), first);
	stage_succeeded(e->w.stage, e->batch.records.n);
	put_out(e, &e->batch);
	end_batch(e);
}

void
exec_cancel(struct exec_worker *e)
{
	for (size_t i = 0; i < e->batch.records.n; i++)
		stage_bury_cancelled(e->w.stage, queue_at(&e->batch.records, i));
	put_out(e, &e->batch);
	end_batch(e);
}

void
exec_refuse(struct exec_worker *e, enum reason reason, const char *fmt, ...)
{
	struct failure f = {.reason = reason};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f.message, sizeof(f.message), fmt, ap);
	va_end(ap);
	bury_batch(e, &e->batch, &f);
	end_batch(e);
}

/* The half is tried as soon as a worker is free, or when the command says. */
static void
search_half(struct exec_worker *e, struct batch *half, const struct failure *f)
{
	if (pfanout_try_again(e->w.pf, e->w.shard, half, f, f->wait))
		return;
	bury_batch(e, half, f);
	half->records.n = 0;
	batch_free(half);
}

/* False: there is no memory for the halves. */
static bool
search_halves(struct exec_worker *e, const struct failure *f)
{
	struct batch front = {0};

	if (batch_halve(&e->batch, &front) == -1)
		return false;
	search_half(e, &front, f);
	search_half(e, &e->batch, f);
	forget_batch(e);
	outbox_flush(&e->w.out);
	return true;
}

/*
 * Lets the whole batch wait for another attempt.  Once work is cancelled a
 * single record is dead of what it did, but in a batch most did nothing: they
 * will be cancelled.
 */
static bool
wait_for_attempt(struct exec_worker *e, const struct failure *f)
{
	struct pfanout *pf = e->w.pf;
	int64_t wait = pfanout_wait(pf, e->batch.attempts, f);

	if ((e->batch.records.n == 1 && stage_is_cancelled(e->w.stage)) ||
	    !pfanout_try_again(pf, e->w.shard, &e->batch, f, wait))
		return false;
	forget_batch(e);
	return true;
}

void
exec_attempt_failed(struct exec_worker *e, struct failure *f, pid_t pid)
{
	const struct pfanout *pf = e->w.pf;
	uint32_t most = f->reason == REASON_REJECTED ? 0 : pf->attempts;
	size_t n = e->batch.records.n;

	f->slot = e->w.slot;
	f->pid = pid;
	f->wait_status = e->w.child.status;
	f->log = e->w.child.log;
	f->log_len = e->w.child.log_len;
	f->out = e->printed.slab != NULL ? e->printed.slab->data : NULL;
	f->out_len = e->printed.len;
	f->shared = n;
	f->shared_first = queue_at(&e->batch.records, 0)->line;
	f->shared_last = queue_at(&e->batch.records, n - 1)->line;
	for (size_t i = 0; i < n; i++)
		pfanout_count_attempt(queue_at(&e->batch.records, i));
	e->batch.attempts++;
	switch (batch_fate(&e->batch, most, !pf->no_bisect)) {
	case BATCH_RETRY:
		if (wait_for_attempt(e, f))
			return;
		/* A record that was to wait is none that has used them up. */
		if (f->reason == REASON_EXHAUSTED && stage_is_cancelled(e->w.stage)) {
			exec_cancel(e);
			return;
		}
		break;
	case BATCH_HALVE:
		if (search_halves(e, f))
			return;
		break;
	case BATCH_DEAD:
		break;
	}
	bury_batch(e, &e->batch, f);
	end_batch(e);
}
