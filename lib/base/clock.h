#ifndef PCHAN_CLOCK_H
#define PCHAN_CLOCK_H

/*
 * Time.  Below main() every time is absolute: nanoseconds of CLOCK_MONOTONIC,
 * so that neither a clock that jumps nor a call that is retried changes what a
 * deadline means.  Only what people read (dead letters) has calendar times.
 *
 * Any thread; nothing blocks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_NEVER INT64_MAX
#define CLOCK_US INT64_C(1000)
#define CLOCK_MS INT64_C(1000000)
#define CLOCK_S INT64_C(1000000000)

/* Sizes of what clock_stamp() and clock_boot() write, with the NUL. */
#define CLOCK_STAMP_SIZE 28
#define CLOCK_BOOT_SIZE 40

/* Now, in monotonic nanoseconds. */
int64_t clock_now(void);

/*
 * Which start of the machine clock_now() counts from: an id, filled up with
 * NULs; "" if it is not known.
 */
void clock_boot(char id[CLOCK_BOOT_SIZE]);

/* Now, in microseconds since 1970-01-01T00:00:00Z. */
int64_t clock_calendar(void);

/*
 * Calendar ns minus monotonic ns.  Two calls differ by some 100 ns, unless the
 * calendar was set.
 */
int64_t clock_offset(void);

/* now + ns, without overflow; CLOCK_NEVER if ns is CLOCK_NEVER. */
int64_t clock_after(int64_t now, int64_t ns);

/* The earlier of two times. */
static inline int64_t
clock_earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/*
 * The time left until the deadline, never negative, as a timespec for ppoll(2).
 * Returns left, or NULL (no timeout) for CLOCK_NEVER.
 */
struct timespec *clock_left(int64_t deadline, struct timespec *left);

/*
 * Writes calendar microseconds in RFC 3339 form: 2026-11-23T15:04:05.123456Z.
 * A time before 1970 or after 9999 is written as the nearest one in between.
 */
void clock_stamp(int64_t calendar_us, char stamp[CLOCK_STAMP_SIZE]);

/*
 * Reads an RFC 3339 time, with its zone, into calendar microseconds.  False if
 * the text is not such a time.
 */
bool clock_read_stamp(const char *stamp, int64_t *calendar_us);

#endif
