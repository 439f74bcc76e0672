#include "screen.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "details.h"
#include "figures.h"
#include "history.h"
#include "table.h"

#define VERDICT_LINES 4 /* at most; at least two, so that nothing jumps */
#define BOTTOM 2        /* the law, and the keys */

static const char *const help[] = {
    "up, down, k, j     choose a part; page up, page down, home, end",
    "enter              all about that part; again, or escape: back",
    "tab                the next pipeline",
    "s                  sort by graph, out, held, dead, avg, name",
    "/                  only parts whose names have a text; escape: all parts",
    "p, space           pause",
    "d                  dismiss killed stages",
    "q, Ctrl-C          quit",
    "",
    "> marks the part that the verdict names.  STATE is what a part does most of",
    "the time: input, output: waits for a neighbour; workers: for its own workers,",
    "such as a slow record; rate: on purpose.  BUSY, WORKS: it has no time left.",
    "HELD: records in the stage now.  AVG, P99: time of an attempt, last seconds.",
    "DEAD, RTRY: dead letters and retries since the stage began.",
};

int
screen_page(const struct grid *g)
{
	return g->height > 12 ? g->height - 10 : 2;
}

/* One field of the header, and the blanks behind it. */
static int
header_field(struct grid *g, int x, unsigned ink, const char *text)
{
	return text[0] != '\0' ? x + grid_put(g, 0, x, g->width - x, ink, text) + 2 : x;
}

static void
draw_header(struct grid *g, const struct screen *s, const struct model *m)
{
	char text[MODEL_NAME_SIZE + 64], f[FIGURE_SIZE];
	const time_t at = (time_t)(s->view->calendar / 1000000);
	struct tm tm = {0};
	int x = header_field(g, 0, INK_BOLD, "pchan top");

	if (m != NULL) {
		x = header_field(g, x, INK_BOLD, m->name);
		snprintf(text, sizeof(text), "%zu of %zu", s->browse->pipeline + 1, s->view->n);
		x = header_field(g, x, INK_PLAIN, s->view->n > 1 ? text : "");
		figure_clock(m->up, f);
		snprintf(text, sizeof(text), "up %s ", f);
		x = header_field(g, x, INK_PLAIN, text);
		figure_percent(1 - m->cpu_idle, f);
		snprintf(text, sizeof(text), "CPU %s of %.4g ", f, m->cpus);
		x = header_field(g, x, INK_PLAIN, isnan(m->cpu_idle) ? "" : text);
		snprintf(text, sizeof(text), "%.4g s", s->interval);
		x = header_field(g, x, INK_PLAIN, text);
	}
	snprintf(text, sizeof(text), "by %s", rows_order_name(s->browse->order));
	x = header_field(g, x, INK_PLAIN, s->browse->order != ROWS_GRAPH ? text : "");
	x = header_field(g, x, INK_BOLD | INK_REVERSE, s->browse->paused ? "PAUSED" : "");
	localtime_r(&at, &tm);
	strftime(text, sizeof(text), "%H:%M:%S", &tm);
	if (x + 8 <= g->width)
		grid_right(g, 0, g->width - 8, 8, INK_PLAIN, text);
}

static unsigned
verdict_ink(enum verdict_kind kind)
{
	switch (kind) {
	case VERDICT_POOL:
	case VERDICT_WORK:
	case VERDICT_ORDER:
	case VERDICT_SILENT:
	case VERDICT_PROGRAM:
		return INK_BOLD | INK_RED;
	case VERDICT_BALANCED:
	case VERDICT_RATE:
	case VERDICT_KEEPS_UP:
	case VERDICT_CATCHING_UP:
		return INK_BOLD | INK_GREEN;
	case VERDICT_MEASURING:
	case VERDICT_ENDED:
		break;
	}
	return INK_BOLD;
}

