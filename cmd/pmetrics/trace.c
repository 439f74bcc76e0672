/* Traces as a list, and as drawings of where the time went. */

#include <err.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/io.h"
#include "commands.h"
#include "figures.h"
#include "metrics/rundir.h"
#include "spaninputs.h"
#include "stage/cli.h"
#include "terminal.h"
#include "tracejson.h"
#include "tracelist.h"
#include "traces.h"
#include "wanted.h"
#include "waterfall.h"

#define IDS 8        /* to look for in lines; with more all are parsed */
#define WIDEST 10000 /* columns */

/* How to print. */
struct paper {
	int width;
	bool is_terminal, utf8, color;
};

/* $COLUMNS, or the terminal's, or 80. */
static int
find_width(bool is_terminal)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	int width = columns != NULL ? atoi(columns) : 0;

	if (width <= 0 && is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		width = size.ws_col;
	if (width <= 0)
		width = 80;
	return width < WATERFALL_WIDTH ? WATERFALL_WIDTH : width > WIDEST ? WIDEST : width;
}

static struct paper
find_paper(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	struct paper p = {.is_terminal = isatty(STDOUT_FILENO) == 1};

	setlocale(LC_CTYPE, "");
	p.width = find_width(p.is_terminal);
	p.utf8 = terminal_is_utf8();
	p.color = p.is_terminal && (no_color == NULL || *no_color == '\0') && term != NULL &&
	    strcmp(term, "dumb") != 0;
	return p;
}

static int
add_span(const struct spanview *v, void *traces)
{
	return traces_add(traces, v);
}

/* The second reading. */
struct reading {
	struct traces *traces;
	size_t n; /* ids that are looked for */
	char id[IDS][WANTED_DIGITS + 1];
};

static int
keep_span(const struct spanview *v, void *reading)
{
	return traces_keep(((struct reading *)reading)->traces, v);
}

/* To look for an id is much quicker than to parse a line. */
static bool
lacks_ids(const char *line, size_t len, void *reading)
{
	const struct reading *r = reading;

	for (size_t i = 0; i < r->n; i++)
		if (memmem(line, len, r->id[i], WANTED_DIGITS) != NULL)
			return false;
	return true;
}

/*
 * Reads the spans of those that are wanted.  An id may be written in another
 * way: then all lines are parsed.
 */
static void
read_wanted(struct traces *traces, struct trace **list, size_t n, struct spaninputs *inputs)
{
	struct reading r = {.traces = traces};
	bool few = true;

	for (size_t i = 0; i < n; i++) {
		if (list[i]->wanted && r.n < IDS)
			hex_print(list[i]->id, sizeof(list[i]->id), r.id[r.n++]);
		else
			few = few && !list[i]->wanted;
	}
	if (spaninputs_read_again(inputs, few ? lacks_ids : NULL, keep_span, &r) == -1)
		err(2, "trace");
	if (!few || traces_are_complete(list, n))
		return;
	traces_drop_spans(list, n);
	if (spaninputs_read_again(inputs, NULL, keep_span, &r) == -1)
		err(2, "trace");
}

static void
put(const char *text, size_t len)
{
	if (io_write_all(STDOUT_FILENO, text, len) == -1)
		err(2, "standard output");
}

static void
put_json(const struct trace *t, bool spans)
{
	json_t *json = trace_json(t, spans);
	char *text = json != NULL ? json_dumps(json, TRACEJSON_FLAGS) : NULL;

	if (text == NULL)
		errx(2, "trace: out of memory");
	put(text, strlen(text));
	put("\n", 1);
	free(text);
	json_decref(json);
}

static void
put_list(struct trace **list, size_t n, const struct wanted *w, const struct paper *p)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	const struct tracelist how = {.width = p->is_terminal ? p->width : 0,
	    .utf8 = p->utf8 || !p->is_terminal,
	    .color = p->color,
	    .failed = w->failed};

	if (f == NULL || tracelist_print(f, list, n, &how) == -1 || fclose(f) == EOF)
		errx(2, "trace: out of memory");
	put(text, len);
	free(text);
}

static void
put_waterfall(const struct trace *t, const struct paper *p, const char *place)
{
	const struct waterfall how = {p->width, p->utf8, p->color, place};
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL || waterfall_print(f, t, &how) == -1 || fclose(f) == EOF)
		errx(2, "trace: out of memory");
	put(text, len);
	free(text);
}

/* "slowest of 412 traces in 58 s": of those n, the slowest first. */
static void
say_place(struct trace **list, size_t n, size_t i, char *text, size_t size)
{
	static const char *const ends[] = {"th", "st", "nd", "rd"};
	const size_t place = i + 1, tens = place % 100 / 10, ones = place % 10;
	int64_t begun = INT64_MAX, ended = 0;
	char time[FIGURE_SIZE], nth[32] = "";

	*text = '\0';
	if (n < 2 || i >= n)
		return;
	for (size_t k = 0; k < n; k++) {
		begun = list[k]->begun < begun ? list[k]->begun : begun;
		ended = list[k]->ended > ended ? list[k]->ended : ended;
	}
	figure_duration(ended - begun, time);
	if (place > 1)
		snprintf(nth, sizeof(nth), "%zu%s ", place, ends[tens != 1 && ones < 4 ? ones : 0]);
	snprintf(text, size, "%sslowest of %zu traces in %s", nth, n, time);
}

