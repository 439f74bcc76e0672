#ifndef REQUEST_H
#define REQUEST_H

/*
 * One request: the records of a bundle as its body, and what is answered.  It
 * is used again and again.
 *
 * For one thread.
 */

#include <stdbool.h>
#include <curl/curl.h>

#include "headers.h"
#include "outcome.h"
#include "pending.h"
#include "target.h"

struct request {
	CURL *easy; /* CURLOPT_PRIVATE is the request */
	const struct target *target;
	const struct headers *headers;
	struct bundle *bundle;   /* NULL: it is idle */
	char *body;              /* malloc'd; NULL: the bundle's */
	struct curl_slist *list; /* its own headers, or NULL */
	struct outcome_answer answer;
};

/*
 * A request to the target, which outlives it, as the headers do.  -1 and *why:
 * an option that libcurl does not take.
 */
int request_init(struct request *, const struct target *, const struct headers *, const char **why);
void request_end(struct request *);

/*
 * Makes it ready for the bundle, which is the request's then.  -1 and *why, a
 * static text: its record can't be sent (it has no id), or there is no memory
 * (errno ENOMEM).
 */
int request_load(struct request *, struct bundle *, const char **why);

/*
 * The transfer has ended: the answer is complete.  Returns the bundle, which is
 * the caller's again.
 */
struct bundle *request_unload(struct request *, CURLcode);

#endif