/* What became of each record of the stage that is chosen. */
static void
draw_law(struct grid *g, const struct part *p)
{
	const _Atomic uint64_t *c;
	char text[512];
	uint64_t lost;

	if (p->stage == NULL) {
		grid_put(g, g->height - BOTTOM, 0, g->width, INK_BOLD, p->name);
		return;
	}
	c = p->stage->sum.counter;
	snprintf(text, sizeof(text),
	    "%s: received %" PRIu64 " = processed %" PRIu64 ", filtered %" PRIu64
	    ", failed %" PRIu64 ", held %" PRIu64,
	    p->name, c[METRIC_RECEIVED], c[METRIC_PROCESSED], c[METRIC_FILTERED], rows_failed(p),
	    p->held);
	if ((lost = c[METRIC_UNWRITTEN]) > 0)
		snprintf(
		    text + strlen(text), sizeof(text) - strlen(text), ", unwritten %" PRIu64, lost);
	grid_put(g, g->height - BOTTOM, 0, g->width, INK_PLAIN, text);
}

static void
draw_keys(struct grid *g, const struct browse *b)
{
	char text[BROWSE_FILTER_SIZE + 80];
	const int y = g->height - 1;

	if (b->typing)
		snprintf(text, sizeof(text), " /%s_   enter keep  escape all parts", b->filter);
	else if (b->page == PAGE_PARTS && b->filter[0] != '\0')
		snprintf(
		    text, sizeof(text), " only parts with \"%s\": escape shows all", b->filter);
	else if (b->page == PAGE_PARTS)
		snprintf(text, sizeof(text), "%s",
		    " q quit  p pause  up/down part  enter details  tab pipeline  / filter  ? "
		    "help");
	else
		snprintf(text, sizeof(text), "%s", " escape back  up/down scroll  q quit");
	grid_put(g, y, 0, g->width, INK_DIM, text);
}

/* The table takes the lines that it needs, and the history what is left. */
static void
draw_parts(struct grid *g, int y, int height, const struct model *m, const struct browse *b)
{
	const int history = history_height(m, b);
	int table = (int)b->rows.n + 1;

	if (table > height)
		table = height;
	table_draw(g, y, table, m, b);
	if (b->rows.n == 0)
		grid_put(g, y + 1, 3, g->width - 3, INK_PLAIN, "No part has this name.");
	if (history > 0 && height - table - 1 >= 2 && g->width >= 60)
		history_draw(g, y + table + 1, height - table - 2, m, b);
}

static void
draw_help(struct grid *g, int y, int height)
{
	for (int i = 0; i < height && i < (int)(sizeof(help) / sizeof(help[0])); i++)
		grid_put(g, y + i, 1, g->width - 1, INK_PLAIN, help[i]);
}

static void
draw_nothing(struct grid *g, const struct screen *s)
{
	char text[1024];

	if (s->only != NULL)
		snprintf(text, sizeof(text), "No pipeline %s runs.  %s", s->only, s->looked);
	else
		snprintf(text, sizeof(text), "No stage runs.  %s", s->looked);
	grid_wrap(g, 2, 1, g->width - 2, g->height - 4, INK_BOLD, text);
}

static void
draw_too_small(struct grid *g)
{
	char text[80];

	snprintf(text, sizeof(text), "This window is %dx%d; top needs %dx%d.", g->width, g->height,
	    SCREEN_WIDTH, SCREEN_HEIGHT);
	grid_wrap(g, 0, 0, g->width, g->height, INK_PLAIN, text);
}

int
screen_draw(struct grid *g, const struct screen *s)
{
	const struct browse *b = s->browse;
	const struct model *m = browse_pipeline(b, s->view);
	int y = 1, height;

	grid_clear(g);
	if (g->width < SCREEN_WIDTH || g->height < SCREEN_HEIGHT) {
		draw_too_small(g);
		return 0;
	}
	draw_header(g, s, m);
	draw_keys(g, b);
	if (m != NULL && m->n > 0) {
		height = grid_wrap(g, y, 1, g->width - 1, g->height >= 20 ? VERDICT_LINES : 2,
		    verdict_ink(m->verdict.kind), m->text);
		y += (height < 2 ? 2 : height) + (g->height >= 16);
		draw_law(g, &m->part[b->part]);
	} else if (b->page != PAGE_HELP) {
		draw_nothing(g, s);
		return 0;
	}
	height = g->height - BOTTOM - y;
	switch (b->page) {
	case PAGE_PARTS:
		draw_parts(g, y, height, m, b);
		break;
	case PAGE_DETAILS:
		return details_draw(g, y, height, b->scroll, m, b->part, s->now);
	case PAGE_HELP:
		draw_help(g, y, height);
		break;
	}
	return 0;
}
