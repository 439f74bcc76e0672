#ifndef PCHAN_WAIT_H
#define PCHAN_WAIT_H

/*
 * The loop of park.h, written once: a thread sleeps until a condition holds.
 */

#include <stdbool.h>
#include <stdint.h>

struct ctx;
struct waitlist;

/*
 * Blocks until ready(arg) returns true, the deadline (monotonic ns,
 * CLOCK_NEVER) passes, or ctx is done.  A thread that may make the condition
 * true calls waitlist_wake() on the list after the change.  Returns what
 * ready() said last; ready() is asked at least once, in the caller's thread,
 * and must not block.  Any number of threads may wait on one list.
 *
 * A thread that was woken and returns does not wake the next one: the condition
 * must be one that every wake announces again, or that holds for all who wait.
 */
bool wait_for(struct waitlist *list, struct ctx *ctx, int64_t deadline,
    bool (*ready)(const void *arg), const void *arg);

#endif
