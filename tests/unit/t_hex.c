#include "base/hex.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "t.h"

static void
test_hex(void)
{
	static const unsigned char bytes[] = {0x00, 0x0f, 0xf0, 0xff, 0x9a};
	unsigned char back[sizeof(bytes)];
	char text[2 * sizeof(bytes) + 1];

	hex_print(bytes, sizeof(bytes), text);
	CHECK(strcmp(text, "000ff0ff9a") == 0, "%s", text);
	CHECK(hex_read(text, 10, back, 5) && memcmp(back, bytes, 5) == 0, "%s", text);
	CHECK(!hex_read(text, 9, back, 5), "too short");
	CHECK(!hex_read(text, 10, back, 4), "too long");
	CHECK(!hex_read("000FF0FF9A", 10, back, 5), "upper case");
	hex_print(bytes, 0, text);
	CHECK(text[0] == '\0' && hex_read("", 0, back, 0), "nothing");
}

static void
test_every_digit(void)
{
	for (int c = 0; c < 256; c++) {
		const char text[2] = {'0', (char)c};
		unsigned char byte;
		unsigned value;

		if (!isxdigit(c)) {
			CHECK(hex_digit((char)c) == -1, "%d", c);
			CHECK(!hex_read(text, 2, &byte, 1), "%d", c);
			continue;
		}
		sscanf((const char[]){(char)c, '\0'}, "%x", &value);
		CHECK(hex_digit((char)c) == (int)value, "%c", c);
		CHECK(hex_read(text, 2, &byte, 1) == !isupper(c), "%c", c);
	}
}

int
main(void)
{
	test_hex();
	test_every_digit();
	return t_end();
}
