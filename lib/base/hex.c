#include "base/hex.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

static int
lower_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
hex_digit(char c)
{
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : lower_digit(c);
}

/* Four bytes at once: each half of one becomes a byte, and then a digit. */
static void
print_four(const unsigned char *bytes, char *text)
{
	uint64_t x, letters;
	uint32_t four;

	memcpy(&four, bytes, sizeof(four));
	x = le32toh(four);
	x = (x | x << 16) & UINT64_C(0x0000ffff0000ffff);
	x = (x | x << 8) & UINT64_C(0x00ff00ff00ff00ff);
	x = (x >> 4 | x << 8) & EACH(0x0f);
	letters = (x + EACH(6)) >> 4 & EACH(1);
	x = htole64(x + EACH('0') + letters * ('a' - '9' - 1));
	memcpy(text, &x, sizeof(x));
}

void
hex_print(const void *bytes, size_t n, char *text)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *from = bytes;
	size_t i;

	for (i = 0; i + 4 <= n; i += 4)
		print_four(from + i, text + 2 * i);
	for (; i < n; i++) {
		text[2 * i] = digits[from[i] >> 4];
		text[2 * i + 1] = digits[from[i] & 15];
	}
	text[2 * n] = '\0';
}

bool
hex_read(const char *text, size_t len, void *bytes, size_t n)
{
	unsigned char *to = bytes;

	if (len != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = lower_digit(text[2 * i]), low = lower_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		to[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}
