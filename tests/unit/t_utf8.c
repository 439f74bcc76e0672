#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "t.h"

static const struct {
	const char *bytes;
	const char *clean;
} texts[] = {
    {"", ""},
    {"plain", "plain"},
    {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
    {"caf\xe9", "caf\xef\xbf\xbd"},
    {"\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd"},
    {"cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd"},
    {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
    {"\xed\xa0\x80!", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd!"},
};

static const struct {
	const char *text;
	size_t max, head, tail;
} cuts[] = {
    {"", 4, 0, 0},
    {"abcd", 4, 4, 4},
    {"abcde", 4, 4, 4},
    {"abcde", 0, 0, 0},
    {"\xe2\x82\xac\xe2\x82\xac", 6, 6, 6},
    {"\xe2\x82\xac\xe2\x82\xac", 5, 3, 3},
    {"\xe2\x82\xac\xe2\x82\xac", 4, 3, 3},
    {"\xe2\x82\xac\xe2\x82\xac", 3, 3, 3},
    {"\xe2\x82\xac\xe2\x82\xac", 2, 0, 0},
    {"a\xc3\xa9z", 2, 1, 1},
    {"a\xc3\xa9z", 3, 3, 3},
};

static int
is_valid(const char *s, size_t len)
{
	json_t *string = json_stringn(s, len);
	int valid = string != NULL;

	json_decref(string);
	return valid;
}

/* jansson decides what the length of each first character is. */
static void
test_char(void)
{
	for (unsigned i = 0; i < 0x10000; i++) {
		const char s[4] = {(char)(i >> 8), (char)i, (char)0x80, (char)0xbf};
		size_t n = utf8_char(s, sizeof(s));

		CHECK(n == 0 || is_valid(s, n), "%04x: %zu", i, n);
		for (size_t len = 1; len < (n > 0 ? n : sizeof(s) + 1); len++) {
			CHECK(!is_valid(s, len), "%04x, %zu bytes", i, len);
			CHECK(utf8_char(s, len) == 0, "%04x, %zu bytes", i, len);
		}
	}
}

static void
test_clean(void)
{
	size_t len;
	char *clean;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		clean = utf8_clean(texts[i].bytes, strlen(texts[i].bytes), &len);
		CHECK(clean != NULL && strcmp(clean, texts[i].clean) == 0, "%s", texts[i].clean);
		CHECK(len == strlen(texts[i].clean), "%s", texts[i].clean);
		free(clean);
	}
	clean = utf8_clean("a\0\xff", 3, &len);
	CHECK(clean != NULL && len == 5 && memcmp(clean, "a\0\xef\xbf\xbd", 6) == 0, "%zu", len);
	free(clean);
}

static void
test_cut(void)
{
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		const char *text = cuts[i].text;
		size_t head = utf8_head(text, strlen(text), cuts[i].max);
		size_t tail = utf8_tail(text, strlen(text), cuts[i].max);

		CHECK(head == cuts[i].head, "%s to %zu: %zu", text, cuts[i].max, head);
		CHECK(tail == cuts[i].tail, "%s to %zu: %zu", text, cuts[i].max, tail);
	}
}

int
main(void)
{
	test_char();
	test_clean();
	test_cut();
	return t_end();
}
