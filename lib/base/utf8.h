#ifndef PCHAN_UTF8_H
#define PCHAN_UTF8_H

/*
 * UTF-8 (RFC 3629) for what people read: names, messages, what a worker wrote on
 * stderr.  These may be any bytes, and have to become text that fits.  (That records
 * are UTF-8 is checked on the way by json_check().)  Lengths are in bytes; NUL is a character.
 */

#include <stddef.h>

/* Length of the character that begins at s, of which len > 0 bytes are there; 0 if it is none. */
size_t utf8_char(const char *s, size_t len);

/* A copy with U+FFFD in place of each byte that is not UTF-8, malloc'd.  NULL: ENOMEM. */
char *utf8_clean(const char *s, size_t len, size_t *clean_len);

/* How many bytes of the start, or of the end, to keep so that they are at most max and whole characters. */
size_t utf8_head(const char *s, size_t len, size_t max);
size_t utf8_tail(const char *s, size_t len, size_t max);

#endif
