#ifndef METER_H
#define METER_H

/*
 * The rate that is in force, and a bucket that several processes share: in memory, or in a file that they map.
 *
 * The bucket is one number (bucket.h), and its lowest bits say which of a few rates it was computed with.  So one
 * compare-and-swap charges it only if the rate is still that one, and another one makes another rate, and
 * what the bucket is worth at it, valid together.  Nobody waits for anybody, and whoever is killed leaves nothing that
 * must be repaired.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/bucket.h"

struct meter;

/* One in memory.  NULL with errno. */
struct meter *meter_new(const struct rate *);

/*
 * One in this file, which is made if there is none.  Ends the process with a message and status 2 if the file is
 * something else, or was made for another rate.  What it says from before the machine's last start is forgotten.
 */
struct meter *meter_map(const char *path, const struct rate *, bool bytes);
void meter_free(struct meter *);

/* Whether it is in a file. */
bool meter_is_shared(const struct meter *);

/*
 * Which generation of the rate is in force; it changes with the rate, and after some changes comes again.  0: somebody
 * has cut the file off, and there is none any more.  Any thread, as the next one.
 */
unsigned meter_generation(const struct meter *);

/* The rate that is in force.  Returns its generation; 0: there is none, and *r is as it was. */
unsigned meter_rate(const struct meter *, struct rate *r);

/* When the bucket is full.  Returns the generation of the rate that this is true for. */
unsigned meter_bucket(const struct meter *, int64_t *full);

/* Moves the bucket on, if it still is as it was in this generation.  False: somebody else was faster. */
bool meter_move(struct meter *, unsigned generation, int64_t from, int64_t to);

/*
 * Another rate from now on; for what was taken already, too.  One thread.  -1 with errno: the file can't
 * be locked (EBUSY: somebody else has it locked), or was cut off (ESTALE).  Waits a second at most.
 */
int meter_change(struct meter *, const struct rate *);

#endif
