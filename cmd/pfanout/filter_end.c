/* What happens when a filter has ended or must be ended. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "filter_fate.h"
#include "filter_worker.h"
#include "pfanout.h"
#include "proc/leftover.h"
#include "record/reader.h"
#include "stage/cli.h"
#include "sync/ctx.h"

#define LAST_LINE_SIZE 96

void
filter_close_in(struct filter_worker *f)
{
	if (f->w.child.in == -1)
		return;
	f->leftover = leftover_open(f->w.child.in);
	if (f->leftover == -1 && errno != ENOENT)
		filter_abort(f, "has a stdin that can't be looked at (%s)", strerror(errno));
	else if (f->leftover == -1 && !atomic_exchange(&f->w.pf->told_no_proc, true))
		cli_say("/proc is not mounted, so records that a filter leaves unread are lost "
			"without being counted");
	child_close_in(&f->w.child);
}

/* How many records the child, which has exited, has not read to their end. */
static uint64_t
take_leftover(struct filter_worker *f)
{
	uint64_t n;

	if (f->leftover == -1)
		return 0;
	n = leftover_lines(f->leftover);
	close(f->leftover);
	f->leftover = -1;
	return n;
}

/*
 * Says what became of the part of a line that a filter leaves when it does not
 * end well; "" if there is none.
 */
static void
describe_last_line(const struct filter_worker *f, char text[LAST_LINE_SIZE])
{
	size_t n = reader_pending(f->lines);

	*text = '\0';
	if (n > 0)
		snprintf(text, LAST_LINE_SIZE,
		    ", and its last line, %zu byte%s without LF, is not in the output", n,
		    n == 1 ? "" : "s");
}

/* It left well, but the records that it has not read are lost. */
static void
lose_unread(struct filter_worker *f, uint64_t unread)
{
	char name[WORKER_NAME_SIZE];

	worker_name(&f->w, name);
	f->told = true;
	if (stage_is_marked(f->w.stage)) {
		stage_abort_always(f->w.stage, 2,
		    "%s left before the end of its input: it has not read %ju of the %ju records "
		    "it had been given, which come again",
		    name, (uintmax_t)unread, (uintmax_t)f->given);
		return;
	}
	stage_abort_always(f->w.stage, 2,
	    "%s left before the end of its input: of the %ju records it had been given it has "
	    "not read %ju, which are lost",
	    name, (uintmax_t)f->given, (uintmax_t)unread);
}

/*
 * Of a filter that has exited by itself and is reaped; early: with its stdin
 * open.
 */
static struct filter_facts
exit_facts(struct filter_worker *f, bool early)
{
	const struct pfanout *pf = f->w.pf;
	int status = f->w.child.status;
	bool listed =
	    WIFEXITED(status) && exits_mean(&pf->exits, WEXITSTATUS(status)) == MEANS_SUCCESS;

	return (struct filter_facts){
	    .status = status,
	    .listed = listed,
	    .stopped = !listed && stage_stop_ended(f->w.stage, status),
	    .greps = filter_is_grep(pf->argv[0]),
	    .complained = f->w.child.log_len > 0,
	    .hasty = early && f->given > 0 && stage_is_marked(f->w.stage),
	    .unread = take_leftover(f),
	    .waiting = f->taken.queue.n,
	};
}

void
filter_count_open(struct filter_worker *f)
{
	metrics_add(f->w.shard, METRIC_ENDED, f->open);
	metrics_add(f->w.shard, METRIC_PROCESSED, f->open);
	f->open = 0;
}

/*
 * It ended well.  If it did so with its stdin open, that is no harm if the
 * input has ended, which we may not know yet.
 */
static void
end_well(struct filter_worker *f, bool early)
{
	filter_count_open(f);
	f->left = early;
	if (!early)
		f->given = 0;
}

/* Acts on the verdict about its exit, unless it ended well. */
static void
act_on(struct filter_worker *f, enum filter_fate fate, const struct filter_facts *facts)
{
	char how[WORKER_STATUS_SIZE], last_line[LAST_LINE_SIZE];

	worker_status(facts->status, how);
	describe_last_line(f, last_line);
	switch (fate) {
	case FILTER_DONE:
		break;
	case FILTER_LEFT:
		if (facts->unread > 0)
			lose_unread(f, facts->unread);
		else
			filter_abort(f, "left before the end of its input");
		break;
	case FILTER_FAILED:
		filter_abort(f, "ended with %s%s (if that is no failure: --ok-status %d)", how,
		    last_line, WEXITSTATUS(facts->status));
		break;
	case FILTER_DIED:
		filter_abort(f, "died of %s%s", how, last_line);
		break;
	case FILTER_STOPPED:
		filter_abort(f, "was stopped by the same signal%s", last_line);
		break;
	case FILTER_UNKNOWN:
		filter_abort(f, "ended with %s%s", how, last_line);
		break;
	}
}

void
filter_handle_exit(struct filter_worker *f)
{
	struct filter_facts facts;
	enum filter_fate fate;
	bool early = f->w.child.in != -1;

	/* All that it has printed, then all that it has not read. */
	filter_close_in(f);
	child_reap(&f->w.child);
	filter_drain_lines(f);
	facts = exit_facts(f, early);

	/* Judge the exit, and act on the verdict. */
	fate = filter_fate_of(&facts);
	if (filter_fate_is_well(fate))
		filter_take_last_line(f);
	if (fate == FILTER_DONE)
		end_well(f, early);
	act_on(f, fate, &facts);
	child_close(&f->w.child);
	metrics_add(f->w.shard, METRIC_EXITS, 1);
}

/*
 * Says what is lost with a child that was killed, if anybody listens.  The
 * stage is stopping already; after a signal it still reads its pipe.
 */
static void
tell_killed(struct filter_worker *f)
{
	char last_line[LAST_LINE_SIZE];

	/* It comes again, like all that the stage has not finished. */
	if (stage_is_marked(f->w.stage))
		return;
	describe_last_line(f, last_line);
	if (ctx_state(f->w.stage->root) == CTX_LIVE && (f->given > 0 || *last_line != '\0'))
		filter_fault(f, "was killed%s", last_line);
}

void
filter_cancel(struct filter_worker *f)
{
	if (f->w.child.pid > 0) {
		worker_stop(&f->w);
		filter_drain_lines(f);
		tell_killed(f);
		child_close(&f->w.child);
		metrics_add(f->w.shard, METRIC_EXITS, 1);
	}
	while (filter_has_unwritten(f)) {
		struct record r = inflight_pop(&f->taken);

		worker_cancel_record(&f->w, &r);
	}
	outbox_flush(&f->w.out);
}

void
filter_close(struct filter_worker *f)
{
	worker_stop(&f->w);
	child_close(&f->w.child);
	(void)take_leftover(f);
}
