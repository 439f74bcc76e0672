#ifndef TRAY_H
#define TRAY_H

/*
 * The tray that workers take records from, where a run (record.h) may be more
 * than one of them has room for: what a worker leaves of a run stays on the
 * tray, and is what the next one gets.  So records leave the channel in its
 * order, in portions that the workers decide about.
 *
 * All functions but tray_free() may be called by any thread; none blocks.
 */

#include <stdbool.h>
#include <stddef.h>

struct chan;
struct parker;
struct record;
struct tray;
struct waiter;

/* The most records in a run, and items on the tray. */
#define TRAY_RECORDS 1024

/* NULL with errno ENOMEM. */
struct tray *tray_new(void);
void tray_free(struct tray *);

/*
 * Takes up to max records, alone or as runs, from the tray and then from the
 * channel.  Returns how many items `out` has, which has room for max.  *ended:
 * nothing will come any more.
 */
size_t tray_take(struct tray *, struct chan *, struct record *out, size_t max, bool *ended);

/*
 * Wakes the parker when there is something on the tray.  Watch, take, sleep,
 * unwatch, as with the channel.
 */
void tray_watch(struct tray *, struct waiter *, struct parker *);
void tray_unwatch(struct tray *, struct waiter *);

#endif
