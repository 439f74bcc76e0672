#include "json/text.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define ROOM_FIRST 4096
#define NUMBER_MAX 20 /* digits of a number of 64 bits */
#define EIGHT_DIGITS 100000000
#define ESCAPED_MAX 6 /* bytes that one byte of a string can become */

void
text_free(struct text *t)
{
	free(t->data);
	*t = (struct text){0};
}

static bool
grow(struct text *t, size_t n)
{
	size_t room = t->room == 0 ? ROOM_FIRST : t->room;
	char *data;

	while (room - t->len < n)
		room *= 2;
	if ((data = realloc(t->data, room)) == NULL) {
		t->failed = true;
		return false;
	}
	t->data = data;
	t->room = room;
	return true;
}

char *
text_room(struct text *t, size_t n)
{
	if (t->failed || ((t->data == NULL || t->room - t->len < n) && !grow(t, n)))
		return NULL;
	return t->data + t->len;
}

void
text_raw(struct text *t, const char *s)
{
	text_bytes(t, s, strlen(s));
}

/* Two digits at a time: the divisions take the time. */
static void
two_digits(char *to, uint32_t number)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324"
				    "25262728293031323334353637383940414243444546474849"
				    "50515253545556575859606162636465666768697071727374"
				    "75767778798081828384858687888990919293949596979899";

	memcpy(to, pairs + (size_t)2 * number, 2);
}

static void
eight_digits(char *to, uint32_t number)
{
	uint32_t high = number / 10000, low = number % 10000;

	two_digits(to, high / 100);
	two_digits(to + 2, high % 100);
	two_digits(to + 4, low / 100);
	two_digits(to + 6, low % 100);
}

void
text_number(struct text *t, uint64_t number)
{
	char digits[NUMBER_MAX], *at = digits + NUMBER_MAX;
	uint32_t left;

	for (; number >= EIGHT_DIGITS; number /= EIGHT_DIGITS) {
		at -= 8;
		eight_digits(at, (uint32_t)(number % EIGHT_DIGITS));
	}
	for (left = (uint32_t)number; left >= 10; left /= 100) {
		at -= 2;
		two_digits(at, left % 100);
	}
	if (left > 0 || at == digits + NUMBER_MAX)
		*--at = (char)('0' + left);
	text_bytes(t, at, (size_t)(digits + NUMBER_MAX - at));
}

/* Whether the byte stands for itself in a string, whatever is beside it. */
static inline bool
is_plain(char c)
{
	return (unsigned char)c >= ' ' && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* Writes a character of a string that is not plain; returns where it ends. */
static char *
escape(char *to, const char *s, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	static const char letters[32] = {
	    ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
	unsigned char c = (unsigned char)*s;

	if (n == 0) /* not UTF-8 */
		return mempcpy(to, "\xef\xbf\xbd", 3);
	if (n > 1)
		return mempcpy(to, s, n);
	*to++ = '\\';
	if (c >= ' ' || letters[c] != '\0') {
		*to++ = c >= ' ' ? (char)c : letters[c];
		return to;
	}
	to = mempcpy(to, "u00", 3);
	*to++ = digits[c >> 4];
	*to++ = digits[c & 15];
	return to;
}

void
text_chars(struct text *t, const char *s, size_t len)
{
	size_t n;
	char *at = text_room(t, ESCAPED_MAX * len + 2);

	if (at == NULL)
		return;
	*at++ = '"';
	for (const char *end = s + len; s < end;) {
		if (is_plain(*s)) {
			*at++ = *s++;
			continue;
		}
		n = utf8_char(s, (size_t)(end - s));
		at = escape(at, s, n);
		s += n > 0 ? n : 1;
	}
	*at++ = '"';
	t->len = (size_t)(at - t->data);
}

void
text_string(struct text *t, const char *s)
{
	text_chars(t, s, strlen(s));
}
