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

static const struct {
	const char *text, *tame;
} untamed[] = {
    {"", ""},
    {"caf\xc3\xa9 \xc2\xa0\xe2\x82\xac \xf0\x9f\x98\x80",
	"caf\xc3\xa9 \xc2\xa0\xe2\x82\xac \xf0\x9f\x98\x80"},
    {"\033[31m\x7f\r", "?[31m??"},
    {"a\tb\nc", "a\tb?c"},
    {"\xc2\x80\xc2\x9b"
     "31m\xc2\x9f",
	"????31m??"},
    {"\x9b"
     "31m caf\xe9 \xc2",
	"?31m caf? ?"},
    {"\xe2\x80\xa9\xe2\x80\xaa\xe2\x80\xae\xe2\x80\xaf", "\xe2\x80\xa9??????\xe2\x80\xaf"},
    {"\xe2\x81\xa5\xe2\x81\xa6\xe2\x81\xa9\xe2\x81\xaa", "\xe2\x81\xa5??????\xe2\x81\xaa"},
    {"\xc0\x9b\xed\xa0\x80", "?????"},
};

/* A tab is meant here, nothing else. */
static void
test_tame(void)
{
	char text[64];

	for (size_t i = 0; i < sizeof(untamed) / sizeof(untamed[0]); i++) {
		strcpy(text, untamed[i].text);
		utf8_tame(text, strlen(text), "\t");
		CHECK(strcmp(text, untamed[i].tame) == 0, "%zu: %s", i, text);
	}
	memcpy(text, "a\0b", 3);
	utf8_tame(text, 3, "\t");
	CHECK(memcmp(text, "a?b", 3) == 0, "NUL");
}

static void
test_fit(void)
{
	static const struct {
		const char *text;
		size_t columns, bytes;
	} fits[] = {
	    {"", 3, 0},
	    {"abc", 3, 3},
	    {"abcd", 3, 3},
	    {"abcd", 0, 0},
	    {"\xc3\xa9\xc3\xa9\xc3\xa9", 2, 4},
	    {"\xe2\x82\xac\xe2\x82\xac", 1, 3}, /* euro */
	    {"\xe4\xb8\xad\xe6\x96\x87", 3, 3}, /* Chinese */
	    {"\xf0\x9f\x98\x80", 1, 0},         /* a face */
	    {"\xe0\xb8\x81\xe1\x83\x90", 2, 6}, /* Thai, Georgian */
	    {"\xff\xfe", 1, 1},
	    {"abcd", (size_t)-1, 4},
	};

	for (size_t i = 0; i < sizeof(fits) / sizeof(fits[0]); i++) {
		size_t n = utf8_fit(fits[i].text, strlen(fits[i].text), fits[i].columns);

		CHECK(n == fits[i].bytes, "%zu: %zu", i, n);
	}
}

int
main(void)
{
	test_tame();
	test_fit();
	test_char();
	test_clean();
	test_cut();
	return t_end();
}
