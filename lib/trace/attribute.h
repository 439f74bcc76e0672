#ifndef PCHAN_ATTRIBUTE_H
#define PCHAN_ATTRIBUTE_H

/*
 * Attributes as OTLP/JSON has them: members of an array that is being written,
 * {"key":"pchan.line","value":{"intValue":"18"}}.
 *
 * One thread's at a time; nothing blocks.
 */

#include <stddef.h>
#include <stdint.h>

struct text;

/* Adds an attribute, after a comma unless it is the array's first one. */
void attribute_text(struct text *, const char *key, const char *value);

/* The same; what is above INT64_MAX becomes INT64_MAX. */
void attribute_number(struct text *, const char *key, uint64_t value);

/* Adds an id in hexadecimal digits, without quotes. */
void attribute_hex(struct text *, const unsigned char *id, size_t n);

#endif
