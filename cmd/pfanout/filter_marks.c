/*
 * Marks: what was taken before one is done when the child has been flushed, has
 * ended well, and its lines are on their way.  Then the sink is told, and lets
 * the mark pass once all workers have told it.
 */

#include "filter_worker.h"
#include "pfanout.h"

/*
 * A wake takes the waiter out of the list, also one that brings nothing new: in
 * a stream with marks the worker watches again before each look.
 */
void
filter_look_for_marks(struct filter_worker *f)
{
	struct demand *d = &f->w.pf->demand;

	if (f->watches && !stage_is_marked(f->w.stage))
		return;
	f->watches = true;
	demand_unwatch(d, &f->on_demand);
	demand_watch(d, &f->on_demand, &f->w.intake.parker);
}

static bool
is_owed(const struct filter_worker *f)
{
	return f->due > f->flushed;
}

bool
filter_must_flush(struct filter_worker *f)
{
	if (f->flushing)
		return true;
	f->due = demand_before(&f->w.pf->demand);
	f->flushing = is_owed(f) && (f->given == 0 || clock_now() - f->started >= FILTER_LIFE);
	return f->flushing;
}

int64_t
filter_flush_at(const struct filter_worker *f)
{
	bool waits = is_owed(f) && !f->flushing && !filter_has_unwritten(f);

	return waits ? f->started + FILTER_LIFE : CLOCK_NEVER;
}

/*
 * What is cancelled has not ended, and nothing behind it can be acknowledged.
 */
static bool
tell(struct filter_worker *f)
{
	struct record ended = {.kind = RECORD_ENDED, .seq = f->due, .worker = f->w.slot - 1};

	if (stage_is_cancelled(f->w.stage))
		return false;
	outbox_put(&f->w.out, &ended);
	outbox_flush(&f->w.out);
	f->flushed = f->due;
	f->flushing = false;
	return true;
}

bool
filter_flush(struct filter_worker *f)
{
	/* No child is flushed that was given nothing. */
	if (f->given == 0)
		return tell(f);
	if (f->w.child.pid > 0)
		filter_close_in(f);
	else if (f->left)
		filter_abort(f, "left before the end of its input");
	return false;
}

void
filter_tell_end(struct filter_worker *f)
{
	f->due = UINT64_MAX;
	if (stage_is_marked(f->w.stage))
		(void)filter_flush(f);
}
