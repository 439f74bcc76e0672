#include "base/utf8.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static bool
is_continuation(char c)
{
	return (c & 0xc0) == 0x80;
}

size_t
utf8_char(const char *s, size_t len)
{
	unsigned char c = (unsigned char)s[0], next = len > 1 ? (unsigned char)s[1] : 0;
	size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

	if (n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if (!is_continuation(s[i]))
			return 0;
	/* No overlong forms, no surrogates, nothing beyond U+10FFFF. */
	if ((c == 0xe0 && next < 0xa0) || (c == 0xed && next > 0x9f) ||
	    (c == 0xf0 && next < 0x90) || (c == 0xf4 && next > 0x8f))
		return 0;
	return n;
}

char *
utf8_clean(const char *s, size_t len, size_t *clean_len)
{
	char *clean = malloc(3 * len + 1), *out = clean;
	size_t n;

	if (clean == NULL)
		return NULL;
	for (; len > 0; s += n, len -= n) {
		if ((n = utf8_char(s, len)) > 0) {
			memcpy(out, s, n);
			out += n;
		} else {
			memcpy(out, REPLACEMENT, 3);
			out += 3;
			n = 1;
		}
	}
	*out = '\0';
	*clean_len = (size_t)(out - clean);
	return clean;
}

size_t
utf8_head(const char *s, size_t len, size_t max)
{
	if (len <= max)
		return len;
	for (len = max; len > 0 && is_continuation(s[len]);)
		len--;
	return len;
}

size_t
utf8_tail(const char *s, size_t len, size_t max)
{
	const char *end = s + len;

	if (len <= max)
		return len;
	for (len = max; len > 0 && is_continuation(*(end - len));)
		len--;
	return len;
}

/*
 * Ranges of two columns start at U+1100.  Characters of three bytes before that
 * and those from U+2000 to U+2E7F, which are punctuation and symbols, have one.
 */
static size_t
columns_of(const char *s, size_t n)
{
	unsigned char c = (unsigned char)s[0], next = n > 1 ? (unsigned char)s[1] : 0;

	if (n < 3 || (c == 0xe1 && next < 0x84) || c == 0xe0 || (c == 0xe2 && next < 0xba))
		return 1;
	return 2;
}

size_t
utf8_fit(const char *s, size_t len, size_t columns)
{
	size_t at = 0, n, width;

	for (; at < len; at += n, columns -= width) {
		if ((n = utf8_char(s + at, len - at)) == 0)
			n = 1;
		if ((width = columns_of(s + at, n)) > columns)
			break;
	}
	return at;
}

/* Whether the character of n bytes controls a terminal; 0: it is not UTF-8. */
static bool
is_control(const char *s, size_t n)
{
	unsigned char c = (unsigned char)s[0], next = n > 1 ? (unsigned char)s[1] : 0,
		      last = n > 2 ? (unsigned char)s[2] : 0;

	if (n < 2)
		return n == 0 || c < ' ' || c == 0x7f;
	if (n == 2)
		return c == 0xc2 && next < 0xa0;
	return n == 3 && c == 0xe2 &&
	    ((next == 0x80 && last >= 0xaa && last <= 0xae) ||
		(next == 0x81 && last >= 0xa6 && last <= 0xa9));
}

void
utf8_tame(char *text, size_t len, const char *kept)
{
	for (size_t n, step; len > 0; text += step, len -= step) {
		n = utf8_char(text, len);
		step = n > 0 ? n : 1;
		if (is_control(text, n) && (*text == '\0' || strchr(kept, *text) == NULL))
			memset(text, '?', step);
	}
}
