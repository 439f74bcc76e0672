#include "points.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/attribute.h"

#define CUMULATIVE "\"aggregationTemporality\":2"

void
points_begin(struct points *p, uint64_t start, uint64_t now)
{
	*p = (struct points){.start = start, .now = now};
}

void
points_free(struct points *p)
{
	text_free(&p->text);
}

/* Families. */

static void
close_family(struct points *p)
{
	if (p->open)
		TEXT_LITERAL(&p->text, "]}}");
	p->open = false;
}

bool
points_end(struct points *p)
{
	close_family(p);
	return !p->text.failed;
}

void
points_family(struct points *p, const char *name, enum exposition_type type, const char *help)
{
	close_family(p);
	p->name = name;
	p->type = type;
	p->help = help;
}

static bool
ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name), len = strlen(suffix);

	return n >= len && strcmp(name + n - len, suffix) == 0;
}

/* UCUM. */
static const char *
unit_of(const char *name)
{
	return ends_with(name, "_seconds") ? "s" : ends_with(name, "_bytes") ? "By" : NULL;
}

static void
open_family(struct points *p)
{
	static const char *const kinds[] = {
	    [EXPOSITION_COUNTER] = "\"sum\":{" CUMULATIVE ",\"isMonotonic\":true,\"dataPoints\":[",
	    [EXPOSITION_GAUGE] = "\"gauge\":{\"dataPoints\":[",
	    [EXPOSITION_HISTOGRAM] = "\"histogram\":{" CUMULATIVE ",\"dataPoints\":[",
	};
	const char *unit = unit_of(p->name);

	text_raw(&p->text, p->text.len > 0 ? ",{\"name\":" : "{\"name\":");
	text_string(&p->text, p->name);
	TEXT_LITERAL(&p->text, ",\"description\":");
	text_string(&p->text, p->help);
	TEXT_LITERAL(&p->text, ",");
	if (unit != NULL) {
		TEXT_LITERAL(&p->text, "\"unit\":");
		text_string(&p->text, unit);
		TEXT_LITERAL(&p->text, ",");
	}
	text_raw(&p->text, kinds[p->type]);
	p->open = true;
}

/* Data points. */

/*
 * Takes the next label, name="value", off the labels, and decodes it.  The
 * label is malloc'd: the name, and the value behind the NUL of that.  NULL:
 * there is none, or no memory, and *failed says so.
 */
static char *
next_label(const char **labels, bool *failed)
{
	const char *p = *labels;
	char *label, *out;

	if (*p == '\0')
		return NULL;
	if ((label = out = malloc(strlen(p) + 1)) == NULL) {
		*failed = true;
		return NULL;
	}
	while (*p != '=')
		*out++ = *p++;
	*out++ = '\0';
	for (p += 2; *p != '"'; p++) {
		bool escaped = *p == '\\';

		p += escaped;
		*out++ = (char)(escaped && *p == 'n' ? '\n' : *p);
	}
	*out = '\0';
	*labels = p[1] == ',' ? p + 2 : p + 1;
	return label;
}

static void
put_time(struct points *p, const char *name, uint64_t ns)
{
	text_raw(&p->text, name);
	text_number(&p->text, ns);
	TEXT_LITERAL(&p->text, "\",");
}

/* A data point up to its value. */
static void
begin_point(struct points *p, const char *labels, const char *name, const char *value)
{
	char *label;

	if (!p->open)
		open_family(p);
	else
		TEXT_LITERAL(&p->text, ",");
	TEXT_LITERAL(&p->text, "{\"attributes\":[");
	while ((label = next_label(&labels, &p->text.failed)) != NULL) {
		attribute_text(&p->text, label, label + strlen(label) + 1);
		free(label);
	}
	if (name != NULL)
		attribute_text(&p->text, name, value);
	TEXT_LITERAL(&p->text, "],");
	if (p->type != EXPOSITION_GAUGE)
		put_time(p, "\"startTimeUnixNano\":\"", p->start);
	put_time(p, "\"timeUnixNano\":\"", p->now);
	p->n++;
}

static void
put_double(struct points *p, double number)
{
	char text[32];

	snprintf(text, sizeof(text), "%.17g", isfinite(number) ? number : 0.0);
	text_raw(&p->text, text);
}

/* 64-bit integers are strings, and signed. */
static void
put_integer(struct points *p, uint64_t number)
{
	TEXT_LITERAL(&p->text, "\"");
	text_number(&p->text, number < INT64_MAX ? number : INT64_MAX);
	TEXT_LITERAL(&p->text, "\"");
}

void
points_count(
    struct points *p, const char *labels, const char *name, const char *value, uint64_t count)
{
	begin_point(p, labels, name, value);
	TEXT_LITERAL(&p->text, "\"asInt\":");
	put_integer(p, count);
	TEXT_LITERAL(&p->text, "}");
}

void
points_number(
    struct points *p, const char *labels, const char *name, const char *value, double number)
{
	begin_point(p, labels, name, value);
	TEXT_LITERAL(&p->text, "\"asDouble\":");
	put_double(p, number);
	TEXT_LITERAL(&p->text, "}");
}

void
points_histogram(struct points *p, const char *labels, const struct histogram *h)
{
	uint64_t count = 0;

	begin_point(p, labels, NULL, NULL);
	TEXT_LITERAL(&p->text, "\"bucketCounts\":[");
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t n = h->bucket[i];

		text_raw(&p->text, i > 0 ? "," : "");
		put_integer(p, n);
		count += n;
	}
	TEXT_LITERAL(&p->text, "],\"explicitBounds\":[");
	for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
		text_raw(&p->text, i > 0 ? "," : "");
		put_double(p, (double)histogram_bound[i] / 1e9);
	}
	TEXT_LITERAL(&p->text, "],\"count\":");
	put_integer(p, count);
	TEXT_LITERAL(&p->text, ",\"sum\":");
	put_double(p, (double)h->sum / 1e9);
	TEXT_LITERAL(&p->text, "}");
}
