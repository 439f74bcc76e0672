#ifndef OUTCOME_H
#define OUTCOME_H

/*
 * What became of a request, and so of its records.  Pure functions.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <curl/curl.h>

#define OUTCOME_BODY 1024 /* as much of the answer's body is kept */
#define OUTCOME_TEXT_SIZE 512

/* What came back. */
struct outcome_answer {
	CURLcode code;  /* of the transfer */
	bool connected; /* there was a connection that could be written to */
	char error[CURL_ERROR_SIZE];

	long status;          /* of HTTP, if the code is CURLE_OK */
	char retry_after[64]; /* headers, or "" */
	char location[256];
	char body[OUTCOME_BODY];
	size_t len;
};

enum outcome_kind {
	OUTCOME_TAKEN, /* 2xx */
	/*
	 * 408, 425, 429, 5xx, or no whole answer: another attempt of its
	 * records, later.
	 */
	OUTCOME_AGAIN,
	OUTCOME_AWAY, /* nothing was sent: the server is away */
	/*
	 * 301 to 308, 401, 403, 404, 405, 407, or a certificate that is not
	 * trusted: the URL or the rights are wrong if this has never worked,
	 * else it is rejected.
	 */
	OUTCOME_REFUSED,
	OUTCOME_REJECTED, /* any other status */
	OUTCOME_UNFIT     /* 400, 413, 422: by a record of the batch */
};

struct outcome {
	enum outcome_kind kind;
	int64_t wait; /* ns that the server asks for; -1: it does not */
	/* "503: the head of the body", one line. */
	char text[OUTCOME_TEXT_SIZE];
};

/* now: calendar s, for a date in Retry-After. */
void outcome_judge(const struct outcome_answer *, int64_t now, struct outcome *);

#endif
