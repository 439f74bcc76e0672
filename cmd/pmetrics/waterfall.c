#include "waterfall.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "axis.h"
#include "bars.h"
#include "base/clock.h"
#include "base/hex.h"
#include "figures.h"
#include "grid.h"
#include "inked.h"
#include "lineage.h"
#include "traces.h"
#include "whereabouts.h"

#define NOTE_LINES 4 /* that a note may have */
#define INDENT_MAX 8

/* A drawing under way. */
struct drawing {
	FILE *f;
	const struct waterfall *how;
	const struct trace *trace;
	int64_t whole;                  /* ns */
	int stage, what, bars, outcome; /* columns */
	int what_at, bars_at;
	struct grid grid; /* one line, or those of a note */
};

static void
print_lines(struct drawing *d, int n)
{
	for (int y = 0; y < n; y++)
		inked_print(d->f, &d->grid, y, d->how->color);
	grid_clear(&d->grid);
}

static int
least(int a, int b)
{
	return a < b ? a : b;
}

static int
most(int a, int b)
{
	return a > b ? a : b;
}

static const char *
stage_name(const char *stage)
{
	return *stage != '\0' ? stage : "?";
}

/* "trace ID   ABOUT   TIME   RESULT", in two lines where one is too short. */
static int
draw_header(struct drawing *d)
{
	const struct trace *t = d->trace;
	const char *result = t->failed ? t->reason.text : "ok";
	char id[2 * CONTEXT_TRACE_ID + 1], head[64], time[FIGURE_SIZE];
	char *about = traces_about(t);
	int x, y = 0, room;

	if (about == NULL)
		return -1;
	hex_print(t->id, sizeof(t->id), id);
	snprintf(head, sizeof(head), "trace %s", id);
	figure_duration(t->ended - t->begun, time);
	x = grid_put(&d->grid, 0, 0, d->how->width, INK_BOLD, head) + 3;
	room = d->how->width - 6 - (int)strlen(time) - least(grid_columns(&d->grid, result), 24);
	if (room - x < grid_columns(&d->grid, about)) {
		y = 1;
		x = 1;
	}
	x += grid_put(&d->grid, y, x, room - x, INK_BOLD, about) + 3;
	x += grid_put(&d->grid, y, x, d->how->width, INK_BOLD, time) + 3;
	grid_put(&d->grid, y, x, d->how->width - x, INK_BOLD | (t->failed ? INK_RED : INK_GREEN),
	    result);
	free(about);
	print_lines(d, y + 1);
	return 0;
}

/* Columns of a bar's text. */
static int
what_columns(const struct drawing *d, const struct bar *b)
{
	char time[FIGURE_SIZE];

	figure_duration(b->ended - b->begun, time);
	return least((int)b->indent, INDENT_MAX) +
	    grid_columns(&d->grid, b->name != NULL ? b->name : b->text) + 1 + (int)strlen(time);
}

/* How wide the columns are: as wide as what is in them, within bounds. */
static void
lay_out(struct drawing *d, const struct bar *bar, size_t n)
{
	const int width = d->how->width;

	d->stage = (int)strlen("STAGE");
	d->what = (int)strlen("WHAT");
	d->outcome = 0;
	for (const struct bar *b = bar; b < bar + n; b++) {
		if (b->stage != NULL)
			d->stage = most(d->stage, grid_columns(&d->grid, b->stage));
		d->what = most(d->what, what_columns(d, b));
		if (b->outcome != NULL)
			d->outcome = most(d->outcome, grid_columns(&d->grid, b->outcome));
	}
	d->stage = least(d->stage, most(8, width / 6));
	d->what = least(d->what, most(22, width / 4));
	d->outcome = least(d->outcome, width / 6);
	d->what_at = 1 + d->stage + 1;
	d->bars_at = d->what_at + d->what + 1;
	d->bars = most(2, width - 1 - d->bars_at - (d->outcome > 0 ? d->outcome + 1 : 0));
}

