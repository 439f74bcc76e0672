#ifndef PCHAN_RESOURCE_H
#define PCHAN_RESOURCE_H

/*
 * The resource of OpenTelemetry: who has the spans.  Its attributes are those
 * that the settings have, and of these defaults the ones that they don't have:
 *
 *	service.name			the stage
 *	service.namespace		the pipeline, if it has a name
 *	service.instance.id		the stage's UUID, with hyphens
 *	telemetry.sdk.name		pchan; .language c, .version
 *	process.pid, host.name
 *
 * No key is there twice: of the settings' the last one counts.
 *
 * Any thread; nothing blocks.
 */

struct otlp_stage;
struct settings;
struct text;

/* Writes the attributes: what is in the array. */
void resource_put(struct text *, const struct settings *, const struct otlp_stage *);

#endif
