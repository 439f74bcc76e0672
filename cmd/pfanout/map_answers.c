/* Taking a child's answers: the j-th line is for the j-th record given. */

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "base/clock.h"
#include "json/json.h"
#include "map_worker.h"
#include "metrics/worktime.h"
#include "misnamed.h"
#include "pfanout.h"
#include "record/reader.h"
#include "stage/traced.h"

#define QUOTED 60 /* bytes of a line that a message shows */

/* The child has a record: no answers of it can be told apart any more. */
static void
lose_step(struct map_worker *m, const char *name, const char *quoted)
{
	uintmax_t since = m->in_step;

	if (*quoted == '\0')
		stage_abort(m->w.stage, 2,
		    "%s gave an empty line when it owed no answer: its answers since line %ju "
		    "can't "
		    "be trusted; if its answers end in two newlines, | tr -d '\\n' takes both away",
		    name, since);
	else
		stage_abort(m->w.stage, 2,
		    "%s gave an answer when it owed none, %s: its answers since line %ju can't be "
		    "trusted; a command that adds lines needs -F",
		    name, quoted, since);
}

/*
 * A line although nothing is owed.  NULL: one that is longer than --max-record.
 */
static bool
refuse_unasked(struct map_worker *m, const struct record *line, struct failure *why)
{
	const char *file = misnamed_input(m->w.pf->argv);
	char name[WORKER_NAME_SIZE], quoted[QUOTED + 3] = "";

	if (line == NULL)
		snprintf(quoted, sizeof(quoted), "a line over --max-record");
	else if (!json_blank(line->data, line->len))
		snprintf(quoted, sizeof(quoted), "\"%.*s\"",
		    (int)(line->len < QUOTED ? line->len : QUOTED), line->data);
	worker_name(&m->w, name);
	why->reason = REASON_COUNT;
	if (file != NULL)
		stage_abort(m->w.stage, 2,
		    "%s gave an answer when it owed none: it reads the file %s; to make that the "
		    "input, use < %s instead",
		    name, file, file);
	else if (m->window.given == 0)
		stage_abort(m->w.stage, 2,
		    "%s gave an answer before it was given a record, %s: a command that adds lines "
		    "needs -F",
		    name, *quoted != '\0' ? quoted : "an empty line");
	else
		lose_step(m, name, quoted);
	return false;
}

/*
 * The line is no answer, as *why says.  If no other ones come, the run ends.
 * The line is NULL if it is longer than --max-record.
 */
static bool
refuse_answer(struct map_worker *m, const struct record *line, const struct failure *why)
{
	const char *rubbish = line != NULL ? hint_for_rubbish(line->data, line->len) : NULL;
	char name[WORKER_NAME_SIZE];

	if (line != NULL)
		stage_hint(m->w.stage, hint_for_answer(line->data, line->len));
	atomic_store(&m->w.pf->rubbish, rubbish);
	if (*m->first_bad == '\0')
		snprintf(m->first_bad, sizeof(m->first_bad), "%s", why->message);
	if (!health_bad_answer(&m->w.pf->health))
		return false;
	stage_hint(m->w.stage, rubbish);
	worker_name(&m->w, name);
	stage_abort(m->w.stage, 2, "%s: the last %d answers were all bad; its first bad one: %s",
	    name, HEALTH_MOST, m->first_bad);
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
	health_asked_again(&m->w.pf->health);
	return true;
}

/* An empty line: the record is filtered; or an engine has it, for good. */
static void
drop_or_end(struct map_worker *m, struct record *input)
{
	struct record nothing = {0};

	if (m->w.pf->engine == NULL)
		stage_drop(input);
	else {
		link_add(m->w.pf->engine_link, 1, input->len);
		stage_answer(m->w.stage, input, &nothing, RECORD_LINES);
	}
}

/* The record has a result, and is on its way. */
static void
put_result(struct map_worker *m, struct record *input, struct record *line)
{
	stage_succeeded(m->w.stage, 1);
	if (outbox_join(&m->w.out, input, line)) {
		reader_take_back(m->answers);
		return;
	}
	traced_answer(m->w.stage, input, line);
	stage_answer(m->w.stage, input, line, RECORD_DATA);
	outbox_put(&m->w.out, input);
}

/*
 * The oldest record has its answer and leaves.  False: the line is no answer.
 */
static bool
settle_oldest(struct map_worker *m, struct record *line, struct failure *why)
{
	bool engine = m->w.pf->engine != NULL, raw = m->w.stage->opt->raw;
	struct answer_rules rules = {.raw = raw && !m->w.pf->raw_input && !engine,
	    .raw_input = m->w.pf->raw_input || (raw && engine),
	    .match = m->w.pf->match};
	struct record *input = inflight_head(&m->inflight);
	enum answer answer = answer_judge(&rules, input, line, why);
	bool waits = false;

	if (answer == ANSWER_RESULT && engine)
		answer = answer_bad(
		    why, "an engine's helper answers with an empty line, ?message or !message");
	switch (answer) {
	case ANSWER_BAD:
		return refuse_answer(m, line, why);
	case ANSWER_RESULT:
		put_result(m, input, line);
		(void)inflight_pop(&m->inflight);
		return true;
	case ANSWER_DROP:
		drop_or_end(m, input);
		stage_succeeded(m->w.stage, 1);
		break;
	case ANSWER_REJECT:
		reject_record(m, input, why);
		break;
	case ANSWER_RETRY:
		waits = waits_for_attempt(m, input, why);
		break;
	}
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
	else if (m->inflight.partial > 0) {
		answer_bad(why, "the worker answered before it had read the whole record");
		ok = refuse_answer(m, line, why);
	} else
		ok = refuse_unasked(m, line, why);
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
	health_answered(&m->w.pf->health);
	m->first_bad[0] = '\0';
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

/* Whether the line is an engine's helper's, of itself, and no answer. */
static bool
take_control(struct map_worker *m, struct record *line)
{
	static const char stat[] = "stat ";
	const size_t prefix = strlen(m->w.pf->prefix), n = strlen(stat);
	const char *text = line->data + prefix;

	if (prefix == 0 || line->len < prefix || memcmp(line->data, m->w.pf->prefix, prefix) != 0)
		return false;
	if (line->len - prefix > n && memcmp(text, stat, n) == 0 &&
	    !said_take(&m->said, text + n, line->len - prefix - n))
		warnx("%s: " SAID_FULL, m->w.pf->engine);
	record_free(line);
	return true;
}

static bool
take_lines(struct map_worker *m, struct failure *why)
{
	struct record line;
	size_t n = 0;
	bool ok = true;

	while (ok && reader_line(m->answers, &line))
		if (!take_control(m, &line) && (ok = take_line(m, &line, why)))
			n++;
	/* A line that is too long already need not be waited for. */
	if (ok && reader_line_is_over(m->answers)) {
		answer_bad(why, "the answer is longer than --max-record");
		ok = m->inflight.given > 0 ? refuse_answer(m, NULL, why)
					   : refuse_unasked(m, NULL, why);
	}
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
