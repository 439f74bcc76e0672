#include "table.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "doing.h"
#include "figures.h"

#define NAME_AT 3     /* the column of the names; before them, the marks */
#define NAME_WIDTH 16 /* at least */
#define NAME_MOST 60
#define NAME_ROOM 12 /* of a name that is not cut for its branches */

/* The ranks of the columns that 80 columns have room for are below this one. */
#define RANK_BASE 9

enum column_id {
	COLUMN_IN,
	COLUMN_OUT,
	COLUMN_STATE,
	COLUMN_WORKERS,
	COLUMN_HELD,
	COLUMN_MEAN,
	COLUMN_P50,
	COLUMN_P99,
	COLUMN_OLDEST,
	COLUMN_DEAD,
	COLUMN_RETRIES,
	COLUMN_RESTARTS,
	COLUMN_BYTES_IN,
	COLUMN_BYTES_OUT,
	COLUMN_INPUT,
	COLUMN_OUTPUT,
	COLUMN_OWN,
	COLUMN_PID,
	COLUMN_UP,
	COLUMNS
};

/* In the order of the screen; where it is narrow, low ranks win. */
static const struct column {
	enum column_id id;
	const char *head;
	int width; /* with the blanks before it */
	int rank;
	bool left; /* it begins after one blank; others end at the right */
} columns[COLUMNS] = {
    {COLUMN_IN, "IN/s", 5, 2, false},
    {COLUMN_OUT, "OUT/s", 7, 0, false},
    {COLUMN_BYTES_IN, "INB/s", 7, 11, false},
    {COLUMN_BYTES_OUT, "OUTB/s", 7, 12, false},
    {COLUMN_STATE, "STATE", 14, 1, true},
    {COLUMN_INPUT, "INPUT", 11, 13, true},
    {COLUMN_OUTPUT, "OUTPUT", 11, 14, true},
    {COLUMN_OWN, "OWN", 11, 15, true},
    {COLUMN_WORKERS, "WORKERS", 7, 3, false},
    {COLUMN_HELD, "HELD", 6, 4, false},
    {COLUMN_MEAN, "AVG", 6, 5, false},
    {COLUMN_P50, "P50", 6, 9, false},
    {COLUMN_P99, "P99", 6, 7, false},
    {COLUMN_OLDEST, "OLDEST", 8, 10, false},
    {COLUMN_DEAD, "DEAD", 5, 6, false},
    {COLUMN_RETRIES, "RTRY", 5, 8, false},
    {COLUMN_RESTARTS, "NEW/s", 6, 16, false},
    {COLUMN_PID, "PID", 9, 17, false},
    {COLUMN_UP, "UP", 9, 18, false},
};

/* What is shown of the table. */
struct layout {
	const struct model *m;
	const struct browse *b;
	bool shown[COLUMNS]; /* by their place in columns[] */
	int name;            /* the width of the names */
	unsigned levels;     /* the branches that are shown */
	int step;            /* the columns of each, but the last one */
};

/* How a part is called that feeds another one. */
static const char *
source_name(const struct model *m, const struct edge *e)
{
	return e->name[0] != '\0' ? e->name : m->part[e->from].name;
}

/* The columns that all names take with their branches, and what feeds them. */
static int
wanted_width(const struct grid *g, const struct layout *l)
{
	const struct model *m = l->m;
	int most = NAME_WIDTH;

	for (const struct row *r = l->b->rows.row; r < l->b->rows.row + l->b->rows.n; r++) {
		int width = (int)r->levels * 2 + grid_columns(g, m->part[r->part].name);

		for (const struct edge *e = m->edge; e < m->edge + m->n_edges; e++)
			if (e->to == r->part && e->from != r->above)
				width += 3 + grid_columns(g, source_name(m, e));
		most = width > most ? width : most;
	}
	return most < NAME_MOST ? most : NAME_MOST;
}

/*
 * Columns are added by their rank while there is room for them; names come
 * before those that are not in RANK_BASE.
 */
static void
choose_columns(struct layout *l, int width, int name)
{
	int left = width - NAME_AT - NAME_WIDTH;

	for (int rank = 0; rank < COLUMNS; rank++) {
		if (rank == RANK_BASE)
			left -= name - NAME_WIDTH;
		for (size_t i = 0; i < COLUMNS; i++)
			if (columns[i].rank == rank && columns[i].width <= left) {
				l->shown[i] = true;
				left -= columns[i].width;
			}
	}
	for (size_t i = 0; i < COLUMNS; i++)
		width -= l->shown[i] ? columns[i].width : 0;
	l->name = width - NAME_AT < NAME_MOST ? width - NAME_AT : NAME_MOST;
}

