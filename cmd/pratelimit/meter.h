#ifndef METER_H
#define METER_H

/*
 * The rate that is in force and the bucket that all records share; in memory, or in a file that several
 * processes map.
 *
 * A rate is read without a lock: there are two, and a generation that says which one counts.  Who changes
 * it writes the other one first.  The bucket is one number (bucket.h), moved on by compare-and-swap.  So
 * whoever is killed leaves nothing behind that must be repaired.
 */

#include <stdbool.h>
#include <stdint.h>

#include "bucket.h"

struct meter;

/* One in memory.  NULL with errno. */
struct meter *meter_new(const struct rate *);

/*
 * One in this file, which is made if there is none.  Ends the process with a message and status 2 if the file is
 * something else, or was made for another rate.  What it says from before the machine's last start is forgotten.
 */
struct meter *meter_map(const char *path, const struct rate *, bool bytes);
void meter_free(struct meter *);

/* Goes up with each change of the rate.  0: somebody has cut the file off, and there is none any more. */
uint64_t meter_generation(const struct meter *);

/* The rate, and its generation.  Any thread. */
uint64_t meter_rate(const struct meter *, struct rate *);

/* Whether others may change it, too. */
bool meter_is_shared(const struct meter *);

/* When the bucket is full; as long as the meter is there. */
_Atomic int64_t *meter_bucket(struct meter *);

/* Another rate from now on; for what was taken already, too.  One thread.  -1 with errno: the file can't be locked. */
int meter_change(struct meter *, const struct rate *);

#endif
