#include "exposition.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "points.h"

static const char *const type_names[] = {
    [EXPOSITION_COUNTER] = "counter",
    [EXPOSITION_GAUGE] = "gauge",
    [EXPOSITION_HISTOGRAM] = "histogram",
};

const char *
exposition_content_type(enum exposition_format format)
{
	return format == EXPOSITION_OPENMETRICS
	    ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
	    : "text/plain; version=0.0.4; charset=utf-8";
}

void
exposition_format_number(double number, char text[EXPOSITION_NUMBER_SIZE])
{
	if (isnan(number) || isinf(number)) {
		strlcpy(text,
		    isnan(number)    ? "NaN"
			: number > 0 ? "+Inf"
				     : "-Inf",
		    EXPOSITION_NUMBER_SIZE);
		return;
	}
	/* 17 digits tell all numbers apart; for most fewer do. */
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, EXPOSITION_NUMBER_SIZE, "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	if (strpbrk(text, ".e") == NULL)
		strlcat(text, ".0", EXPOSITION_NUMBER_SIZE);
}

void
exposition_begin(struct exposition *e, FILE *out, enum exposition_format format)
{
	*e = (struct exposition){.out = out, .format = format};
	for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++)
		exposition_format_number((double)histogram_bound[i] / 1e9, e->bound[i]);
}

void
exposition_begin_points(struct exposition *e, struct points *points)
{
	*e = (struct exposition){.points = points};
}

void
exposition_end(struct exposition *e)
{
	if (e->points == NULL && e->format == EXPOSITION_OPENMETRICS)
		fputs("# EOF\n", e->out);
}

/* Writes the text with a backslash before those of these characters. */
static void
write_escaped(FILE *out, const char *text, const char *escaped)
{
	for (size_t n; *text != '\0'; text += n) {
		if ((n = strcspn(text, escaped)) > 0) {
			fwrite(text, 1, n, out);
			continue;
		}
		n = 1;
		fputc('\\', out);
		fputc(*text == '\n' ? 'n' : *text, out);
	}
}

void
exposition_family(
    struct exposition *e, const char *name, enum exposition_type type, const char *help)
{
	if (e->points != NULL) {
		points_family(e->points, name, type, help);
		return;
	}
	e->name = name;
	e->suffix = type == EXPOSITION_COUNTER ? "_total" : "";
	e->type = type;
	e->help = help;
}

/* The lines before the first sample. */
static void
write_head(struct exposition *e)
{
	bool open = e->format == EXPOSITION_OPENMETRICS;
	const char *suffix = open ? "" : e->suffix;

	fprintf(e->out, "# HELP %s%s ", e->name, suffix);
	write_escaped(e->out, e->help, open ? "\\\n\"" : "\\\n");
	fprintf(e->out, "\n# TYPE %s%s %s\n", e->name, suffix, type_names[e->type]);
	e->help = NULL;
}

char *
exposition_labels(const struct exposition_label *label, size_t n)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	const char *separator = "";

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (label[i].value == NULL)
			continue;
		fprintf(out, "%s%s=\"", separator, label[i].name);
		write_escaped(out, label[i].value, "\\\n\"");
		fputc('"', out);
		separator = ",";
	}
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* The sample's line up to its value. */
static void
begin_sample(struct exposition *e, const char *suffix, const char *labels, const char *name,
    const char *value)
{
	if (e->help != NULL)
		write_head(e);
	fputs(e->name, e->out);
	fputs(suffix, e->out);
	if (*labels != '\0' || name != NULL) {
		fputc('{', e->out);
		fputs(labels, e->out);
		if (name != NULL) {
			fprintf(e->out, "%s%s=\"", *labels != '\0' ? "," : "", name);
			write_escaped(e->out, value, "\\\n\"");
			fputc('"', e->out);
		}
		fputc('}', e->out);
	}
	fputc(' ', e->out);
}

void
exposition_count(
    struct exposition *e, const char *labels, const char *name, const char *value, uint64_t count)
{
	if (e->points != NULL) {
		points_count(e->points, labels, name, value, count);
		return;
	}
	begin_sample(e, e->suffix, labels, name, value);
	fprintf(e->out, "%" PRIu64 "\n", count);
}

void
exposition_number(
    struct exposition *e, const char *labels, const char *name, const char *value, double number)
{
	char text[EXPOSITION_NUMBER_SIZE];

	if (e->points != NULL) {
		points_number(e->points, labels, name, value, number);
		return;
	}
	exposition_format_number(number, text);
	begin_sample(e, e->suffix, labels, name, value);
	fprintf(e->out, "%s\n", text);
}

/* What follows the value of a bucket; of 128 characters the labels have 63. */
static void
write_exemplar(struct exposition *e, const struct metrics_exemplar *x)
{
	char seconds[EXPOSITION_NUMBER_SIZE], moment[EXPOSITION_NUMBER_SIZE];
	char trace[2 * sizeof(x->trace_id) + 1], span[2 * sizeof(x->span_id) + 1];

	if (x->version == 0 || e->format != EXPOSITION_OPENMETRICS)
		return;
	exposition_format_number((double)x->ns / 1e9, seconds);
	exposition_format_number((double)x->end_us / 1e6, moment);
	hex_print(&x->trace_id, sizeof(x->trace_id), trace);
	hex_print(&x->span_id, sizeof(x->span_id), span);
	fprintf(e->out, " # {trace_id=\"%s\",span_id=\"%s\"} %s %s", trace, span, seconds, moment);
}

void
exposition_histogram(struct exposition *e, const char *labels, const struct histogram *h,
    const struct metrics_exemplar exemplar[HISTOGRAM_BUCKETS])
{
	char sum[EXPOSITION_NUMBER_SIZE];
	uint64_t count = 0;

	if (e->points != NULL) {
		points_histogram(e->points, labels, h);
		return;
	}
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		count += h->bucket[i];
		begin_sample(
		    e, "_bucket", labels, "le", i < HISTOGRAM_BOUNDS ? e->bound[i] : "+Inf");
		fprintf(e->out, "%" PRIu64, count);
		write_exemplar(e, &exemplar[i]);
		fputc('\n', e->out);
	}
	exposition_format_number((double)h->sum / 1e9, sum);
	begin_sample(e, "_sum", labels, NULL, NULL);
	fprintf(e->out, "%s\n", sum);
	begin_sample(e, "_count", labels, NULL, NULL);
	fprintf(e->out, "%" PRIu64 "\n", count);
}