/* The columns that so many branches take, of which the last one takes two. */
static int
branch_width(unsigned levels, int step)
{
	return levels == 0 ? 0 : (int)(levels - 1) * step + 2;
}

/*
 * Branches leave room for the names, or for the beginning of long ones: they
 * take two columns each, or else one, or else the first ones are left out.
 */
static void
choose_levels(struct layout *l, const struct grid *g)
{
	l->levels = ROWS_LEVELS;
	l->step = 2;
	for (size_t i = 0; i < l->b->rows.n; i++) {
		const struct row *r = &l->b->rows.row[i];
		const int name = grid_columns(g, l->m->part[r->part].name);
		const int room = l->name - (name < NAME_ROOM ? name : NAME_ROOM);

		if (branch_width(r->levels, 2) > room)
			l->step = 1;
		if (branch_width(r->levels, 1) > room && room - 1 < (int)l->levels)
			l->levels = (unsigned)(room - 1);
	}
}

static const char *
branch_text(char code, bool utf8)
{
	switch (code) {
	case '|':
		return utf8 ? "\xe2\x94\x82 " : "| ";
	case '+':
		return utf8 ? "\xe2\x94\x9c\xe2\x94\x80" : "|-";
	case '`':
		return utf8 ? "\xe2\x94\x94\xe2\x94\x80" : "`-";
	default:
		return "  ";
	}
}

static int
draw_branches(struct grid *g, int y, const struct row *r, const struct layout *l)
{
	const unsigned from = r->levels > l->levels ? r->levels - l->levels : 0;
	int x = NAME_AT;

	for (unsigned i = from; i < r->levels; i++) {
		grid_put(g, y, x, 2, INK_DIM, branch_text(r->branch[i], g->utf8));
		x += i + 1 < r->levels ? l->step : 2;
	}
	return x;
}

/* The other files of the line, while there is room; then their number. */
static int
draw_shared(struct grid *g, int y, int x, int end, const struct row *r, const struct layout *l)
{
	char text[FIGURE_SIZE];
	size_t left = 0;

	for (size_t i = r->part + 1; i < l->m->n; i++)
		left += rows_shared(r, l->m, i);
	for (size_t i = r->part + 1; i < l->m->n && left > 0; i++) {
		const char *name = l->m->part[i].name;

		if (!rows_shared(r, l->m, i))
			continue;
		/* Room for the number of the rest, unless this is the last. */
		if (x + 1 + grid_columns(g, name) + (left > 1 ? 5 : 0) > end)
			break;
		x += 1 + grid_put(g, y, x + 1, end - x - 1, INK_PLAIN, name);
		left--;
	}
	if (left > 0) {
		snprintf(text, sizeof(text), " +%zu", left);
		x += grid_put(g, y, x, end - x, INK_PLAIN, text);
	}
	return x;
}

/* The parts that feed this one, beside the one above. */
static void
draw_others(struct grid *g, int y, int x, int end, const struct row *r, const struct layout *l)
{
	const struct model *m = l->m;
	const size_t line = r->above != ROW_ALONE ? r->above : r->part;
	char text[MODEL_NAME_SIZE + 4];

	for (const struct edge *e = m->edge; e < m->edge + m->n_edges && x < end; e++) {
		if (e->to != r->part || e->from == r->above)
			continue;
		/* It shares the line above. */
		if (rows_shared(&l->b->rows.row[rows_find(&l->b->rows, m, line)], m, e->from))
			continue;
		snprintf(text, sizeof(text), " + %s", source_name(m, e));
		x += grid_put(g, y, x, end - x, INK_DIM, text);
	}
}

static void
draw_name(struct grid *g, int y, const struct row *r, const struct layout *l, unsigned ink)
{
	const int end = NAME_AT + l->name;
	int x = draw_branches(g, y, r, l);

	x += grid_put(g, y, x, end - x, ink, l->m->part[r->part].name);
	if (r->below != ROW_ALONE)
		x = draw_shared(g, y, x, end, r, l);
	if (l->b->order == ROWS_GRAPH && l->b->filter[0] == '\0')
		draw_others(g, y, x, end, r, l);
}

static const char *
ending(enum statfile_exit how)
{
	static const char *const names[EXIT_COUNT] = {
	    [EXIT_OK] = "ended",
	    [EXIT_RECORDS] = "exit 1",
	    [EXIT_ERROR] = "failed",
	    [EXIT_SIGNAL] = "stopped",
	    [EXIT_KILLED] = "killed",
	};

	return names[how];
}

/* A stage that spends its time on work, so that it may hold up the others. */
static bool
is_full(const struct doing *d)
{
	return d->share >= 0.85 && (strcmp(d->word, "busy") == 0 || strcmp(d->word, "works") == 0);
}

