#include "stage/ending.h"

#include <stdbool.h>

#include "base/clock.h"
#include "record/record.h"
#include "stage/budget.h"
#include "stage/stage.h"
#include "stage/traced.h"

/* How many lines it is in the output. */
static uint64_t
lines_of(const struct record *r)
{
	if (r->slab == NULL)
		return 0;
	return r->kind == RECORD_LINES || r->kind == RECORD_EXTRA ? r->lines : record_count(r);
}

static void
count_record(struct metrics_shard *s, const struct record *r, enum place place)
{
	if (place == LOST)
		return;
	if (place == UNFINISHED) {
		metrics_add(s, METRIC_UNWRITTEN, record_count(r));
		return;
	}
	switch (r->kind) {
	case RECORD_DATA:
	case RECORD_RUN:
		metrics_add(s, METRIC_PROCESSED, record_count(r));
		break;
	case RECORD_LINES:
		metrics_add(s, METRIC_PROCESSED, r->results);
		break;
	case RECORD_SHARED:
		/* It is counted with the lines. */
		break;
	case RECORD_DROP:
		metrics_add(s, METRIC_FILTERED, 1);
		break;
	case RECORD_DEAD:
		metrics_add(s, METRIC_FAILED + r->reason, 1);
		break;
	case RECORD_LETTER:
		metrics_add(s, METRIC_PASSED_ON, 1);
		break;
	case RECORD_EXTRA:
		metrics_add(s, METRIC_DELIVERED, lines_of(r));
		break;
	case RECORD_MARK:
		/* The stage counts those that have gone. */
	case RECORD_ENDED:
		break;
	}
	if (place == IN_OUTPUT)
		metrics_add(s, METRIC_WRITTEN, lines_of(r));
}

/* The same for its span. */
static inline enum span_result
result_of(const struct record *r, enum place place)
{
	if (place == LOST || place == UNFINISHED)
		return SPAN_UNWRITTEN;
	return r->kind == RECORD_DROP ? SPAN_FILTERED
	    : r->kind == RECORD_DEAD  ? SPAN_FAILED
				      : SPAN_OK;
}

void
ending_mark_lost(
    struct metrics_shard *s, const struct record *r, enum place *place, size_t n, uint64_t written)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t lines;
		size_t whole;

		if (place[i] != IN_OUTPUT || r[i].slab == NULL)
			continue;
		if (written > r[i].len) {
			written -= r[i].len + 1;
			continue;
		}
		lines = record_whole_lines(&r[i], written, &whole);
		metrics_add(s, METRIC_WRITTEN, lines);
		if (r[i].kind == RECORD_EXTRA)
			metrics_add(s, METRIC_DELIVERED, lines);
		if (r[i].kind == RECORD_RUN)
			metrics_add(s, METRIC_PROCESSED, lines);
		place[i] = LOST;
		written = 0;
	}
}

/*
 * The spans of these records come from the cache of other threads' processors:
 * all at the same time, and not one after the other.
 */
static void
fetch_spans(const struct record *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (r[i].origin != NULL)
			origin_fetch(r[i].origin);
}

void
ending_count(struct stage *st, struct metrics_shard *s, struct record *r, const enum place *place,
    size_t n, int64_t began)
{
	struct budget_release end = {0};
	struct traced_ended ended;

	ended.n = 0;
	fetch_spans(r, n);
	for (size_t i = 0; i < n; i++) {
		count_record(s, &r[i], place[i]);
		if (record_span(&r[i]) != NULL) {
			if (began != 0)
				traced_enter(&r[i], PHASE_OUTPUT, began);
			traced_end(st, &r[i], result_of(&r[i], place[i]), &ended);
		}
		/* Else the source has not read it. */
		if (r[i].reserved > 0) {
			end.records += record_count(&r[i]);
			end.bytes += r[i].reserved;
		}
		if (r[i].begun) {
			end.begun += record_count(&r[i]);
			end.begun_bytes += r[i].reserved;
		}
		if (r[i].answered)
			end.answer_bytes += r[i].len;
	}
	if (end.records > 0)
		metrics_set(s, METRIC_LAST_RESULT_US, (uint64_t)clock_calendar());
	traced_write(st, &ended);
	record_freen(r, n);
	budget_release(st->budget, &end);
}
