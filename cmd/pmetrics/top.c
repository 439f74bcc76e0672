/* pmetrics top: pipelines on a screen, or as lines. */

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/units.h"
#include "browse.h"
#include "commands.h"
#include "lines.h"
#include "metrics/rundir.h"
#include "screen.h"
#include "stage/cli.h"
#include "stage/options.h"
#include "terminal.h"
#include "usage.h"
#include "viewjson.h"
#include "watch.h"

#define LOOKED_SIZE 2048

struct top {
	int64_t interval, window; /* ns */
	uint64_t count;           /* 0: no limit */
	const char *only;
	bool json, all_users;
	struct watch *watch;
	struct view view; /* the pipelines that are wanted */
	char looked[LOOKED_SIZE];
};

static int
parse_interval(void *field, const char *value, const char **why)
{
	int64_t ns;

	if (units_duration(value, &ns, why) == -1)
		return -1;
	*why = "a duration from 100ms to 1h";
	if (ns < 100 * CLOCK_MS || ns > 3600 * CLOCK_S)
		return -1;
	*(int64_t *)field = ns;
	return 0;
}

static int
parse_window(void *field, const char *value, const char **why)
{
	int64_t ns;

	if (units_duration(value, &ns, why) == -1)
		return -1;
	*why = "a duration from 3s to 60s";
	if (ns < 3 * CLOCK_S || ns > 60 * CLOCK_S)
		return -1;
	*(int64_t *)field = ns;
	return 0;
}

static void
parse(struct top *t, int argc, char **argv)
{
	const struct option_row rows[] = {
	    {'i', "interval", "D", "time between two looks, from 100ms (default 1s)",
		OPTION_FUNCTION, OPTION_FIELD(t->interval), .parse = parse_interval},
	    {'w', "window", "D",
		"rates and the verdict are those of the last D, from 3s to 1m (default 10s)",
		OPTION_FUNCTION, OPTION_FIELD(t->window), .parse = parse_window},
	    {'n', "count", "N", "print N looks as lines, and end", OPTION_NUMBER,
		OPTION_FIELD(t->count), 1, INT64_MAX},
	    {0, "pipeline", "NAME", "only the pipelines of this name", OPTION_TEXT,
		OPTION_FIELD(t->only)},
	    {0, "json", NULL, "each look as a line of JSON", OPTION_FLAG, OPTION_FIELD(t->json)},
	    {0, "all-users", NULL, "the stages of all users (for root)", OPTION_FLAG,
		OPTION_FIELD(t->all_users)},
	    {0},
	};

	(void)usage_parse(argc, argv, rows, NULL, OPERAND_NONE);
}

/* Where stages are looked for, in words. */
static void
say_looked(char text[LOOKED_SIZE])
{
	struct rundir_list list;
	char place[RUNDIR_WHY_SIZE];

	if (rundir_list(&list) == -1)
		err(2, NULL);
	strlcpy(text, list.off ? "PCHAN_METRICS is off, so nothing can be seen" : "Looked in ",
	    LOOKED_SIZE);
	for (size_t i = 0; i < list.n; i++) {
		if (i > 0)
			strlcat(text, i + 1 < list.n ? ", " : " and ", LOOKED_SIZE);
		rundir_describe(list.path[i], !list.named, place);
		strlcat(text, place, LOOKED_SIZE);
	}
	strlcat(text, ".", LOOKED_SIZE);
	rundir_list_free(&list);
}

/* A new view, of the pipelines that are wanted. */
static void
look(struct top *t)
{
	const struct view *v = watch_look(t->watch);
	struct model *wanted;

	if (v == NULL ||
	    (wanted = reallocarray(t->view.pipeline, v->n + 1, sizeof(*wanted))) == NULL) {
		terminal_close();
		err(2, "top");
	}
	t->view = *v;
	t->view.pipeline = wanted;
	t->view.n = 0;
	for (size_t i = 0; i < v->n; i++)
		if (t->only == NULL || strcmp(v->pipeline[i].name, t->only) == 0)
			wanted[t->view.n++] = v->pipeline[i];
}

/* Whether no pipeline has this kind of a verdict. */
static bool
none_is(const struct view *v, enum verdict_kind kind, bool other)
{
	for (size_t i = 0; i < v->n; i++)
		if ((v->pipeline[i].verdict.kind == kind) != other)
			return false;
	return true;
}