void
table_state(const struct part *p, char text[TABLE_STATE_SIZE])
{
	char percent[FIGURE_SIZE];
	struct doing d;

	doing_of(p, &d);
	if (p->kind == PART_STAGE && p->ended) {
		strlcpy(text, ending(p->how), TABLE_STATE_SIZE);
	} else if (p->kind == PART_STAGE) {
		figure_percent(d.share, percent);
		snprintf(text, TABLE_STATE_SIZE, isnan(d.share) ? "%s" : "%s %s", d.word, percent);
		for (char *c = text; is_full(&d) && islower((unsigned char)*c); c++)
			*c = (char)toupper((unsigned char)*c);
	} else if (p->kind == PART_FILE) {
		strlcpy(text, "file", TABLE_STATE_SIZE);
	} else if (p->kind == PART_ENGINE) {
		figure_number(p->lag, percent);
		snprintf(text, TABLE_STATE_SIZE, isnan(p->lag) ? "engine" : "lag %s", percent);
	} else {
		figure_percent(p->cpu, percent);
		snprintf(text, TABLE_STATE_SIZE, isnan(p->cpu) ? "other" : "other CPU %s", percent);
	}
}

static unsigned
state_ink(const struct part *p)
{
	struct doing d;

	if (p->kind != PART_STAGE)
		return INK_DIM;
	if (p->ended)
		return p->how == EXIT_KILLED || p->how == EXIT_ERROR ? INK_RED | INK_BOLD : INK_DIM;
	doing_of(p, &d);
	return is_full(&d) ? INK_YELLOW | INK_BOLD : INK_PLAIN;
}

/* A fraction as a bar of eight cells, and in per cent where it is a word. */
static void
draw_bar(struct grid *g, int y, int x, double fraction)
{
	static const char *const eighths[] = {"", "\xe2\x96\x8f", "\xe2\x96\x8e", "\xe2\x96\x8d",
	    "\xe2\x96\x8c", "\xe2\x96\x8b", "\xe2\x96\x8a", "\xe2\x96\x89"};
	int n = (int)lround(fmin(fmax(fraction, 0), 1) * 64);

	if (isnan(fraction)) {
		grid_put(g, y, x, 8, INK_DIM, "-");
		return;
	}
	for (int i = 0; i < 8; i++) {
		if (g->utf8)
			grid_put(g, y, x + i, 1, i * 8 < n ? INK_CYAN : INK_DIM,
			    n >= i * 8 + 8  ? "\xe2\x96\x88"
				: n > i * 8 ? eighths[n - i * 8]
					    : "\xc2\xb7");
		else
			grid_put(g, y, x + i, 1, i * 8 < n ? INK_CYAN : INK_DIM,
			    n >= i * 8 + 4 ? "#" : ".");
	}
}

/* The text of a column of numbers for a stage. */
static void
stage_text(const struct part *p, enum column_id id, char text[FIGURE_SIZE])
{
	switch (id) {
	case COLUMN_IN:
		figure_number(p->in, text);
		break;
	case COLUMN_OUT:
		figure_number(p->out, text);
		break;
	case COLUMN_BYTES_IN:
		figure_bytes(p->bytes_in, text);
		break;
	case COLUMN_BYTES_OUT:
		figure_bytes(p->bytes_out, text);
		break;
	case COLUMN_WORKERS:
		if (p->pool)
			snprintf(text, FIGURE_SIZE, "%u/%u", p->busy_workers, p->workers);
		break;
	case COLUMN_HELD:
		figure_number((double)p->held, text);
		break;
	case COLUMN_MEAN:
		figure_latency(p->mean, text);
		break;
	case COLUMN_P50:
		figure_latency(p->p50, text);
		break;
	case COLUMN_P99:
		figure_latency(p->p99, text);
		break;
	case COLUMN_OLDEST:
		figure_age(p->oldest, text);
		break;
	case COLUMN_DEAD:
		figure_number((double)rows_failed(p), text);
		break;
	case COLUMN_RETRIES:
		if (p->pool && p->stage != NULL)
			figure_number((double)p->stage->sum.counter[METRIC_RETRIES], text);
		break;
	case COLUMN_RESTARTS:
		if (p->pool)
			figure_number(p->restarts, text);
		break;
	case COLUMN_UP:
		figure_clock(p->up, text);
		break;
	default:
		break;
	}
}

static void
draw_column(
    struct grid *g, int y, int x, const struct column *c, const struct part *p, unsigned ink)
{
	char text[FIGURE_SIZE] = "-", state[TABLE_STATE_SIZE];

