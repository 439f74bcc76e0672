#ifndef PCHAN_ORIGIN_H
#define PCHAN_ORIGIN_H

/*
 * What only few records have, and is therefore kept apart: the identity that a
 * retry envelope brought, and the span of a record that is traced.
 *
 * Threads hand on such a record one after another, and each cache line of it
 * costs each of them a wait.  So all is in one block, with room for the bytes
 * that the record gets instead of its own; blocks are used again.
 *
 * An origin belongs to whoever has its record; any thread may make and free
 * one.  Nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/span.h"

/* Most records, with a trace context. */
#define ORIGIN_BYTES 1024

struct origin {
	struct span span;
	bool is_traced; /* else the span is none */
	bool enveloped; /* else there is no identity */

	char id[64]; /* "" if the envelope had none */
	uint64_t replays;
	/* Calendar us, 0 if the envelope had none. */
	int64_t first_failed;

	/* Of a record that is traced: what it has instead of its slab's. */
	char bytes[ORIGIN_BYTES];
};

/* One without a span and an identity.  NULL with errno ENOMEM. */
struct origin *origin_new(void);

/* The span comes into the processor's cache meanwhile. */
void origin_fetch(const struct origin *);

/* Frees it with its span. */
void origin_free(struct origin *);

#endif
