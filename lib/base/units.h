#ifndef PCHAN_UNITS_H
#define PCHAN_UNITS_H

/*
 * The units of the command line: 250ms, 16M.
 *
 * The functions that read return 0; or -1 and set *why to a text that names
 * what is allowed ("a duration such as 250ms, 2s or 1m30s"), and leave the
 * value alone.  *why is static.  Any thread; nothing blocks.
 */

#include <stdbool.h>
#include <stdint.h>

/*
 * A whole number from min to max.  *why is valid until the thread's next call.
 */
int units_number(const char *text, int64_t min, int64_t max, int64_t *value, const char **why);

/*
 * One or several terms (1m30s) of ns us ms s m h d.  The number before a unit
 * can have a fraction (1.5s, down to the ns).  A bare 0 is allowed; everything
 * else needs a unit.
 */
int units_duration(const char *text, int64_t *ns, const char **why);

/*
 * Bytes, at least 1.  K M G T are binary (64K = 65536), and a trailing B or iB
 * is allowed (64KiB), as is a fraction (1.5G), which is rounded down.
 */
int units_size(const char *text, uint64_t *bytes, const char **why);

/*
 * An amount per s, m, h or d: of records, 100/s, 6000/m, 1.5/h, 10k/s (k M G,
 * decimal; no finer than a thousandth); of bytes, 512K/s, as units_size() reads
 * it.  The result is *amount in *per ns, in lowest terms.
 */
int units_rate(const char *text, bool bytes, uint64_t *amount, uint64_t *per, const char **why);

/*
 * A share of a whole, such as 5% or 0.5%, in parts per million: above 0%, below
 * 100%, no finer than 0.0001%.
 */
int units_share(const char *text, uint32_t *ppm, const char **why);

/*
 * Formats 1234567 ns as "1.23ms" and 90 s as "1m30s", for messages: at most 15
 * characters and a NUL, rounded down, readable by units_duration().  A negative
 * duration is "0s".
 */
#define UNITS_TEXT_SIZE 16
void units_format_duration(int64_t ns, char text[UNITS_TEXT_SIZE]);

/*
 * Formats 1536 as "1.5K", in the same manner; readable by units_size() unless
 * it is 0.
 */
void units_format_size(uint64_t bytes, char text[UNITS_TEXT_SIZE]);

/*
 * Formats a rate as units_rate() reads it, per the shortest time that makes the
 * amount a whole number.
 */
#define UNITS_RATE_SIZE 32
void units_format_rate(uint64_t amount, uint64_t per, bool bytes, char text[UNITS_RATE_SIZE]);

#define UNITS_STATUSES 256

/*
 * Reads a list of exit statuses, "N[,N]...", from least to 255, and sets has[N]
 * of each.  -1: it is none.
 */
int units_statuses(const char *text, unsigned least, bool has[UNITS_STATUSES]);

#endif
