#ifndef REPLY_H
#define REPLY_H

/*
 * What the answer to an export request means (opentelemetry.io/docs/specs/otlp,
 * "OTLP/HTTP Response"): a status of 200 takes the request, but its
 * partialSuccess may reject some of it; 429, 502, 503, 504, and no answer at
 * all, ask for another try, after the time that Retry-After says (RFC 9110,
 * section 10.2.3); any other status rejects the request for good.
 *
 * Pure functions.
 */

#include <stddef.h>
#include <stdint.h>

struct post_answer;

enum reply_kind { REPLY_TAKEN, REPLY_REJECTED, REPLY_AGAIN };

#define REPLY_TEXT_SIZE 512

/* A text is one for a message: "503 Service Unavailable". */
struct reply {
	enum reply_kind kind;
	uint64_t rejected; /* of REPLY_TAKEN: items of the request */
	int64_t after;     /* of REPLY_AGAIN: ns; -1: nothing is said */
	char text[REPLY_TEXT_SIZE];
};

/* now: calendar s, for a date in Retry-After. */
void reply_judge(const struct post_answer *, int64_t now, struct reply *);

#endif
