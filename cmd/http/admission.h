#ifndef ADMISSION_H
#define ADMISSION_H

/*
 * Whether a request is let in, by its head.  A pure function.
 */

#include <stdbool.h>
#include <stdint.h>

/* What the head says; headers that are missing are NULL. */
struct admission {
	const char *path, *method;
	const char *authorization, *origin, *encoding, *length;
};

/* What there is, and how it stands. */
struct admission_rules {
	const char *path;
	const char *token;   /* or NULL */
	uint64_t max_body;   /* bytes of a body */
	uint64_t memory;     /* bytes that are left for bodies */
	bool full, stopping; /* no more records can be taken now, or ever */
};

/* A status, and a text for it; 0: it is let in. */
struct admission_verdict {
	unsigned status;
	const char *text; /* static */
};

struct admission_verdict admission_judge(const struct admission *, const struct admission_rules *);

/* Whether the body is packed. */
bool admission_is_gzip(const char *encoding);

#endif
