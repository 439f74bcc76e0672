#ifndef PCHAN_UNITS_H
#define PCHAN_UNITS_H

/*
 * The units of the command line: 250ms, 16M.  Those that read return 0, or -1 and
 * *why, a static text that names what is allowed ("a duration such as 250ms, 2s or 1m30s");
 * the value is then left alone.  All may be called by any thread.
 */

#include <stdbool.h>
#include <stdint.h>

/* A whole number from min to max.  *why lives until the thread's next call. */
int units_number(const char *text, int64_t min, int64_t max, int64_t *value, const char **why);

/*
 * ns us ms s m h d, one or several (1m30s); a fraction may stand before the unit (1.5s, down to
 * the ns); a bare 0 is allowed, else the unit is a must.
 */
int units_duration(const char *text, int64_t *ns, const char **why);

/*
 * Bytes; K M G T are binary (64K = 65536), a trailing B or iB is allowed (64KiB), and a
 * fraction, rounded down (1.5G); at least 1.
 */
int units_size(const char *text, uint64_t *bytes, const char **why);

/*
 * An amount per time: 100/s, 6000/m, 1.5/h, 10k/s (k M G, decimal; no finer than a thousandth), or, of bytes,
 * 512K/s as units_size() has it; s m h d.  So many in so many ns, in lowest terms.
 */
int units_rate(const char *text, bool bytes, uint64_t *amount, uint64_t *per, const char **why);

/*
 * 1234567 ns as "1.23ms", 90 s as "1m30s", for messages: at most 15 characters and a NUL,
 * never more than there was (rounded down), and units_duration() reads it.  Negative is "0s".
 */
#define UNITS_TEXT_SIZE 16
void units_format_duration(int64_t ns, char text[UNITS_TEXT_SIZE]);

/* 1536 as "1.5K", in the same manner. */
void units_format_size(uint64_t bytes, char text[UNITS_TEXT_SIZE]);

/* A rate exactly as units_rate() reads it, in the shortest time that gives a whole number. */
#define UNITS_RATE_SIZE 32
void units_format_rate(uint64_t amount, uint64_t per, bool bytes, char text[UNITS_RATE_SIZE]);

#endif
