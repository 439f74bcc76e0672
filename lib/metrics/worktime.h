#ifndef PCHAN_WORKTIME_H
#define PCHAN_WORKTIME_H

/*
 * The time in which this process could work: CLOCK_MONOTONIC without its halts.
 * After a Ctrl-Z that time stands still until the process goes on.  The watches
 * of a stat file (metrics.h, link.h) are started, stopped and read by it, so
 * that a halt is no wait and makes nobody busy.
 *
 * Any thread; nothing blocks.  Halts are told by one thread.  Times that go in
 * are monotonic ns.
 */

#include <stdint.h>

#include "sync/stopwatch.h"

/*
 * The watch, which is all zero and lives as long as the process, shows the
 * halts from now on.  Before other threads are started.
 */
void worktime_keep(struct stopwatch *halts);

/* The process is about to halt, or goes on. */
void worktime_halt(int64_t now);
void worktime_go_on(int64_t now);

/* How long the process has been halted, in all. */
int64_t worktime_halted(int64_t now);

/* The working time at a moment; it never goes back.  And that of now. */
int64_t worktime_at(int64_t now);
int64_t worktime_now(void);

/* The same of a process with these halts; halts that can't be are left out. */
int64_t worktime_of(const struct stopwatch *halts, int64_t now);

#endif
