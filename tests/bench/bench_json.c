/*
 * Measures how many MB/s of a file json_check(), json_path_get(), jansson's
 * json_loadb(), and the look for a trace context get through, in the best of a
 * few rounds.
 *
 *	bench_json FILE [PATH ...]
 *
 * Each line of the file is one call.
 */

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "json/json.h"
#include "trace/carrier.h"

#define ROUNDS 7

struct line {
	const char *data;
	size_t len;
};

static char *text;
static size_t text_len;
static struct line *lines;
static size_t nlines;

static void
read_file(const char *name)
{
	FILE *f = fopen(name, "r");

	if (f == NULL || fseek(f, 0, SEEK_END) != 0)
		err(1, "%s", name);
	long size = ftell(f);
	if (size <= 0)
		errx(1, "%s: empty, or not a regular file", name);
	rewind(f);
	text_len = (size_t)size;
	if ((text = malloc(text_len)) == NULL)
		err(1, NULL);
	if (fread(text, 1, text_len, f) != text_len)
		err(1, "%s", name);
	fclose(f);
}

static void
split_lines(void)
{
	const char *end = text + text_len;
	size_t room = 0;

	for (const char *p = text; p < end;) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		const char *stop = lf != NULL ? lf : end;

		if (nlines == room) {
			struct line *more =
			    reallocarray(lines, room = room * 2 + 1024, sizeof(*lines));

			if ((lines = more) == NULL)
				err(1, NULL);
		}
		lines[nlines++] = (struct line){p, (size_t)(stop - p)};
		p = stop + 1;
	}
}

static bool
by_check(const struct line *line, const void *arg)
{
	(void)arg;
	return json_check(line->data, line->len, NULL);
}

static bool
by_jansson(const struct line *line, const void *arg)
{
	(void)arg;
	json_t *value = json_loadb(line->data, line->len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	json_decref(value);
	return value != NULL;
}

static bool
by_path(const struct line *line, const void *arg)
{
	struct json_slice value;

	return json_path_get(arg, line->data, line->len, &value);
}

static bool
by_look(const struct line *line, const void *arg)
{
	(void)arg;
	return carrier_is_likely(line->data, line->len);
}

static bool
by_carrier(const struct line *line, const void *arg)
{
	struct carrier c;

	(void)arg;
	carrier_read(line->data, line->len, &c);
	return c.found;
}

static double
seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
measure(
    const char *name, bool (*work)(const struct line *, const void *), const void *arg, int rounds)
{
	double best = 1e9;
	size_t good = 0;

	for (int round = 0; round < rounds; round++) {
		double start = seconds_now();

		good = 0;
		for (size_t i = 0; i < nlines; i++)
			good += work(&lines[i], arg);
		double took = seconds_now() - start;
		best = took < best ? took : best;
	}
	printf("%-20s %8.0f MB/s %8.1f ns/line  %zu of %zu lines\n", name,
	    (double)text_len / best / 1e6, best / (double)nlines * 1e9, good, nlines);
}

int
main(int argc, char *argv[])
{
	if (argc < 2)
		errx(2, "usage: bench_json FILE [PATH ...]");
	read_file(argv[1]);
	split_lines();
	measure("json_check", by_check, NULL, ROUNDS);
	for (int i = 2; i < argc; i++) {
		const char *why;
		struct json_path *path = json_path_new(argv[i], &why);

		if (path == NULL)
			errx(2, "%s: %s", argv[i], why);
		measure(argv[i], by_path, path, ROUNDS);
		json_path_free(path);
	}
	measure("carrier_is_likely", by_look, NULL, ROUNDS);
	measure("carrier_read", by_carrier, NULL, ROUNDS);
	measure("jansson", by_jansson, NULL, 1);
	free(lines);
	free(text);
	return 0;
}
