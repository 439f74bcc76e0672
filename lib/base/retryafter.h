#ifndef PCHAN_RETRYAFTER_H
#define PCHAN_RETRYAFTER_H

/*
 * How long a server asks to be left alone: Retry-After of HTTP (RFC 9110,
 * section 10.2.3), a number of seconds or a date.  Pure.
 */

#include <stdint.h>

#define RETRYAFTER_MOST (INT64_C(3600) * 1000000000) /* ns; more is as much */

/*
 * The ns that the header asks for; now: calendar s, for a date.  -1: the text
 * says nothing.
 */
int64_t retryafter_read(const char *text, int64_t now);

#endif
