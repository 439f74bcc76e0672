/* Prints the metrics once, or the view of the pipelines. */

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/units.h"
#include "commands.h"
#include "metrics/look.h"
#include "metrics/rundir.h"
#include "scrape.h"
#include "stage/cli.h"
#include "stage/options.h"
#include "usage.h"
#include "viewjson.h"
#include "watch.h"

enum format { PROMETHEUS, OPENMETRICS, JSON };

static const char *const format_names[] = {
    [PROMETHEUS] = "prometheus", [OPENMETRICS] = "openmetrics", [JSON] = "json", NULL};

/* A verdict needs 3 s of data. */
#define WINDOW (3 * CLOCK_S)

/* Nobody has left a number: where we looked. */
static void
say_where(bool all_users)
{
	struct rundir_list list;
	char *text = NULL, place[RUNDIR_WHY_SIZE];
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL || rundir_list(&list) == -1)
		err(2, "print");
	for (size_t i = 0; i < list.n; i++) {
		rundir_describe(list.path[i], !list.named, place);
		fprintf(out, "%s%s", i > 0 ? ", " : "", place);
	}
	if (all_users)
		fputs(", /run/user/UID/pchan, /dev/shm/pchan-UID", out);
	if (fclose(out) == EOF)
		err(2, "print");
	if (list.off && !all_users)
		warnx("print: no stage found: $PCHAN_METRICS is off");
	else
		warnx("print: no stage found in %s", text);
	rundir_list_free(&list);
	free(text);
}

static int
parse_window(void *field, const char *value, const char **why)
{
	int64_t ns;

	if (units_duration(value, &ns, why) == -1)
		return -1;
	*why = "0, or a duration from 1s to 60s";
	if (ns != 0 && (ns < CLOCK_S || ns > 60 * CLOCK_S))
		return -1;
	*(int64_t *)field = ns;
	return 0;
}

static void
sleep_until(int64_t deadline)
{
	struct timespec left;

	while (clock_left(deadline, &left)->tv_sec > 0 || left.tv_nsec > 0)
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &left, NULL);
}

/* Watches for the time of the window, and prints what there was to see. */
static int
print_view(int64_t window, unsigned how)
{
	struct watch *watch = watch_new(window > 0 ? (double)window / 1e9 : 1, how);
	const struct view *view;
	const int64_t begin = clock_now();
	json_t *json;
	char *text;

	if (watch == NULL || (view = watch_look(watch)) == NULL)
		err(2, "print");
	/* The first look was not taken before `begin`, nor is the last one. */
	for (int64_t next = CLOCK_S; next < window + CLOCK_S && view->n > 0; next += CLOCK_S) {
		sleep_until(begin + (next < window ? next : window));
		if ((view = watch_look(watch)) == NULL)
			err(2, "print");
	}
	if (view->n == 0) {
		say_where((how & LOOK_ALL_USERS) != 0);
		watch_free(watch);
		return 1;
	}
	if ((json = view_json(view)) == NULL || (text = json_dumps(json, VIEWJSON_FLAGS)) == NULL)
		err(2, "print");
	if (io_write_all(STDOUT_FILENO, text, strlen(text)) == -1 ||
	    io_write_all(STDOUT_FILENO, "\n", 1) == -1)
		err(2, "standard output");
	free(text);
	json_decref(json);
	watch_free(watch);
	return 0;
}

static int
print_metrics(enum exposition_format format, unsigned how)
{
	const struct scrape_how scrape_how = {.format = format, .tame = isatty(STDOUT_FILENO) == 1};
	struct look look;
	char *text = NULL;
	size_t len;
	bool found;

	if (look_take(&look, how) == -1)
		err(2, "print");
	found = look.n > 0 || look.retired.n > 0;
	if (found && (text = scrape(&look, &scrape_how, &len)) == NULL)
		err(2, "print");
	look_free(&look);
	if (!found) {
		say_where((how & LOOK_ALL_USERS) != 0);
		return 1;
	}
	if (io_write_all(STDOUT_FILENO, text, len) == -1)
		err(2, "standard output");
	free(text);
	return 0;
}

struct wanted {
	enum format format;
	int64_t window; /* -1: not given */
	bool all_users;
};

static void
parse(struct wanted *w, int argc, char **argv)
{
	const struct option_row rows[] = {
	    {0, "format", "FORMAT",
		"the form: prometheus (text, version 0.0.4: the default), openmetrics or json",
		OPTION_CHOICE, OPTION_FIELD(w->format), .names = format_names},
	    {'w', "window", "D",
		"watch for D, from 1s to 60s (default 3s), with --format json; with 0 there are "
		"totals only, at once",
		OPTION_FUNCTION, OPTION_FIELD(w->window), .parse = parse_window},
	    {0, "all-users", NULL, "the stages of all users (for root)", OPTION_FLAG,
		OPTION_FIELD(w->all_users)},
	    {0},
	};

	(void)usage_parse(argc, argv, rows, NULL, OPERAND_NONE);
	if (w->window != -1 && w->format != JSON)
		errx(2, "print: -w needs --format json: the metrics are of one moment");
}

int
print_command(int argc, char **argv)
{
	struct wanted w = {.format = PROMETHEUS, .window = -1};
	unsigned how;

	cli_check_descriptors();
	parse(&w, argc, argv);
	how = usage_look(argv[0], w.all_users);
	if (w.format == JSON)
		return print_view(w.window == -1 ? WINDOW : w.window, how);
	return print_metrics(
	    w.format == OPENMETRICS ? EXPOSITION_OPENMETRICS : EXPOSITION_TEXT, how);
}