static void
draw_axis(struct drawing *d)
{
	const struct axis axis = axis_of(d->whole, d->bars);
	const int end = d->how->width - 1 - (int)strlen(axis.unit);
	char label[AXIS_LABEL_SIZE];

	grid_put(&d->grid, 0, 1, d->stage, INK_DIM, "STAGE");
	grid_put(&d->grid, 0, d->what_at, d->what, INK_DIM, "WHAT");
	for (int64_t at = 0; at <= d->whole && at <= INT64_MAX - axis.step; at += axis.step) {
		int x = d->bars_at + axis_column(at, d->whole, d->bars);

		axis_label(&axis, at, label);
		if (x + (int)strlen(label) < end)
			grid_put(&d->grid, 0, x, (int)strlen(label), INK_DIM, label);
	}
	grid_put(&d->grid, 0, end, (int)strlen(axis.unit), INK_DIM, axis.unit);
	print_lines(d, 1);
}

/* What was done, and how long it took. */
static void
draw_what(struct drawing *d, const struct bar *b)
{
	const int indent = least((int)b->indent, INDENT_MAX);
	const char *text = b->name != NULL ? b->name : b->text;
	char time[FIGURE_SIZE];
	int x = d->what_at + indent, room;

	figure_duration(b->ended - b->begun, time);
	room = d->what - indent - (int)strlen(time) - 1;
	if (*text != '\0' && room > 0)
		x += grid_put(&d->grid, 0, x, room, INK_PLAIN, text) + 1;
	grid_put(&d->grid, 0, x, (int)strlen(time), INK_PLAIN, time);
}

static const char *
glyph_of(const struct drawing *d, enum bar_look look, bool instant)
{
	static const char *const glyphs[][2] = {
	    [BAR_WORK] = {"#", "\xe2\x96\x88"},
	    [BAR_WAIT] = {".", "\xc2\xb7"},
	    [BAR_PAUSE] = {" ", " "},
	    [BAR_SPAN] = {"=", "\xe2\x94\x81"},
	    [BAR_LOST] = {"?", "?"},
	};

	return instant && look == BAR_SPAN ? "|" : glyphs[look][d->how->utf8];
}

static void
draw_bar(struct drawing *d, const struct bar *b)
{
	int from = axis_column(b->begun - d->trace->begun, d->whole, d->bars);
	int to = axis_column(b->ended - d->trace->begun, d->whole, d->bars);
	const bool instant = to == from;
	const unsigned ink = b->failed && b->look == BAR_WORK ? INK_RED
	    : b->look == BAR_WAIT                             ? INK_DIM
	    : b->look == BAR_SPAN                             ? INK_CYAN
							      : INK_PLAIN;

	if (b->stage != NULL)
		grid_put(&d->grid, 0, 1, d->stage, INK_BOLD, stage_name(b->stage));
	draw_what(d, b);
	if (from == d->bars)
		from--;
	if (to <= from)
		to = from + 1;
	for (int x = from; x < to; x++)
		grid_put(&d->grid, 0, d->bars_at + x, 1, ink, glyph_of(d, b->look, instant));
	if (b->outcome != NULL)
		grid_put(&d->grid, 0, d->bars_at + to + 1, d->outcome,
		    b->failed ? INK_RED : INK_GREEN, b->outcome);
	print_lines(d, 1);
}

/* A sentence below the drawing. */
static void
draw_note(struct drawing *d, unsigned ink, const char *text)
{
	print_lines(d, grid_wrap(&d->grid, 0, 1, d->how->width - 2, NOTE_LINES, ink, text));
}

