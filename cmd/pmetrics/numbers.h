#ifndef NUMBERS_H
#define NUMBERS_H

/*
 * The metrics of all stages as an export request of OTLP/JSON: what `pmetrics
 * print` shows, as data points (points.h) that are cumulative.  The resource is
 * the environment's (trace/settings.h); its service.name is pchan by default.
 *
 * For one thread; blocks as look_take() does.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct numbers;

/* Whether OTEL_METRICS_EXPORTER has otlp. */
bool numbers_wanted(void);

/* Reads the environment.  Without memory ends the process with this status. */
struct numbers *numbers_new(int status);

/* NULL does nothing. */
void numbers_free(struct numbers *);

/* The time between two requests, ns: OTEL_METRIC_EXPORT_INTERVAL, or 60 s. */
int64_t numbers_interval(const struct numbers *);

/*
 * A request of now, and how many data points it has; the caller frees it.
 * NULL: no stage was found, or memory was short.
 */
char *numbers_request(struct numbers *, size_t *len, uint64_t *data_points);

#endif
