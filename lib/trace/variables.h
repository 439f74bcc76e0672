#ifndef PCHAN_VARIABLES_H
#define PCHAN_VARIABLES_H

/*
 * The environment of a process that is to continue a trace: the variables
 * TRACEPARENT and TRACESTATE
 * (opentelemetry.io/docs/specs/otel/context/env-carriers).
 *
 * Any thread; nothing blocks.
 */

struct context;

/*
 * A copy of the environment with this context, and this tracestate unless it
 * is "", in place of what both variables were.  NULL for the context: neither
 * is set.  The result is one malloc'd block, which is the caller's, and points
 * into `environment` for the other variables.  NULL with errno ENOMEM.
 */
char **variables_with(char *const *environment, const struct context *, const char *state);

#endif
