#include "closing.h"

#include <stdarg.h>
#include <stdio.h>

#include "dispatch.h"
#include "outbox.h"
#include "parcel.h"
#include "spread.h"
#include "stage/ending.h"
#include "stage/marks.h"
#include "stage/stage.h"
#include "sync/park.h"

void
closing_bury(struct stage *st, struct outbox *out, struct record *r, enum reason reason,
    const char *fmt, ...)
{
	struct failure f = {.reason = reason};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f.message, sizeof(f.message), fmt, ap);
	va_end(ap);
	stage_bury(st, r, &f);
	outbox_put(out, r);
}

void
closing_cancel(struct stage *st, struct outbox *out, struct record *r)
{
	stage_bury_cancelled(st, r);
	outbox_put(out, r);
}

static void
end_records(
    struct spread *s, struct metrics_shard *shard, struct parcel *p, size_t n, enum place where)
{
	enum place place[PARCEL_RECORDS];
	struct stage *st = s->stage;

	if (marks_ended(s->marks.marks, p->record, n) == -1)
		stage_give_up(st, 2, "out of memory");
	for (size_t i = 0; i < n; i++)
		place[i] = where;
	stage_succeeded(st, n);
	ending_count(st, shard, p->record, place, n, 0);
	parcel_cut(p, n);
}

void
closing_written(struct spread *s, struct metrics_shard *shard, struct parcel *p, size_t n)
{
	end_records(s, shard, p, n, IN_OUTPUT);
}

void
closing_unroutable(struct stage *st, struct outbox *out, struct parcel *p, const char *output)
{
	for (size_t i = 0; i < p->n; i++)
		closing_bury(st, out, &p->record[i], REASON_UNROUTABLE,
		    "nothing can be written to the output of its key, %s, any more", output);
	p->n = 0;
	parcel_free(p);
}

void
closing_cancelled(struct stage *st, struct outbox *out, struct parcel *p)
{
	for (size_t i = 0; i < p->n; i++)
		closing_cancel(st, out, &p->record[i]);
	p->n = 0;
	parcel_free(p);
}

void
closing_let_go(struct spread *s, struct metrics_shard *shard, struct outbox *out, struct parcel *p)
{
	unsigned holders = parcel_let_go(p);
	size_t n;

	/* Standard output waits for the others, and has the records then. */
	if (holders == 1 && s->to_stdout < s->n)
		park_wake(dispatch_parker(s->dispatch, s->to_stdout));
	if (holders > 0)
		return;
	n = closing_is_missing(s, p) ? 0 : atomic_load(&p->written);
	end_records(s, shard, p, n, IN_OUTPUTS);
	closing_cancelled(s->stage, out, p);
}

void
closing_copied(
    struct spread *s, struct metrics_shard *shard, struct outbox *out, struct parcel *p, size_t n)
{
	parcel_note_written(p, n);
	closing_let_go(s, shard, out, p);
}

bool
closing_is_missing(const struct spread *s, struct parcel *p)
{
	return stage_is_marked(s->stage) && atomic_load(&p->is_missing);
}

void
closing_needs_all(struct spread *s)
{
	if (stage_is_marked(s->stage) && !stage_is_cancelled(s->stage) &&
	    dispatch_live(s->dispatch) < s->n)
		stage_abort(s->stage, 2,
		    "the input has marks, which no output may miss, and one has left; what is not "
		    "finished comes again");
}
