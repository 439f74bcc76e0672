/* Decoding JSON strings (RFC 8259, section 7). */

#include <stdint.h>
#include <string.h>

#include "json/json.h"

#define REPLACEMENT 0xfffd /* U+FFFD, for half of a surrogate pair */

/* The value of four hexadecimal digits; -1 if they are not there. */
static int32_t
hex4(const char *p, const char *end)
{
	static const char digits[] = "0123456789abcdef";
	int32_t code = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char lower = p[i] >= 'A' && p[i] <= 'F' ? (char)(p[i] + ('a' - 'A')) : p[i];
		const char *digit = memchr(digits, lower, 16);

		if (digit == NULL)
			return -1;
		code = code * 16 + (int32_t)(digit - digits);
	}
	return code;
}

/*
 * The character of \uXXXX, or of two of them that are a surrogate pair; -1 if
 * the digits are bad.  *place is after the first u, and moves past what was
 * used.
 */
static int32_t
unicode(const char **place, const char *end)
{
	const char *p = *place;
	int32_t code = hex4(p, end);
	int32_t low = -1;

	if (code < 0)
		return -1;
	*place = p += 4;
	if (code < 0xd800 || code > 0xdfff)
		return code;
	if (code < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u')
		low = hex4(p + 2, end);
	if (low < 0xdc00 || low > 0xdfff)
		return REPLACEMENT;
	*place = p + 6;
	return 0x10000 + (code - 0xd800) * 0x400 + (low - 0xdc00);
}

/* Writes a character as UTF-8 and returns its length. */
static size_t
encode(int32_t code, char out[4])
{
	size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const int32_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = len - 1; i > 0; i--, code >>= 6)
		out[i] = (char)(0x80 | (code & 0x3f));
	out[0] = (char)(lead[len] | code);
	return len;
}

/*
 * Decodes the escape at *place and moves *place past it.  Returns the length of
 * the character, 0 if the escape is bad.
 */
static size_t
unescape(const char **place, const char *end, char out[4])
{
	static const char letters[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	const char *p = *place + 1; /* after the backslash */
	const char *letter;

	if (p >= end)
		return 0;
	*place = p + 1;
	if (*p == 'u') {
		int32_t code = unicode(place, end);

		return code < 0 ? 0 : encode(code, out);
	}
	if ((letter = memchr(letters, *p, sizeof(letters) - 1)) == NULL)
		return 0;
	out[0] = meanings[letter - letters];
	return 1;
}

size_t
json_unquote(const char *string, size_t len, char *out)
{
	char *start = out;

	if (len < 2 || string[0] != '"' || string[len - 1] != '"' || !json_check(string, len, NULL))
		return (size_t)-1;
	const char *p = string + 1, *end = string + len - 1;
	while (p < end) {
		const char *escape = memchr(p, '\\', (size_t)(end - p));
		size_t plain = (size_t)((escape != NULL ? escape : end) - p);

		memcpy(out, p, plain);
		p += plain;
		out += plain;
		if (escape != NULL)
			out += unescape(&p, end, out);
	}
	return (size_t)(out - start);
}

bool
json_string_is(const char *string, size_t len, const char *text, size_t text_len)
{
	char out[4];

	if (len < 2)
		return false;
	const char *p = string + 1, *end = string + len - 1;
	while (p < end) {
		size_t n = 1;

		if (*p == '\\')
			n = unescape(&p, end, out);
		else
			out[0] = *p++;
		if (n == 0 || n > text_len || memcmp(out, text, n) != 0)
			return false;
		text += n;
		text_len -= n;
	}
	return text_len == 0;
}
