#ifndef PCHAN_SAID_H
#define PCHAN_SAID_H

/*
 * What the helpers of a stage's engines say of themselves, pchan-engines(7): a
 * line "stat NAME NUMBER [LABEL=VALUE]" each.  Numbers that only grow are added
 * to those of the stage (enum metric_engine); of the others the last one counts
 * until the helper takes it back or is gone.  These are at fixed places in the
 * stat file of a stage that has engines.
 *
 * A place has one writer, the helper's thread.  Any thread, or another process,
 * may read it at any time.  Nothing blocks.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics/link.h"
#include "metrics/metrics.h"

#define SAID_MAGIC "pchan.en" /* eight bytes, without the NUL */
#define SAID_PLACES 64
#define SAID_PARTITION_SIZE 40

enum said_what {
	SAID_LAG,            /* records that are still to come */
	SAID_UNACKNOWLEDGED, /* records that are on their way */
	SAID_KINDS
};

struct metrics_said {
	/* Bit 0: it is shown; and above a number that changes with each use. */
	_Atomic uint32_t state;
	uint8_t what; /* enum said_what */
	uint8_t link; /* the number of the engine's link; LINKS: it has none */
	uint8_t spare[2];
	_Atomic uint64_t owner; /* a number for the helper; 0: it is free */
	_Atomic uint64_t value;
	char partition[SAID_PARTITION_SIZE]; /* "": of all; ends with a NUL */
};

_Static_assert(sizeof(struct metrics_said) == 64, "the format has places of 64 bytes");

struct metrics_engines {
	char magic[8];
	uint32_t size; /* of all this */
	uint32_t places;
	_Atomic uint32_t full; /* more was said than there are places for */
	uint32_t spare[11];
	struct metrics_said said[SAID_PLACES];
};

/* A helper.  One thread at a time.  {0}: what it says goes nowhere. */
struct said {
	struct metrics_engines *to;
	struct metrics_shard *shard;
	uint8_t link;
	uint64_t owner;
	uint64_t counted[ENGINE_COUNTERS]; /* that it has said last */
};

/* The place of all that is said, which is zero, becomes one. */
void said_set_up(struct metrics_engines *);

/*
 * A helper begins, whose engine is this link (link_number()).  `to` may be NULL
 * as {0}.
 */
void said_begin(struct said *, struct metrics_engines *to, struct metrics_shard *, unsigned link);

/*
 * A line has come: what is behind "stat ", not trusted.  One that says nothing
 * that is known is left out, as a later version may have more.  False: there is
 * no place for one more in this stage, which is to be told.  After that it is
 * true again.
 */
#define SAID_FULL                                                                             \
	"its helper has more numbers than there is room for in the metrics of a stage (64); " \
	"further ones are not shown"
bool said_take(struct said *, const char *text, size_t len);

/* The helper is gone: what it said does not hold any more; {0} from then on. */
void said_end(struct said *);

/*
 * Reads a place that another thread or process may change: a copy of it, or
 * false if nothing is there that can be.
 */
bool said_read(const struct metrics_said *, struct metrics_said *copy);

#endif
