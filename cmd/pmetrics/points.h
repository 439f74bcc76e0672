#ifndef POINTS_H
#define POINTS_H

/*
 * Families of metrics as OTLP/JSON (opentelemetry.io/docs/specs/otel/metrics,
 * "Data Model"): cumulative monotonic sums for counters, gauges, histograms
 * with explicit bounds.  Names are those of Prometheus without "_total", which
 * whoever turns them into Prometheus's again adds.
 *
 * For one thread; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"
#include "exposition.h"
#include "json/text.h"

struct points {
	struct text text; /* the metrics: what is in their array */
	uint64_t n;       /* data points */

	/* Its own: */
	uint64_t start, now; /* calendar ns */
	const char *name, *help;
	enum exposition_type type;
	bool open; /* the family has data points */
};

/* Since when counters have counted, and now (calendar ns). */
void points_begin(struct points *, uint64_t start, uint64_t now);

/* Frees the text. */
void points_free(struct points *);

/* Ends the last family.  False: memory was short. */
bool points_end(struct points *);

/* As those of exposition.h, labels as they are there. */
void points_family(struct points *, const char *name, enum exposition_type, const char *help);
void points_count(
    struct points *, const char *labels, const char *name, const char *value, uint64_t);
void points_number(
    struct points *, const char *labels, const char *name, const char *value, double);
void points_histogram(struct points *, const char *labels, const struct histogram *);

#endif
