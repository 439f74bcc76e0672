#ifndef EXPOSITION_H
#define EXPOSITION_H

/*
 * Families of metrics as text, in the two formats that Prometheus reads: its
 * own, version 0.0.4, and OpenMetrics 1.0.  The samples are the same; the lines
 * around them are not.  All samples of a family are written together.  They may
 * also become data points (points.h) instead.
 *
 * Errors are the stream's: see ferror(3); or those of the points.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/histogram.h"
#include "metrics/exemplar.h"

enum exposition_format { EXPOSITION_TEXT, EXPOSITION_OPENMETRICS };

enum exposition_type { EXPOSITION_COUNTER, EXPOSITION_GAUGE, EXPOSITION_HISTOGRAM };

/* Size of a number as text, with its NUL. */
#define EXPOSITION_NUMBER_SIZE 32

struct points;

struct exposition {
	struct points *points; /* NULL: text is written */
	FILE *out;
	enum exposition_format format;
	const char *name, *suffix; /* of the family */
	const char *help;          /* NULL once the family has a sample */
	enum exposition_type type;
	char bound[HISTOGRAM_BOUNDS][EXPOSITION_NUMBER_SIZE];
};

struct exposition_label {
	const char *name, *value; /* valid UTF-8 */
};

/* The Content-Type of the format. */
const char *exposition_content_type(enum exposition_format);

void exposition_begin(struct exposition *, FILE *, enum exposition_format);

/* The same, for samples that become data points. */
void exposition_begin_points(struct exposition *, struct points *);

/* The last line of the text. */
void exposition_end(struct exposition *);

/*
 * Begins a family; one without samples is left out.  The name of a counter is
 * given without its "_total".  The texts must live as long as samples are
 * written.
 */
void exposition_family(
    struct exposition *, const char *name, enum exposition_type, const char *help);

/*
 * These labels as text, without the braces, for the samples below; those with
 * the value NULL are left out.  The caller frees it.  NULL with errno ENOMEM.
 */
char *exposition_labels(const struct exposition_label *, size_t n);

/*
 * A sample with these labels ("" for none), and one more: its name, or NULL,
 * and its value, which needs no escapes.
 */
void exposition_count(
    struct exposition *, const char *labels, const char *name, const char *value, uint64_t);
void exposition_number(
    struct exposition *, const char *labels, const char *name, const char *value, double);

/*
 * All samples of a histogram, in seconds.  In OpenMetrics buckets have their
 * exemplars, if there are any (version 0: none); the other format has none.
 */
void exposition_histogram(struct exposition *, const char *labels, const struct histogram *,
    const struct metrics_exemplar[HISTOGRAM_BUCKETS]);

/*
 * The shortest text that reads back as this number, and looks like no whole
 * one: "0.005", "1.0", "1e-05", "+Inf".
 */
void exposition_format_number(double, char text[EXPOSITION_NUMBER_SIZE]);

#endif
