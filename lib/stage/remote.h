#ifndef PCHAN_REMOTE_H
#define PCHAN_REMOTE_H

/*
 * A bucket on a server, which all machines share that name the same URL.
 *
 * A helper, rate-SCHEME (cmd/redis/rate.h has the protocol), knows the server.
 * Whoever books asks it by a line, never waits, and is woken by the answer:
 * base/credit.h says how much is asked for, and when that may go.  A thread
 * takes answers, starts a helper that has died again, and looks each second
 * whether another machine has changed the rate.
 *
 * Any thread may call these functions, except where it says main.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/bucket.h"

struct remote;
struct stage;
struct waitlist;

enum booking {
	BOOKED,
	BOOKING_LATE,       /* it would be due later than that */
	BOOKING_ASKED,      /* nobody knows yet: the server is asked */
	BOOKING_OTHER_RATE, /* adopt the rate first */
};

/*
 * Starts the helper of the URL, and waits for its first answer, for a second at
 * most: the server may be away.  The waitlist is woken by answers and when the
 * rate changes; `say` prints that the helper has died.  NULL, and `why` (of
 * REMOTE_WHY_SIZE bytes) says why on one line, which has no password: the URL
 * is broken, there is no helper for it, it has ended with status 2 (and has
 * said why), or the bucket has another rate.  Main.
 */
#define REMOTE_WHY_SIZE 1024
struct remote *remote_new(const char *url, const struct rate *, bool bytes, struct waitlist *,
    void (*say)(const char *line), char why[REMOTE_WHY_SIZE]);

/*
 * Starts the thread.  Faults that come later abort the stage with status 2.  -1
 * with errno.  Main.
 */
int remote_start(struct remote *, struct stage *);

/* Ends the thread and the helper; credit that is left is lost.  Main. */
void remote_free(struct remote *);

/* As meter_rate() has it. */
unsigned remote_rate(struct remote *, struct rate *);

/*
 * Puts another rate in force, for all machines: at once, or as soon as the
 * server is there.
 */
void remote_change(struct remote *, const struct rate *);

/*
 * As teller_book() has it; the rate is that of the generation.  BOOKING_ASKED:
 * the waitlist is woken when it may be different; *due is when to ask again at
 * the latest, and CLOCK_NEVER while there is no answer for a second.
 */
enum booking remote_book(struct remote *, unsigned generation, int64_t came, uint64_t amount,
    int64_t latest, int64_t *due);

/* As teller_forfeit() has it, at the rate of the generation. */
bool remote_forfeit(struct remote *, unsigned generation, int64_t now);

#endif
