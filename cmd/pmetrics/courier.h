#ifndef COURIER_H
#define COURIER_H

/*
 * Brings the requests of one signal (spans, or metrics) to its endpoint, one
 * after the other, and says when another try makes sense.  What goes wrong is
 * told once, and when it is over.
 *
 * For one thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "endpoint.h"

struct courier;
struct post_wait;

/* What became of a request. */
enum courier_end {
	COURIER_TAKEN,    /* but perhaps not all of it */
	COURIER_REJECTED, /* for good */
	COURIER_LATER     /* not before courier_next() */
};

/* Items: spans, or data points; told: the rejected ones in messages. */
struct courier_totals {
	uint64_t requests, sent, rejected, told;
};

/*
 * Reads the environment (endpoint.h) and loads libcurl.  Ends the process with
 * a message and this status where that fails.
 */
struct courier *courier_new(enum endpoint_signal, const char *base, int status);
void courier_free(struct courier *);

/*
 * Posts a request that has n items.  *rejected is how many of them were.
 */
enum courier_end courier_send(struct courier *, const char *text, size_t len, uint64_t n,
    const struct post_wait *, uint64_t *rejected);

/* When the next try may be made (monotonic ns); 0: at any time. */
int64_t courier_next(const struct courier *);

/* Now, rather than after the back-off. */
void courier_hurry(struct courier *);

/* What waited while the collector was away has been sent: tells so. */
void courier_caught_up(struct courier *);

const struct courier_totals *courier_totals(const struct courier *);

#endif
