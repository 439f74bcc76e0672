#ifndef ENDPOINT_H
#define ENDPOINT_H

/*
 * Where telemetry is posted to, and how: what the variables
 * OTEL_EXPORTER_OTLP_* (opentelemetry.io/docs/specs/otel/protocol/exporter)
 * say.  One that names the signal, such as OTEL_EXPORTER_OTLP_TRACES_HEADERS,
 * beats the general one.  An empty variable counts as unset; a bad value is
 * told and ignored.
 *
 *	ENDPOINT	a base, to which v1/traces is added; that of a signal is
 *			taken as it is
 *	HEADERS		key=value,..., values percent-encoded
 *	TIMEOUT		ms for one request; 10000
 *	COMPRESSION	gzip, none
 *	PROTOCOL	http/json is all there is
 *	CERTIFICATE, CLIENT_CERTIFICATE, CLIENT_KEY	files, PEM
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum endpoint_signal { ENDPOINT_TRACES, ENDPOINT_METRICS };

struct endpoint {
	char *url;
	char *shown;   /* the same without a password, for messages */
	char **header; /* "Name: value" */
	size_t headers;
	int64_t timeout; /* ns */
	bool gzip;
	/* Files of certificates and of the key, or NULL; the environment's. */
	const char *authority, *certificate, *key;

	/* Lines about bad values. */
	char **warning;
	size_t warnings;
};

/*
 * Reads the environment; base, unless it is NULL, is used in place of all
 * endpoints there.  -1 with errno ENOMEM; or EINVAL if the endpoint itself is
 * no URL of http or https: then the last warning says so.  Free it with
 * endpoint_free() in any case.
 */
int endpoint_read(struct endpoint *, enum endpoint_signal, const char *base);
void endpoint_free(struct endpoint *);

#endif
