/* Taking the answers of a lane's child: the j-th line is for the j-th record given. */

#include "lane.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "record/reader.h"

/* Lines between two readings of the clock. */
struct harvest {
	struct lane *lane;
	struct failure *why;
	size_t n;
};

static bool
is_same(const struct record *a, const struct record *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static bool
bad_answer(struct failure *why, const char *what)
{
	*why = (struct failure){.reason = REASON_BAD_ANSWER};
	snprintf(why->message, sizeof(why->message), "%s", what);
	return false;
}

/* --match: the answer carries the record's own value. */
static bool
matches(const struct lane *l, const struct record *input, const struct record *answer,
    struct failure *why)
{
	struct json_slice want, got;

	if (l->pf->match == NULL || !json_path_get(l->pf->match, input->data, input->len, &want))
		return true;
	if (!json_path_get(l->pf->match, answer->data, answer->len, &got))
		return bad_answer(why, "the answer has no value at the --match path");
	if (want.len != got.len || memcmp(want.data, got.data, want.len) != 0)
		return bad_answer(why,
		    "the answer has another value at the --match path: it is another record's");
	return true;
}

static bool
is_valid(const struct lane *l, const struct record *input, const struct record *answer,
    struct failure *why)
{
	struct json_error e;

	if (l->stage->opt->raw)
		return matches(l, input, answer, why);
	/* What comes back as it was has been checked already. */
	if (!is_same(input, answer) && !json_check(answer->data, answer->len, &e)) {
		*why = (struct failure){.reason = REASON_BAD_ANSWER};
		snprintf(why->message, sizeof(why->message),
		    "the answer is not JSON: %s at byte %zu: %.*s", e.what, e.offset,
		    (int)(answer->len < 60 ? answer->len : 60), answer->data);
		return false;
	}
	return matches(l, input, answer, why);
}

/* "!message": the worker could not do it. */
static void
reject(struct lane *l, struct record *input, struct record *answer)
{
	struct failure f = {.reason = REASON_REJECTED,
	    .slot = l->slot,
	    .pid = l->child.pid,
	    .log = l->child.log,
	    .log_len = l->child.log_len};

	child_read_log(&l->child);
	f.log_len = l->child.log_len;
	snprintf(f.message, sizeof(f.message), "%.*s",
	    (int)(answer->len - 1 < sizeof(f.message) ? answer->len - 1 : sizeof(f.message) - 1),
	    answer->data + 1);
	input->attempts++;
	stage_bury(l->stage, input, &f);
	record_free(answer);
}

/* The oldest record has its answer and leaves.  False: the answer is none. */
static bool
settle(struct lane *l, struct record *answer, struct failure *why)
{
	struct record *input = queue_at(&l->held, 0);
	bool raw = l->stage->opt->raw;

	if (answer->full_len != 0)
		return bad_answer(why, "the answer is longer than --max-record");
	if (!raw && json_blank(answer->data, answer->len)) {
		stage_drop(input);
		record_free(answer);
	} else if (!raw && answer->data[0] == '!')
		reject(l, input, answer);
	else if (is_valid(l, input, answer, why))
		stage_answer(l->stage, input, answer, RECORD_DATA);
	else
		return false;
	lane_emit(l, input);
	(void)lane_pop(l);
	l->written--;
	return true;
}

/* A line although nothing is owed. */
static bool
unasked(struct lane *l, struct failure *why)
{
	char name[LANE_NAME_SIZE];

	lane_name(l, name);
	why->reason = REASON_COUNT;
	if (l->window.given == 0)
		stage_abort(l->stage, 2,
		    "%s gave an answer before it was given a record; a command that adds lines "
		    "needs -F",
		    name);
	else
		stage_abort(l->stage, 2,
		    "%s gave an answer when it owed none: its answers since line %ju can't be "
		    "trusted; a command that adds lines needs -F",
		    name, (uintmax_t)l->in_step);
	return false;
}

static bool
take_line(struct harvest *h, struct record *answer)
{
	struct lane *l = h->lane;
	bool ok;

	if (l->written == 0 && l->partial == 0)
		ok = unasked(l, h->why);
	else if (l->written == 0)
		ok = bad_answer(h->why, "the worker answered before it had read the whole record");
	else
		ok = settle(l, answer, h->why);
	if (ok)
		h->n++;
	else
		record_free(answer);
	return ok;
}

/* n answers came since the last time. */
static void
account(struct lane *l, size_t n)
{
	int64_t now = clock_now(), since = l->last_answer;

	if (n == 0)
		return;
	atomic_store_explicit(&l->pf->answered, true, memory_order_relaxed);
	atomic_store_explicit(&l->pf->deaths, 0, memory_order_relaxed);
	if (l->busy_since > since)
		since = l->busy_since;
	histogram_add(&l->shard->latency, (now - since) / (int64_t)n, n);
	metrics_add(l->shard, METRIC_ENDED, n);
	window_answered(&l->window, n, now);
	l->last_answer = now;
	lane_look_anew(l, now);
	if (l->startup == 0)
		l->startup = now - l->started;
	if (l->eof && l->given == 0)
		l->give_up = clock_after(now, l->stage->opt->grace);
}

static bool
take_lines(struct lane *l, struct failure *why)
{
	struct harvest h = {l, why, 0};
	struct record line;
	bool ok = true;

	while (ok && reader_line(l->answers, &line))
		ok = take_line(&h, &line);
	/* A line without an end need not be waited for. */
	if (ok && reader_is_over(l->answers))
		ok = l->given > 0 ? bad_answer(why, "the answer is longer than --max-record")
				  : unasked(l, why);
	account(l, h.n);
	lane_flush(l);
	return ok;
}

bool
lane_read_answers(struct lane *l, struct failure *why)
{
	ssize_t n = reader_fill(l->answers);

	if (n > 0)
		return take_lines(l, why);
	if (n == -1 && errno == EAGAIN)
		return true;
	/* The end: it should exit now. */
	if (!l->out_ended) {
		l->out_ended = true;
		l->broken = true;
		l->give_up = clock_after(clock_now(), CLOCK_S);
	}
	return true;
}

bool
lane_read_last_answer(struct lane *l, struct failure *why)
{
	struct harvest h = {l, why, 0};
	struct record line;
	bool ok = true;

	if (reader_rest(l->answers, &line))
		ok = take_line(&h, &line);
	account(l, h.n);
	lane_flush(l);
	return ok;
}
