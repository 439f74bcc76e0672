/* Taking a child's answers: the j-th line is for the j-th record given. */

#include <errno.h>

#include "answer.h"
#include "base/clock.h"
#include "map_worker.h"
#include "metrics/worktime.h"
#include "misnamed.h"
#include "pfanout.h"
#include "record/reader.h"

/* A line although nothing is owed: its answers can't be told apart any more. */
static bool
refuse_unasked(struct map_worker *m, struct failure *why)
{
	const char *file = misnamed_input(m->w.pf->argv);
	char name[WORKER_NAME_SIZE];

	worker_name(&m->w, name);
	why->reason = REASON_COUNT;
	if (file != NULL)
		stage_abort(m->w.stage, 2,
		    "%s gave an answer when it owed none: it reads the file %s; to make that the "
		    "input, use < %s instead",
		    name, file, file);
	else if (m->window.given == 0)
		stage_abort(m->w.stage, 2,
		    "%s gave an answer before it was given a record; a command that adds lines "
		    "needs -F",
		    name);
	else
		stage_abort(m->w.stage, 2,
		    "%s gave an answer when it owed none: its answers since line %ju can't be "
		    "trusted; a command that adds lines needs -F",
		    name, (uintmax_t)m->in_step);
	return false;
}

/* The record's letter also has what the worker says on stderr. */
static void
describe_worker(struct map_worker *m, struct failure *f)
{
	struct child *child = &m->w.child;

	child_read_full_log(child);
	f->slot = m->w.slot;
	f->pid = child->pid;
	map_describe_log(m, f);
}

/* "!message" */
static void
reject_record(struct map_worker *m, struct record *input, struct failure *f)
{
	describe_worker(m, f);
	input->attempts++;
	stage_bury(m->w.stage, input, f);
}

/* "?message": true, if the record waits for another attempt. */
static bool
waits_for_attempt(struct map_worker *m, struct record *input, struct failure *f)
{
	describe_worker(m, f);
	if (pfanout_attempt_failed(m->w.pf, m->w.shard, input, f))
		return false;
	atomic_store_explicit(&m->w.pf->asks_again, true, memory_order_relaxed);
	return true;
}

/*
 * The oldest record has its answer and leaves.  False: the line is no answer.
 */
static bool
settle_oldest(struct map_worker *m, struct record *line, struct failure *why)
{
	struct answer_rules rules = {.raw = m->w.stage->opt->raw, .match = m->w.pf->match};
	struct record *input = inflight_head(&m->inflight);
	enum answer answer = answer_judge(&rules, input, line, why);
	bool waits = false;

	switch (answer) {
	case ANSWER_BAD:
		stage_hint(m->w.stage, hint_for_answer(line->data, line->len));
		return false;
	case ANSWER_RESULT:
		stage_answer(m->w.stage, input, line, RECORD_DATA);
		break;
	case ANSWER_DROP:
		stage_drop(input);
		break;
	case ANSWER_REJECT:
		reject_record(m, input, why);
		break;
	case ANSWER_RETRY:
		waits = waits_for_attempt(m, input, why);
		break;
	}
	if (answer != ANSWER_RESULT)
		record_free(line);
	if (!waits)
		outbox_put(&m->w.out, input);
	(void)inflight_pop(&m->inflight);
	return true;
}

static bool
take_line(struct map_worker *m, struct record *line, struct failure *why)
{
	bool ok;

	if (m->inflight.written > 0)
		ok = settle_oldest(m, line, why);
	else if (m->inflight.partial > 0)
		ok = answer_bad(why, "the worker answered before it had read the whole record") !=
		    ANSWER_BAD;
	else
		ok = refuse_unasked(m, why);
	if (!ok)
		record_free(line);
	return ok;
}

/* n answers have come since the last time. */
static void
count_answers(struct map_worker *m, size_t n)
{
	int64_t now = clock_now(), since = m->last_answer;

	if (n == 0)
		return;
	atomic_store_explicit(&m->w.pf->answered, true, memory_order_relaxed);
	atomic_store_explicit(&m->w.pf->deaths, 0, memory_order_relaxed);
	if (m->busy_since > since)
		since = m->busy_since;
	histogram_add(&m->w.shard->latency, (now - since) / (int64_t)n, n);
	metrics_add(m->w.shard, METRIC_ENDED, n);
	if (m->inflight.given > 0)
		stopwatch_next(&m->w.shard->time[TIME_BUSY], worktime_at(now));
	else
		stopwatch_stop(&m->w.shard->time[TIME_BUSY], worktime_at(now));
	window_answered(&m->window, n, now);
	m->last_answer = now;
	deadline_saw(&m->deadline, true, now, now);
	stall_answered(&m->stall, now, window_first_look(&m->window));
	if (m->state == FLUSHING && m->inflight.given == 0)
		m->give_up = clock_after(now, m->w.stage->opt->grace);
}

static bool
take_lines(struct map_worker *m, struct failure *why)
{
	struct record line;
	size_t n = 0;
	bool ok = true;

	while (ok && reader_line(m->answers, &line))
		if ((ok = take_line(m, &line, why)))
			n++;
	/* A line that is too long already need not be waited for. */
	if (ok && reader_line_is_over(m->answers))
		ok = m->inflight.given > 0
		    ? answer_bad(why, "the answer is longer than --max-record") != ANSWER_BAD
		    : refuse_unasked(m, why);
	count_answers(m, n);
	map_send_results(m);
	return ok;
}

bool
map_read_answers(struct map_worker *m, struct failure *why)
{
	ssize_t n = reader_fill(m->answers);

	if (n > 0)
		return take_lines(m, why);
	if (n == -1 && errno == EAGAIN)
		return true;
	/* At the end of its stdout it should exit. */
	if (!m->out_ended) {
		m->out_ended = true;
		map_note_hang_up(m);
	}
	return true;
}

bool
map_take_last_answer(struct map_worker *m, struct failure *why)
{
	struct record line;
	size_t n = 0;
	bool ok = true;

	if (reader_rest(m->answers, &line) && (ok = take_line(m, &line, why)))
		n = 1;
	count_answers(m, n);
	map_send_results(m);
	return ok;
}

bool
map_drain_answers(struct map_worker *m, struct failure *why)
{
	uint64_t before;

	do {
		before = reader_bytes(m->answers);
		if (!map_read_answers(m, why))
			return false;
	} while (reader_bytes(m->answers) != before);
	return true;
}