	switch (c->id) {
	case COLUMN_STATE:
		table_state(p, state);
		grid_put(g, y, x + 1, c->width - 2, ink | state_ink(p), state);
		return;
	case COLUMN_INPUT:
		draw_bar(g, y, x + 2, p->kind == PART_STAGE ? p->input : NAN);
		return;
	case COLUMN_OUTPUT:
		draw_bar(g, y, x + 2, p->kind == PART_STAGE ? p->output : NAN);
		return;
	case COLUMN_OWN:
		draw_bar(g, y, x + 2, p->kind == PART_STAGE ? p->own : NAN);
		return;
	case COLUMN_PID:
		if (p->pid > 0)
			snprintf(text, sizeof(text), "%ld", (long)p->pid);
		break;
	default:
		if (p->kind == PART_STAGE)
			stage_text(p, c->id, text);
		break;
	}
	if (c->id == COLUMN_DEAD && strcmp(text, "0") != 0 && text[0] != '-')
		ink |= INK_RED;
	grid_right(g, y, x, c->width, ink, text);
}

/* How the line of a part looks: what holds the pipeline up is red. */
static unsigned
line_ink(const struct layout *l, size_t part)
{
	if (!browse_named(l->m, part))
		return INK_PLAIN;
	return l->m->verdict.kind == VERDICT_RATE || l->m->verdict.kind == VERDICT_KEEPS_UP
	    ? INK_BOLD
	    : INK_BOLD | INK_RED;
}

static void
draw_line(struct grid *g, int y, const struct row *r, const struct layout *l)
{
	const struct part *p = &l->m->part[r->part];
	const unsigned ink = line_ink(l, r->part);
	int x = NAME_AT + l->name;

	for (size_t i = 0; i < l->m->n; i++)
		if (browse_named(l->m, i) && rows_shared(r, l->m, i))
			grid_put(g, y, 1, 1, INK_BOLD, ">");
	draw_name(g, y, r, l, ink | (p->kind == PART_STAGE ? INK_PLAIN : INK_DIM));
	for (size_t i = 0; i < COLUMNS; i++) {
		if (!l->shown[i] || p->kind == PART_FILE)
			continue;
		draw_column(g, y, x, &columns[i], p, ink);
		x += columns[i].width;
	}
	if (r->part == l->b->part)
		grid_ink(g, y, 0, g->width, INK_REVERSE);
}

static void
draw_heading(struct grid *g, int y, const struct layout *l, size_t top, size_t shown)
{
	const size_t n = l->b->rows.n;
	char text[64] = "PART";
	int x = NAME_AT + l->name;

	if (shown < n)
		snprintf(text, sizeof(text), "PART %zu-%zu/%zu", top + 1, top + shown, n);
	grid_put(g, y, NAME_AT, l->name, INK_DIM, text);
	for (size_t i = 0; i < COLUMNS; i++) {
		const struct column *c = &columns[i];

		if (!l->shown[i])
			continue;
		if (c->left)
			grid_put(g, y, x + (c->id == COLUMN_STATE ? 1 : 2), c->width - 2, INK_DIM,
			    c->head);
		else
			grid_right(g, y, x, c->width, INK_DIM, c->head);
		x += c->width;
	}
}

/* The line that is the first one, so that `row` is in the middle. */
static size_t
first_line(size_t row, size_t lines, size_t room)
{
	if (lines <= room || row < room / 2)
		return 0;
	return row - room / 2 < lines - room ? row - room / 2 : lines - room;
}

void
table_draw(struct grid *g, int y, int height, const struct model *m, const struct browse *b)
{
	struct layout l = {.m = m, .b = b};
	const size_t room = height > 1 ? (size_t)height - 1 : 0;
	const size_t shown = b->rows.n < room ? b->rows.n : room;
	const size_t top = first_line(rows_find(&b->rows, m, b->part), b->rows.n, room);

	choose_columns(&l, g->width, wanted_width(g, &l));
	choose_levels(&l, g);
	draw_heading(g, y, &l, top, shown);
	for (size_t i = 0; i < shown; i++)
		draw_line(g, y + 1 + (int)i, &b->rows.row[top + i], &l);
	/* The part that is named takes the place of the nearest line. */
	for (size_t i = 0; i < b->rows.n && shown > 1; i++) {
		if (!browse_named(m, b->rows.row[i].part) || (i >= top && i < top + shown))
			continue;
		int line = y + (i < top ? 1 : (int)shown);

		for (int x = 0; x < g->width; x++)
			grid_put(g, line, x, 1, INK_PLAIN, " ");
		draw_line(g, line, &b->rows.row[i], &l);
	}
}
