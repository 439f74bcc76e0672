#ifndef PCHAN_SETTINGS_H
#define PCHAN_SETTINGS_H

/*
 * What the environment says of tracing: the variables of OpenTelemetry
 * (opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables),
 * and TRACEPARENT and TRACESTATE (…/otel/context/env-carriers).  An empty
 * variable counts as unset.  A bad value is told and ignored.
 *
 *	OTEL_SDK_DISABLED		true: nothing is traced
 *	OTEL_TRACES_EXPORTER		otlp, console, none
 *	OTEL_TRACES_SAMPLER, ..._ARG	sampler.h; parentbased_always_on
 *	OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES
 *	OTEL_BSP_SCHEDULE_DELAY		ms until spans are written; 1000
 *	OTEL_BSP_MAX_QUEUE_SIZE		spans; 2048
 *	OTEL_BSP_MAX_EXPORT_BATCH_SIZE	spans in a line, of 64 at most
 *
 * Read once, by one thread, as getenv(3).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/context.h"
#include "trace/sampler.h"
#include "trace/tracestate.h"

/* What is traced; TRACE_UNSET: the command line does not say. */
enum trace_level { TRACE_OFF, TRACE_RUN, TRACE_RECORDS, TRACE_UNSET };

/* OTEL_TRACES_EXPORTER. */
enum settings_exporter { SETTINGS_UNSET, SETTINGS_OTLP, SETTINGS_CONSOLE, SETTINGS_NONE };

/* An attribute of the resource: text, decoded. */
struct settings_attribute {
	char *key, *value;
};

struct settings {
	bool disabled;
	enum settings_exporter exporter;
	struct sampler sampler;
	char *service; /* malloc'd; NULL: none is given */
	/* Without service.name. */
	struct settings_attribute *attribute;
	size_t attributes;
	int64_t delay; /* ns */
	size_t queue, batch;

	bool has_parent; /* of the run's span: TRACEPARENT */
	struct context parent;
	char state[TRACESTATE_SIZE]; /* TRACESTATE, or "" */

	/* Lines about bad values, without the tool's name. */
	char **warning;
	size_t warnings;
};

/*
 * Reads the environment.  OTEL_RESOURCE_ATTRIBUTES is `key=value,...`, with
 * percent-encoding in values (W3C Baggage); if one pair of it is bad all of it
 * is ignored.  -1 with errno ENOMEM.
 */
int settings_read(struct settings *);
void settings_free(struct settings *);

#endif
