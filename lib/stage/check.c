/*
 * Which records are fit for a worker, one by one or in runs (stage.h).
 */

#include <stdio.h>
#include <string.h>

#include "json/json.h"
#include "record/record.h"
#include "stage/options.h"
#include "stage/share.h"
#include "stage/stage.h"
#include "stage/traced.h"
#include "stage/tracing.h"
#include "trace/carrier.h"

static void
bury_too_long(struct stage *st, struct record *r)
{
	struct failure f = {.reason = REASON_TOO_LONG};

	snprintf(f.message, sizeof(f.message), "%ju bytes, over --max-record %zu",
	    r->full_len != 0 ? (uintmax_t)r->full_len : (uintmax_t)r->len, st->opt->max_record);
	stage_bury(st, r, &f);
}

static void
bury_invalid(struct stage *st, struct record *r, const struct json_error *e)
{
	struct failure f = {.reason = REASON_INVALID};

	snprintf(f.message, sizeof(f.message), "%s at byte %zu", e->what, e->offset);
	stage_bury(st, r, &f);
}

/* A record out of a retry envelope is there whole, however long it is. */
static bool
is_too_long(const struct stage *st, const struct record *r)
{
	return r->attempts == 0 &&
	    (r->full_len != 0 || (record_is_retry(r) && r->len > st->opt->max_record));
}

/*
 * Whether it is JSON, where that matters; if records are traced, *has_context
 * says whether it may have a trace context.
 */
static inline bool
is_valid(const struct stage *st, bool traces, const char *data, size_t len, bool *has_context,
    struct json_error *e)
{
	if (!traces)
		return st->opt->raw || json_check(data, len, e);
	if (!st->opt->raw)
		return carrier_check(data, len, has_context, e);
	*has_context = !st->opt->plain && carrier_is_likely(data, len);
	return true;
}

bool
stage_check(struct stage *st, struct record *r)
{
	bool has_context = false;
	struct json_error e;

	if (is_too_long(st, r))
		bury_too_long(st, r);
	else if (!is_valid(st, tracing_records(st->tracing), r->data, r->len, &has_context, &e))
		bury_invalid(st, r, &e);
	else {
		if (st->share.most != 0)
			stage_count_share(st, SHARE_CHECKED, 1, 0);
		traced_begin(st, r, has_context);
		return true;
	}
	return false;
}

/* Whether stage_check() would find nothing to do. */
static inline bool
is_sound(const struct stage *st, bool traces, const char *line, size_t len)
{
	bool has_context = false;

	return is_valid(st, traces, line, len, &has_context, NULL) && !has_context;
}

bool
stage_is_sound(const struct stage *st, const char *line, size_t len)
{
	return is_sound(st, tracing_records(st->tracing), line, len);
}

/* stage_check_run() line by line; compiled with and without traces. */
static inline uint64_t
check_lines(const struct stage *st, bool traces, const struct record *run, size_t *bytes)
{
	const char *line = run->data, *end = run->data + run->len + 1, *lf;
	uint64_t n;

	for (n = 0; n < run->lines; n++, line = lf + 1) {
		lf = memchr(line, '\n', (size_t)(end - line));
		if (!is_sound(st, traces, line, (size_t)(lf - line)))
			break;
	}
	*bytes = (size_t)(line - run->data);
	return n;
}

uint64_t
stage_check_run(struct stage *st, const struct record *run, size_t *bytes)
{
	uint64_t n = run->lines;

	*bytes = run->len + 1;
	if (tracing_records(st->tracing))
		n = check_lines(st, true, run, bytes);
	else if (!st->opt->raw)
		n = check_lines(st, false, run, bytes);
	if (st->share.most != 0 && n > 0)
		stage_count_share(st, SHARE_CHECKED, n, 0);
	return n;
}

bool
stage_take_checked(struct stage *st, struct record *run, struct record *front, bool *checked)
{
	size_t bytes = 0;
	uint64_t n = 0;

	if (run->kind == RECORD_RUN && !stage_is_cancelled(st))
		n = stage_check_run(st, run, &bytes);
	*checked = n > 0;
	return n > 0 ? record_take(run, n, bytes, front) : record_take_one(run, front);
}
