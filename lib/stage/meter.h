#ifndef PCHAN_METER_H
#define PCHAN_METER_H

/*
 * The rate that is in force and, for processes that share a bucket, the bucket:
 * in memory, in a file that they all map, or on a server (remote.h).
 *
 * In memory and in a file the bucket is one number (bucket.h).  Its lowest bits
 * are the generation of the rate, an index into the last few rates.  So one
 * compare-and-swap charges the bucket only if the rate has not changed, and
 * another one puts a new rate in force together with what the bucket is worth
 * at that rate.  No process waits for another to charge the bucket, and a
 * process that is killed leaves nothing to repair.
 *
 * Any thread may call these functions, except where it says one thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bucket.h"

struct meter;
struct remote;
struct stage;
struct waitlist;

/* Makes a meter in memory.  NULL with errno ENOMEM. */
struct meter *meter_new(const struct rate *);

/*
 * Maps the meter in this file, and creates the file if there is none; a file
 * from before the machine's last start begins afresh.  Waits up to a second for
 * the file's lock.  NULL on any fault, and if the file is something else, was
 * made for another rate, is a link or has two names, or belongs to somebody who
 * is neither this user nor root nor the owner of its folder; then `why` (of
 * METER_WHY_SIZE bytes) says so on one line, which may have control bytes of
 * the path.  One meter of a process at most may be mapped; one thread.
 */
#define METER_WHY_SIZE 1024
struct meter *meter_map(
    const char *path, const struct rate *, bool bytes, char why[METER_WHY_SIZE]);

/*
 * The meter of --shared: the one on the server, if that is a URL, else the one
 * in that file; NULL: one in memory.  `say` prints what happens to the former.
 * NULL and `why` as above.  One thread.
 */
struct meter *meter_open(const char *shared, const struct rate *, bool bytes,
    void (*say)(const char *line), char why[METER_WHY_SIZE]);

/*
 * If the bucket is on a server: a thread that starts with the stage deals with
 * what the server says, and aborts the stage where that refuses us.
 */
void meter_watch(struct meter *, struct stage *);

/* Frees or unmaps it.  NULL is fine. */
void meter_free(struct meter *);

/* Whether processes share the bucket. */
bool meter_is_shared(const struct meter *);

/* The bucket on a server, or NULL. */
struct remote *meter_remote(const struct meter *);

/*
 * Woken when the rate is changed by this process or by the server, and when the
 * server has answered.
 */
struct waitlist *meter_news(struct meter *);

/*
 * Stores the rate that is in force and returns its generation.  The generation
 * changes with every change of the rate, and comes round again after some of
 * them.  0: the file was truncated and its rate is lost; *r is unchanged.
 */
unsigned meter_rate(const struct meter *, struct rate *r);

/*
 * Stores the time at which the bucket is full, and returns the generation of
 * the rate for which that holds; 0 as above.  This and the next one: not where
 * the bucket is on a server.
 */
unsigned meter_bucket(const struct meter *, int64_t *full);

/*
 * Moves the bucket from one time to another, if it still stands at `from` and
 * this generation is in force.  False: another process was faster.
 */
bool meter_move(struct meter *, unsigned generation, int64_t from, int64_t to);

/*
 * Puts another rate in force, which applies to what was taken before, too.
 * Waits up to a second for the file's lock.  -1 with errno: the file cannot be
 * locked (EBUSY: another process keeps it locked) or was truncated (ESTALE).
 * One thread.
 */
int meter_change(struct meter *, const struct rate *);

#endif
