#include "json/members.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "t.h"

static const char *const names[] = {"id", "odd \"name\"", "caf\xc3\xa9", ""};
#define NAMES 4

static const struct {
	const char *object;
	const char *value[NAMES]; /* NULL: there is none */
	const char *last;         /* NULL: there is none */
} cases[] = {
    {"{}", {0}, NULL},
    {" { } ", {0}, NULL},
    {"{\"id\":1}", {"1"}, "1"},
    {"{\"x\":1,\"id\":2}", {"2"}, "2"},
    {"{\"id\":1,\"x\":2}", {"1"}, "2"},
    {" { \"id\" : 1 , \"x\" : [ ] } \r", {"1"}, " [ ] "},
    {"{\"id\":1,\"id\":2,\"x\":0}", {"2"}, "0"},
    {"{\"id\":\"a,b}c]d\\\"e\\\\\",\"x\":\"\\\\\"}", {"\"a,b}c]d\\\"e\\\\\""}, "\"\\\\\""},
    {"{\"x\":{\"id\":1},\"y\":[{\"id\":2}]}", {NULL}, "[{\"id\":2}]"},
    {"{\"id\":{\"a\":[1,{\"b\":2}]},\"x\":null}", {"{\"a\":[1,{\"b\":2}]}"}, "null"},
    {"{\"\\u0069\\u0064\":true}", {"true"}, "true"},
    {"{\"odd \\\"name\\\"\":[1,2]}", {NULL, "[1,2]"}, "[1,2]"},
    {"{\"caf\\u00e9\":\"\",\"id\":null}", {"null", NULL, "\"\""}, "null"},
    {"{\"caf\xc3\xa9\":3.0}", {NULL, NULL, "3.0"}, "3.0"},
    {"{\"\":\"empty\"}", {NULL, NULL, NULL, "\"empty\""}, "\"empty\""},
    {"{\"idx\":1,\"i\":2,\"ID\":3}", {0}, "3"},
    {"{\"x:\":1,\"id\":\"id:\",\":\":0}", {"\"id:\""}, "0"},
    {"{\"id\\u0000\":1}", {0}, "1"},
};

static int
is(const struct json_slice *s, const char *text)
{
	if (text == NULL || s->data == NULL)
		return text == NULL && s->data == NULL;
	return s->len == strlen(text) && memcmp(s->data, text, s->len) == 0;
}

static void
test_found(void)
{
	struct json_slice value[NAMES], last;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *object = cases[i].object;

		members_find(object, strlen(object), names, NAMES, value, &last);
		for (size_t j = 0; j < NAMES; j++)
			CHECK(is(&value[j], cases[i].value[j]), "%s: %s is %.*s", object, names[j],
			    (int)value[j].len, value[j].data);
		CHECK(is(&last, cases[i].last), "%s: %.*s", object, (int)last.len, last.data);
	}
}

static int
is_within(const struct json_slice *s, const char *text, size_t len)
{
	return s->data == NULL || (s->data >= text && s->data + s->len <= text + len);
}

/*
 * In what is not JSON anything can be found, but only inside the text; the
 * sanitizer checks what is read.
 */
static void
test_garbage(void)
{
	static const char bytes[] = "\"\"\"\\\\:,{}[] id\n";
	struct json_slice value[NAMES], last;
	uint32_t random = 1;

	for (int round = 0; round < 20000; round++) {
		size_t len = (size_t)round % 40 + 1;
		char *text = malloc(len);

		for (size_t i = 0; i < len; i++) {
			random = random * 1664525 + 1013904223;
			text[i] = bytes[(random >> 16) % (sizeof(bytes) - 1)];
		}
		members_find(text, len, names, NAMES, value, &last);
		for (size_t j = 0; j < NAMES; j++)
			CHECK(is_within(&value[j], text, len), "%.*s", (int)len, text);
		CHECK(is_within(&last, text, len), "%.*s", (int)len, text);
		free(text);
	}
}

int
main(void)
{
	test_found();
	test_garbage();
	return t_end();
}