/* Why it failed: the first span of a stage that has, or of another program. */
static int
note_failure(struct drawing *d, const struct kin *kin, size_t n)
{
	const struct spanview *first = NULL;
	size_t more = 0;
	char *text;

	for (size_t i = 0; i < n; i++) {
		const struct spanview *v = kin[i].span;

		if (!v->failed)
			continue;
		more += first != NULL;
		if (first == NULL ||
		    (first->kind == SPANVIEW_FOREIGN && v->kind != SPANVIEW_FOREIGN))
			first = v;
	}
	if (first == NULL)
		return 0;
	if (asprintf(&text, "failed in %s: %s%s%.1000s%s", stage_name(first->stage),
		*first->reason != '\0' ? first->reason : "error",
		*first->message != '\0' ? ": " : "", first->message,
		more > 0 ? "; and in other spans, too" : "") == -1)
		return -1;
	draw_note(d, INK_RED, text);
	free(text);
	return 0;
}

/* What may look odd, and why. */
static void
note_oddities(struct drawing *d, const struct kin *kin, size_t n)
{
	const int64_t skew = lineage_skew(kin, n);
	size_t orphans = 0, roots = 0;
	char text[160], time[FIGURE_SIZE];

	for (size_t i = 0; i < n; i++) {
		orphans += kin[i].orphan;
		roots += kin[i].parent == LINEAGE_NONE;
	}
	/* That of the first span is where the trace came from. */
	if (orphans > 0 && roots > 1) {
		snprintf(text, sizeof(text), "the parent%s of %zu span%s missing here",
		    orphans > 1 ? "s" : "", orphans, orphans > 1 ? "s are" : " is");
		draw_note(d, INK_PLAIN, text);
	}
	if (skew >= CLOCK_MS) {
		figure_duration(skew, time);
		snprintf(
		    text, sizeof(text), "a span begins %s before its parent: clocks differ", time);
		draw_note(d, INK_PLAIN, text);
	}
}

static int
note_whereabouts(struct drawing *d, const struct kin *kin, size_t n)
{
	const time_t at = (time_t)(d->trace->begun / CLOCK_S);
	const int ms = (int)(d->trace->begun % CLOCK_S / CLOCK_MS);
	char where[WHEREABOUTS_SIZE], begin[32] = "?", *text;
	const char *place = d->how->place;
	struct tm tm;

	if (whereabouts_of(kin, n, where) == -1)
		return -1;
	if (localtime_r(&at, &tm) != NULL)
		strftime(begin, sizeof(begin), "%Y-%m-%d %H:%M:%S", &tm);
	if (asprintf(&text, "%s%s%s; began %s.%03d", where, *place != '\0' ? "; " : "", place,
		begin, ms) == -1)
		return -1;
	draw_note(d, INK_BOLD, text);
	free(text);
	return 0;
}

static int
draw(struct drawing *d, const struct kin *kin, size_t n)
{
	struct bar *bar;
	ssize_t bars = bars_of(kin, n, d->whole, &bar);

	if (bars == -1)
		return -1;
	lay_out(d, bar, (size_t)bars);
	if (draw_header(d) == -1) {
		free(bar);
		return -1;
	}
	draw_axis(d);
	for (ssize_t i = 0; i < bars; i++)
		draw_bar(d, &bar[i]);
	free(bar);
	if (note_failure(d, kin, n) == -1)
		return -1;
	note_oddities(d, kin, n);
	return note_whereabouts(d, kin, n);
}

int
waterfall_print(FILE *f, const struct trace *trace, const struct waterfall *how)
{
	const int64_t whole = trace->ended - trace->begun;
	struct drawing d = {.f = f,
	    .how = how,
	    .trace = trace,
	    .whole = whole > 0 ? whole : 1,
	    .grid = {.utf8 = how->utf8}};
	struct kin *kin;
	ssize_t n = lineage_of(trace->span, trace->n, &kin);
	int result = -1;

	if (n == -1)
		return -1;
	if (grid_resize(&d.grid, how->width, NOTE_LINES) == 0)
		result = draw(&d, kin, (size_t)n);
	grid_free(&d.grid);
	free(kin);
	return result;
}
