/* Taking what a filter prints: whole lines, and whatever they hold. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "filter_worker.h"
#include "pfanout.h"
#include "record/reader.h"
#include "stage/budget.h"

#define MESSAGE_SIZE 512

/* What becomes of the filter's records; false: that has been told. */
static bool __attribute__((format(printf, 3, 0)))
describe_end(struct filter_worker *f, char text[MESSAGE_SIZE], const char *how, va_list ap)
{
	char name[WORKER_NAME_SIZE], end[256];

	if (f->told)
		return false;
	f->told = true;
	vsnprintf(end, sizeof(end), how, ap);
	worker_name(&f->w, name);
	if (f->given == 0)
		snprintf(text, MESSAGE_SIZE, "%s %s; it had been given no records", name, end);
	else if (stage_is_marked(f->w.stage))
		snprintf(text, MESSAGE_SIZE,
		    "%s %s: the %ju record%s it had been given come%s again", name, end,
		    (uintmax_t)f->given, f->given == 1 ? "" : "s", f->given == 1 ? "s" : "");
	else
		snprintf(text, MESSAGE_SIZE,
		    "%s %s: what became of the %ju record%s it had been given can't be told", name,
		    end, (uintmax_t)f->given, f->given == 1 ? "" : "s");
	return true;
}

void
filter_abort(struct filter_worker *f, const char *how, ...)
{
	char text[MESSAGE_SIZE];
	va_list ap;

	va_start(ap, how);
	if (describe_end(f, text, how, ap))
		stage_abort_always(f->w.stage, 2, "%s", text);
	va_end(ap);
}

void
filter_fault(struct filter_worker *f, const char *how, ...)
{
	char text[MESSAGE_SIZE];
	va_list ap;

	va_start(ap, how);
	if (describe_end(f, text, how, ap))
		stage_fault(f->w.stage, 2, "%s", text);
	va_end(ap);
}

/* Of such a line only the head may be there: it is no result. */
static void
refuse_too_long(struct filter_worker *f)
{
	filter_abort(f,
	    "printed a line longer than --max-record %zu, which is not in the output (a larger "
	    "--max-record lets it pass)",
	    f->w.stage->opt->max_record);
}

static void
emit_block(struct filter_worker *f, struct record *r)
{
	if (r->full_len != 0) {
		refuse_too_long(f);
		record_free(r);
		return;
	}
	r->kind = RECORD_EXTRA;
	r->lines = record_lines(r);
	metrics_add(f->w.shard, METRIC_PRINTED, r->lines);
	r->answered = true;
	budget_answer(f->w.stage->budget, r->len);
	outbox_put(&f->w.out, r);
}

/* Sends the whole lines on, once the budget has room for them. */
static void
emit_lines(struct filter_worker *f)
{
	struct stage *st = f->w.stage;
	struct record r;

	budget_wait_take(st->budget, st->root);
	while (reader_block(f->lines, &r))
		emit_block(f, &r);
	/* A line that is too long already need not be waited for. */
	if (reader_line_is_over(f->lines))
		refuse_too_long(f);
	outbox_flush(&f->w.out);
}

bool
filter_read_lines(struct filter_worker *f)
{
	ssize_t n = reader_fill(f->lines);

	if (n > 0) {
		emit_lines(f);
		return true;
	}
	if (n == -1 && errno == EAGAIN)
		return false;
	if (n == -1)
		filter_abort(f, "has printed what can't be read (%s)", strerror(errno));
	f->out_ended = true;
	return false;
}

void
filter_drain_lines(struct filter_worker *f)
{
	while (!f->out_ended && filter_read_lines(f))
		continue;
}

void
filter_take_last_line(struct filter_worker *f)
{
	struct record r;

	if (reader_rest(f->lines, &r))
		emit_block(f, &r);
	outbox_flush(&f->w.out);
}
