#ifndef TARGET_H
#define TARGET_H

/*
 * The URL of to-http and to-https: a service that takes records, and how they
 * are sent.  Path and query are the service's; the options of pchan are in the
 * fragment, which no server ever gets:
 *
 *	https://host:port/path?query#batch=100&timeout=5s
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/url.h"

struct json_path;

struct target {
	char *url;   /* for libcurl, without the fragment */
	char *shown; /* for messages: without the query, which may have a key */
	bool tls;

	int64_t batch;        /* records in a request; 1: no batches */
	uint64_t batch_bytes; /* of them in it, unless one alone is longer */
	int64_t parallel;     /* requests at a time */
	int64_t timeout;      /* ns, of a request */
	bool gzip;
	struct json_path *id; /* of the Idempotency-Key; or NULL */
	/* Texts of `options`; NULL: not given, but for the method. */
	const char *method, *header_file, *cacert, *cert, *key;
	struct url options;
};

/*
 * Reads the text.  -1, and `why` names the part that is wrong.  Free it with
 * target_free() if it was read.
 */
int target_read(struct target *, const char *text, char why[URL_WHY_SIZE]);
void target_free(struct target *);

#endif
