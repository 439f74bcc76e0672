#include "history.h"

#include <math.h>
#include <string.h>

#include "figures.h"

#define NAME_AT 3
#define NUMBER_WIDTH 9
#define NAME_MOST 24
#define HIGH 3 /* lines of a bar at most */

/* From nothing to the peak. */
static const char *const blocks[] = {" ", "\xe2\x96\x81", "\xe2\x96\x82", "\xe2\x96\x83",
    "\xe2\x96\x84", "\xe2\x96\x85", "\xe2\x96\x86", "\xe2\x96\x87", "\xe2\x96\x88"};
static const char *const ascii[] = {" ", ".", ":", "|"};

/* Where things stand in a line. */
struct layout {
	int name, graph; /* widths */
	int high;        /* lines of a bar */
	int each;        /* lines of a stage */
};

static const struct part *
stage_of(const struct model *m, const struct browse *b, size_t row)
{
	const struct part *p = &m->part[b->rows.row[row].part];

	return p->kind == PART_STAGE ? p : NULL;
}

int
history_height(const struct model *m, const struct browse *b)
{
	int n = 0;

	for (size_t i = 0; i < b->rows.n; i++)
		n += stage_of(m, b, i) != NULL;
	return n > 0 ? n + 1 : 0;
}

static struct layout
lay_out(const struct grid *g, const struct model *m, const struct browse *b)
{
	struct layout l = {.name = 7};
	int room;

	for (size_t i = 0; i < b->rows.n; i++) {
		const struct part *p = stage_of(m, b, i);

		if (p != NULL && grid_columns(g, p->name) > l.name)
			l.name = grid_columns(g, p->name);
	}
	room = g->width - NAME_AT - 1 - 2 * NUMBER_WIDTH;
	if (l.name > room - MODEL_HISTORY)
		l.name = room - MODEL_HISTORY > 7 ? room - MODEL_HISTORY : 7;
	if (l.name > NAME_MOST)
		l.name = NAME_MOST;
	l.graph = room - l.name;
	/* A second has as many cells as there is room for. */
	if (l.graph > MODEL_HISTORY)
		l.graph -= l.graph % MODEL_HISTORY;
	return l;
}

/*
 * The rate in one of `cells` cells, which may have several seconds, or a part
 * of one: their mean, so that all of the minute counts; NAN: before the
 * beginning.
 */
static double
cell_rate(const struct part *p, int cell, int cells)
{
	const int first = MODEL_HISTORY - (int)p->n_history;
	const int from = cell * MODEL_HISTORY / cells, to = (cell + 1) * MODEL_HISTORY / cells;
	double sum = 0;
	int n = 0;

	for (int i = from; i < (to > from ? to : from + 1); i++)
		if (i >= first && !isnan(p->history[i - first])) {
			sum += (double)p->history[i - first];
			n++;
		}
	return n > 0 ? sum / n : NAN;
}

/*
 * One cell of a bar that is `high` lines high, the lowest one being line 0.
 * What is not nothing is seen.
 */
static const char *
bar(double rate, double peak, int high, int line, bool utf8)
{
	const int most = utf8 ? 8 : 3;
	int n;

	if (isnan(rate) || rate <= 0 || peak <= 0)
		return " ";
	n = (int)lround(rate / peak * most * high);
	n = (n < 1 ? 1 : n) - line * most;
	n = n < 0 ? 0 : n > most ? most : n;
	return utf8 ? blocks[n] : ascii[n];
}

/* `y` is the lowest line. */
static void
draw_bars(struct grid *g, int y, const struct part *p, const struct layout *l, unsigned ink)
{
	char text[FIGURE_SIZE];
	double peak = 0;
	int x = NAME_AT + l->name + 1;

	for (unsigned i = 0; i < p->n_history; i++)
		peak = fmax(peak, (double)p->history[i]);
	grid_put(g, y, NAME_AT, l->name, ink, p->name);
	for (int i = 0; i < l->graph; i++)
		for (int line = 0; line < l->high; line++)
			grid_put(g, y - line, x + i, 1, INK_CYAN,
			    bar(cell_rate(p, i, l->graph), peak, l->high, line, g->utf8));
	x += l->graph;
	figure_number(p->ended ? NAN : p->out, text);
	grid_right(g, y, x, NUMBER_WIDTH, ink, text);
	figure_number(p->n_history > 0 ? peak : NAN, text);
	grid_right(g, y, x + NUMBER_WIDTH, NUMBER_WIDTH, ink, text);
}

void
history_draw(struct grid *g, int y, int height, const struct model *m, const struct browse *b)
{
	struct layout l = lay_out(g, m, b);
	const int lines = history_height(m, b) - 1;
	const int x = NAME_AT + l.name + 1 + l.graph;
	int room = height - 1, chosen = 0, from, at = 0;

	/* Bars of several lines have a blank line between them. */
	l.each = room / lines < 2 ? 1 : room / lines > HIGH + 1 ? HIGH + 1 : room / lines;
	l.high = l.each > 2 ? l.each - 1 : 1;
	room /= l.each;
	/* Those around the chosen part, if there are too many. */
	for (size_t i = 0; i < rows_find(&b->rows, m, b->part); i++)
		chosen += stage_of(m, b, i) != NULL;
	from = chosen - room / 2;
	from = from > lines - room ? lines - room : from;
	from = from < 0 ? 0 : from;

	grid_put(g, y, NAME_AT, l.name + l.graph, INK_DIM, "OUT/s, last 60 s");
	grid_right(g, y, x, NUMBER_WIDTH, INK_DIM, "now");
	grid_right(g, y, x + NUMBER_WIDTH, NUMBER_WIDTH, INK_DIM, "peak");
	for (size_t i = 0; i < b->rows.n; i++) {
		const struct part *p = stage_of(m, b, i);

		if (p == NULL || at++ < from || at - from > room)
			continue;
		draw_bars(g, y + (at - from) * l.each, p, &l,
		    browse_named(m, b->rows.row[i].part) ? INK_BOLD : INK_PLAIN);
	}
}