/* Nobody has left a span: where we looked. */
static void
say_none(const struct wanted *w)
{
	struct rundir_list list;
	char *text = NULL;
	size_t len;
	FILE *f;

	if (w->files > 0) {
		warnx("trace: no span found");
		return;
	}
	if (rundir_list(&list) == -1 || (f = open_memstream(&text, &len)) == NULL)
		errx(2, "trace: out of memory");
	for (size_t i = 0; i < list.n; i++)
		fprintf(f, "%s%s", i > 0 ? ", " : " in ", list.path[i]);
	if (fclose(f) == EOF)
		errx(2, "trace: out of memory");
	if (list.off)
		warnx("trace: no span found: $PCHAN_METRICS is off");
	else
		warnx("trace: no span found%s; stages leave spans there with --trace", text);
	free(text);
	rundir_list_free(&list);
}

/*
 * Marks what is wanted of the list, and moves it to the head: of `ranked`
 * traces, the slowest first.  Returns how many; 0: what there is to say was
 * said.
 */
static size_t
choose_id(struct trace **list, size_t n, const char *id)
{
	const size_t digits = strlen(id);
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		char text[WANTED_DIGITS + 1];

		hex_print(list[i]->id, sizeof(list[i]->id), text);
		list[i]->wanted = strncmp(text, id, digits) == 0;
		found += list[i]->wanted;
	}
	if (found == 0)
		warnx("trace: no span of %s among those of %zu trace%s", id, n, n == 1 ? "" : "s");
	else if (found > 1)
		warnx("trace: %zu traces begin with %s: more digits are needed", found, id);
	return found == 1;
}

static size_t
choose_slowest(struct trace **list, size_t ranked, const struct wanted *w)
{
	size_t found = 0;

	for (size_t i = 0; i < ranked && found < w->slowest; i++) {
		list[i]->wanted = !w->failed || list[i]->failed;
		found += list[i]->wanted;
	}
	return found;
}

static void
print_wanted(struct trace **list, size_t n, size_t ranked, const struct wanted *w)
{
	const struct paper paper = find_paper();
	bool first = true;
	char place[128];

	for (size_t i = 0; i < n; i++) {
		if (!list[i]->wanted)
			continue;
		if (w->json) {
			put_json(list[i], true);
			continue;
		}
		if (!first)
			put("\n", 1);
		first = false;
		say_place(list, ranked, i, place, sizeof(place));
		put_waterfall(list[i], &paper, place);
	}
}

static void
print_list(struct trace **list, size_t n, const struct wanted *w)
{
	const struct paper paper = find_paper();

	if (!w->json)
		put_list(list, n, w, &paper);
	for (size_t i = 0; w->json && i < n; i++)
		if (!w->failed || list[i]->failed)
			put_json(list[i], false);
}

/* Returns how many traces were printed. */
static size_t
print_traces(struct traces *traces, struct spaninputs *inputs, const struct wanted *w)
{
	const bool by_id = *w->id != '\0';
	struct trace **list;
	size_t n, ranked, found = 0;

	if ((list = traces_list(traces, &n)) == NULL)
		errx(2, "trace: out of memory");
	if (n == 0) {
		say_none(w);
		return 0;
	}
	if (!by_id && w->slowest == 0) {
		print_list(list, n, w);
		for (size_t i = 0; i < n; i++)
			found += !w->failed || list[i]->failed;
	} else {
		ranked = traces_slowest(list, n);
		found = by_id ? choose_id(list, n, w->id) : choose_slowest(list, ranked, w);
		if (found > 0) {
			read_wanted(traces, list, n, inputs);
			print_wanted(list, n, ranked, w);
		}
	}
	if (found == 0 && !by_id)
		warnx("trace: none of %zu trace%s has failed", n, n == 1 ? "" : "s");
	return found;
}

int
trace_command(int argc, char **argv)
{
	struct wanted w = {.file = calloc((size_t)argc, sizeof(char *))};
	struct traces *traces = traces_new();
	struct spaninputs *inputs;
	size_t printed;
	int status;

	cli_check_descriptors();
	if (w.file == NULL || traces == NULL)
		errx(2, "trace: out of memory");
	wanted_parse(&w, argc, argv);
	inputs = w.files > 0 ? spaninputs_open(w.file, w.files, *w.id != '\0' || w.slowest > 0)
			     : spaninputs_open_runs();
	if (inputs == NULL || spaninputs_read(inputs, add_span, traces) == -1)
		err(2, "trace");
	printed = print_traces(traces, inputs, &w);
	status = spaninputs_status(inputs);
	spaninputs_free(inputs);
	traces_free(traces);
	free(w.file);
	return status != 0 ? status : printed == 0;
}