static void
report(const struct top *t)
{
	if (t->json) {
		json_t *json = view_json(&t->view);

		if (json == NULL || json_dumpf(json, stdout, VIEWJSON_FLAGS) == -1)
			err(2, "standard output");
		json_decref(json);
		putchar('\n');
	} else {
		lines_print(stdout, &t->view);
	}
	if (fflush(stdout) == EOF)
		err(2, "standard output");
}

/* Until there is a verdict a long interval is too long to wait. */
static int64_t
pause_before_look(const struct top *t, bool measuring)
{
	return measuring && t->interval > CLOCK_S ? CLOCK_S : t->interval;
}

/*
 * A report every interval.  The first one waits until there is something to
 * say: rates need two looks, the verdict needs more.
 */
static int
run_lines(struct top *t)
{
	int64_t next = clock_now();
	struct timespec at;
	bool begun = false;

	look(t);
	if (t->view.n == 0 && t->only != NULL)
		errx(1, "no pipeline %s runs.  %s", t->only, t->looked);
	if (t->view.n == 0)
		errx(1, "no stage runs.  %s", t->looked);
	for (uint64_t n = 0;;) {
		begun = begun || !none_is(&t->view, VERDICT_MEASURING, true);
		if (begun) {
			report(t);
			if (++n == t->count || none_is(&t->view, VERDICT_ENDED, true))
				return 0;
		}
		next += pause_before_look(t, !begun);
		at = (struct timespec){next / CLOCK_S, next % CLOCK_S};
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
			continue;
		look(t);
	}
}

static void
out_of_memory(void)
{
	terminal_close();
	errx(2, "top: out of memory");
}

/* Draws what there is, in the size that the terminal has now. */
static void
draw(const struct top *t, struct grid *g, struct browse *b)
{
	int width, height, most;

	terminal_size(&width, &height);
	if (((g->width != width || g->height != height) && grid_resize(g, width, height) == -1) ||
	    browse_view(b, &t->view) == -1)
		out_of_memory();
	most = screen_draw(g,
	    &(struct screen){.view = &t->view,
		.browse = b,
		.only = t->only,
		.looked = t->looked,
		.interval = (double)t->interval / CLOCK_S,
		.now = clock_now()});
	if (b->scroll > most) {
		b->scroll = most;
		draw(t, g, b);
		return;
	}
	terminal_show(g);
}

static void
take_keys(const struct top *t, const struct grid *g, struct browse *b)
{
	for (int key; !b->quit && (key = terminal_key()) != PRESS_NONE;)
		if (browse_key(b, key, &t->view, screen_page(g)) == -1 ||
		    browse_view(b, &t->view) == -1)
			out_of_memory();
}

/* Views come at their times, keys and new sizes are answered at once. */
static int
run_screen(struct top *t)
{
	struct grid g = {.utf8 = terminal_is_utf8()};
	struct browse b = {0};
	int64_t next = clock_now();
	bool gone = false;

	while (!b.quit && !gone) {
		if (clock_now() >= next) {
			if (!b.paused)
				look(t);
			next = clock_now() +
			    pause_before_look(t, !none_is(&t->view, VERDICT_MEASURING, false));
			draw(t, &g, &b);
		}
		switch (terminal_wait(next)) {
		case TERMINAL_KEY:
			take_keys(t, &g, &b);
			draw(t, &g, &b);
			break;
		case TERMINAL_REDRAW:
			draw(t, &g, &b);
			break;
		case TERMINAL_GONE:
			gone = true;
			break;
		case TERMINAL_TIME:
			break;
		}
	}
	terminal_close();
	browse_free(&b);
	grid_free(&g);
	return 0;
}

int
top_command(int argc, char **argv)
{
	struct top t = {.interval = CLOCK_S, .window = 10 * CLOCK_S};
	int status;

	cli_check_descriptors();
	parse(&t, argc, argv);
	say_looked(t.looked);
	if ((t.watch = watch_new((double)t.window / CLOCK_S, usage_look("top", t.all_users))) ==
	    NULL)
		err(2, "top");
	/* What ends by itself must leave something to read. */
	if (!t.json && t.count == 0 && terminal_is_screen() && terminal_open() == 0)
		status = run_screen(&t);
	else
		status = run_lines(&t);
	watch_free(t.watch);
	free(t.view.pipeline);
	return status;
}
