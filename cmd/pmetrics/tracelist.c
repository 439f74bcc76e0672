#include "tracelist.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/hex.h"
#include "figures.h"
#include "grid.h"
#include "inked.h"
#include "traces.h"

enum column { ID, BEGAN, TIME, RESULT, STAGES, RECORD, COLUMNS };

#define GAP 2
#define WIDEST 32 /* of a column; the last one has what it needs */

/* A line as it is told. */
struct line {
	char id[2 * CONTEXT_TRACE_ID + 1], began[24], time[FIGURE_SIZE];
	char *stages, *record;
	const char *text[COLUMNS];
};

static const char *const heads[] = {"TRACE", "BEGAN", "TIME", "RESULT", "STAGES", "RECORD"};

/* "pace,enrich": malloc'd; NULL without memory. */
static char *
join_stages(const struct trace *t)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		return NULL;
	for (size_t i = 0; i < t->stages; i++)
		fprintf(f, "%s%s", i > 0 ? "," : "",
		    *t->stage[i].name != '\0' ? t->stage[i].name : "?");
	if (fclose(f) == EOF) {
		free(text);
		return NULL;
	}
	return text;
}

/* -1: no memory; free_line() is needed in any case. */
static int
tell(const struct trace *t, struct line *l)
{
	const time_t at = (time_t)(t->begun / CLOCK_S);
	struct tm tm;

	hex_print(t->id, sizeof(t->id), l->id);
	if (localtime_r(&at, &tm) == NULL ||
	    strftime(l->began, sizeof(l->began), "%Y-%m-%d %H:%M:%S", &tm) == 0)
		strcpy(l->began, "-");
	figure_duration(t->ended - t->begun, l->time);
	l->stages = join_stages(t);
	l->record = traces_about(t);
	l->text[ID] = l->id;
	l->text[BEGAN] = l->began;
	l->text[TIME] = l->time;
	l->text[RESULT] = t->failed ? t->reason.text : "ok";
	l->text[STAGES] = l->stages;
	l->text[RECORD] = l->record;
	return l->stages != NULL && l->record != NULL ? 0 : -1;
}

static void
free_line(struct line *l)
{
	free(l->stages);
	free(l->record);
}

static void
widen(const struct grid *g, const char *const text[COLUMNS], int width[COLUMNS])
{
	for (enum column c = ID; c < COLUMNS; c++) {
		int columns = grid_columns(g, text[c]);

		if (c != RECORD && columns > WIDEST)
			columns = WIDEST;
		width[c] = columns > width[c] ? columns : width[c];
	}
}

static void
print(FILE *f, struct grid *g, const char *const text[COLUMNS], const int width[COLUMNS],
    unsigned ink, const struct tracelist *how)
{
	int x = 0;

	grid_clear(g);
	for (enum column c = ID; c < COLUMNS; x += width[c++] + GAP)
		if (c == TIME)
			grid_right(g, 0, x, width[c], ink & INK_DIM, text[c]);
		else
			grid_put(g, 0, x, width[c], c == RESULT ? ink : ink & INK_DIM, text[c]);
	inked_print(f, g, 0, how->color);
}

/* How wide each column is, and how many lines there are.  -1: no memory. */
static ssize_t
measure(struct trace **list, size_t n, const struct tracelist *how, const struct grid *g,
    int width[COLUMNS])
{
	ssize_t lines = 0;

	widen(g, heads, width);
	for (size_t i = 0; i < n; i++) {
		struct line l;
		int result;

		if (how->failed && !list[i]->failed)
			continue;
		if ((result = tell(list[i], &l)) == 0)
			widen(g, l.text, width);
		free_line(&l);
		if (result == -1)
			return -1;
		lines++;
	}
	return lines;
}

static int
print_all(FILE *f, struct trace **list, size_t n, const struct tracelist *how, struct grid *g,
    const int width[COLUMNS])
{
	print(f, g, heads, width, INK_DIM, how);
	for (size_t i = 0; i < n; i++) {
		struct line l;
		int result;

		if (how->failed && !list[i]->failed)
			continue;
		if ((result = tell(list[i], &l)) == 0)
			print(f, g, l.text, width, list[i]->failed ? INK_RED : INK_PLAIN, how);
		free_line(&l);
		if (result == -1)
			return -1;
	}
	return 0;
}

ssize_t
tracelist_print(FILE *f, struct trace **list, size_t n, const struct tracelist *how)
{
	struct grid g = {.utf8 = how->utf8};
	int width[COLUMNS] = {0}, all = GAP * (COLUMNS - 1);
	ssize_t lines = measure(list, n, how, &g, width);

	for (enum column c = ID; c < COLUMNS; c++)
		all += width[c];
	if (lines > 0 &&
	    (grid_resize(&g, how->width > 0 ? how->width : all, 1) == -1 ||
		print_all(f, list, n, how, &g, width) == -1))
		lines = -1;
	grid_free(&g);
	return lines;
}
