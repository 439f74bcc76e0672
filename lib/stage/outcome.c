/*
 * What a record becomes in the end, for the sink: its letter, its result or
 * nothing (stage.h).
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "record/envelope.h"
#include "record/record.h"
#include "record/unwrap.h"
#include "stage/budget.h"
#include "stage/share.h"
#include "stage/stage.h"
#include "trace/span.h"

static void
describe_worker(struct letter *l, const struct failure *f)
{
	if (f->slot == 0)
		return;
	l->worker.known = true;
	l->worker.slot = f->slot;
	l->worker.pid = f->pid;
	l->worker.log = f->log;
	l->worker.log_len = f->log_len;
	l->worker.out = f->out;
	l->worker.out_len = f->out_len;
	l->worker.shared = f->shared;
	l->worker.shared_first = f->shared_first;
	l->worker.shared_last = f->shared_last;
	if (!f->exited)
		return;
	l->worker.exited = WIFEXITED(f->wait_status);
	if (WIFEXITED(f->wait_status))
		l->worker.exit = WEXITSTATUS(f->wait_status);
	else if (WIFSIGNALED(f->wait_status))
		l->worker.signal = WTERMSIG(f->wait_status);
}

static void
describe_letter(
    const struct stage *st, const struct record *r, const struct failure *f, struct letter *l)
{
	uint64_t full_len = r->attempts == 0 && r->full_len > r->len ? r->full_len : 0;

	*l = (struct letter){
	    .stage = st->name,
	    .reason = f->reason,
	    .message = f->message,
	    .attempts = r->attempts,
	    .first_failed = r->attempts > 1 ? r->first_failed : 0,
	    .failed = clock_calendar(),
	    .input = r->input,
	    .line = r->line,
	    .offset = r->offset,
	    .full_len = f->half ? 0 : full_len,
	    .truncated = f->half || full_len > 0,
	    .payload = r->data,
	    .payload_len = r->len,
	};
	if (record_is_retry(r)) {
		l->id = r->origin->id;
		l->replays = r->origin->replays + 1;
		if (r->origin->first_failed != 0)
			l->first_failed = r->origin->first_failed;
	}
	describe_worker(l, f);
}

void
stage_count_share(struct stage *st, enum share_step step, uint64_t n, uint64_t failed)
{
	uint32_t tenths; /* of a percent, rounded up */
	bool over;

	pthread_mutex_lock(&st->lock);
	over = share_count(&st->share, step, n, failed);
	tenths = (st->share.failed + SHARE_ALL / 1000 - 1) / (SHARE_ALL / 1000);
	pthread_mutex_unlock(&st->lock);
	if (over)
		stage_abort(st, 2,
		    "stopped: %u.%u%% of the last records failed, over --max-failed %s",
		    tenths / 10, tenths % 10, st->max_share);
}

static void
count_failed_share(struct stage *st, enum reason reason)
{
	switch (reason) {
	case REASON_INVALID:
	case REASON_TOO_LONG:
		stage_count_share(st, SHARE_CHECKED, 1, 1);
		break;
	case REASON_NO_KEY:
		/* It has passed the check before. */
		stage_count_share(st, SHARE_CHECKED, 0, 1);
		break;
	default:
		stage_count_share(st, SHARE_ENDED, 1, 1);
		break;
	}
}

static void
count_failed(struct stage *st, enum reason reason)
{
	if (reason == REASON_CANCELLED)
		return;
	if (st->share.most != 0)
		count_failed_share(st, reason);
	if (atomic_fetch_add(&st->failed, 1) + 1 == st->max_failed)
		stage_abort(st, 2, "stopped after %ju failed record%s, as --max-failed says",
		    (uintmax_t)st->max_failed, st->max_failed == 1 ? "" : "s");
}

static int
make_letter(const struct letter *letter, struct record *dead)
{
	char *line;
	size_t len;
	int error;

	if (envelope_letter(letter, &line, &len) == -1)
		return -1;
	error = record_copy(dead, line, len - 1);
	free(line);
	return error;
}

/* A stage that passes retry envelopes on finds out here whose record it is. */
static void
look_into_envelope(const struct stage *st, struct record *r)
{
	if (!record_is_retry(r) && !st->opt->no_bypass && r->attempts == 0 && r->full_len == 0 &&
	    envelope_kind(r->data, r->len) == ENVELOPE_RETRY)
		unwrap(r);
}

void
stage_bury(struct stage *st, struct record *r, const struct failure *f)
{
	struct letter letter;
	struct record dead;

	look_into_envelope(st, r);
	if (record_span(r) != NULL)
		span_fail(record_span(r), f->reason, f->message);
	describe_letter(st, r, f, &letter);
	if (make_letter(&letter, &dead) == -1) {
		stage_give_up(st, 2,
		    "out of memory: the record of line %ju is lost, with its dead letter",
		    (uintmax_t)r->line);
		stage_drop(r);
		return;
	}
	record_empty(r);
	r->data = dead.data;
	r->len = dead.len;
	r->slab = dead.slab;
	r->kind = RECORD_DEAD;
	r->reason = (uint8_t)f->reason;
	r->answered = true;
	budget_answer(st->budget, r->len);
	count_failed(st, f->reason);
}

void
stage_bury_cancelled(struct stage *st, struct record *r)
{
	struct failure f = {
	    .reason = REASON_CANCELLED, .message = "the stage was stopped before it was done"};

	stage_bury(st, r, &f);
}

void
stage_bury_half(struct stage *st, struct record *r)
{
	struct failure f = {.reason = REASON_CANCELLED,
	    .message = "the stage stopped reading inside this line",
	    .half = true};

	stage_bury(st, r, &f);
}

void
stage_answer(
    struct stage *st, struct record *input, const struct record *answer, enum record_kind kind)
{
	record_empty(input);
	input->data = answer->data;
	input->len = answer->len;
	input->slab = answer->slab;
	input->lines = answer->lines;
	input->results = 1;
	input->kind = (uint8_t)kind;
	input->answered = true;
	budget_answer(st->budget, input->len);
}

void
stage_share(struct record *r, struct record *lines)
{
	stage_drop(r);
	r->kind = RECORD_SHARED;
	lines->results++;
}

void
stage_drop(struct record *r)
{
	record_empty(r);
	r->len = 0;
	r->kind = RECORD_DROP;
}
