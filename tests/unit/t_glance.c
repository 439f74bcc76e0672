#include "trace/glance.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t.h"

#define LEN(table) (sizeof(table) / sizeof((table)[0]))
#define NOWHERE SIZE_MAX

/* Only what is in the text can be read: a sanitizer sees it. */
static size_t
glance(const char *text, size_t len)
{
	char *copy = malloc(len + (len == 0));
	const char *place;
	size_t at;

	memcpy(copy, text, len);
	place = glance_for_names(copy, copy + len);
	at = place == copy + len ? NOWHERE : (size_t)(place - copy);
	free(copy);
	return at;
}

static void
test_texts(void)
{
	static const struct {
		const char *text;
		bool found;
	} cases[] = {
	    {"", false},
	    {"{}", false},
	    {"{\"trace\":1}", false},
	    {"{\"tracestate\":0}", true},
	    {"{\"tracestates\":0,\"access\":0,\"cache_stale\":\"tracestate\\\"\"}", false},
	    {"{\"traceparent\":0}", true},
	    {"{\"traceparent\" : 0 }", true},
	    {"\"traceparent\"", true},
	    {"\"traceparent", false},
	    {"traceparent\"", false},
	    {"{\"traceparents\":0,\"xtraceparent\":0,\"Traceparent\":0}", false},
	    {"{\"a\":1,\"b\":2,\"c\":3,\"recap\":\"c?p\"}", false},
	    {"{\"a\":\"\\\"quoted\\\"\",\"track\":\"\\n\\t\\/\",\"tr\":\"tra\"}", false},
	    {"{\"a\":\"caf\\u00e9 \\u20ac\\u0\",\"bcdef\":1}", false},
	    {"{\"a\":\"\\u0041\\u0030\\u007b\",\"bcdef\":1}", true},
	    {"{\"a\":1,\"tr\\u0061ceparent\":1}", true},
	    {"\\u0061", true},
	    {"\\u006", false},
	    {"\\u00", false},
	    {"[\"something else\", 17, 18, 19]", false},
	};

	for (size_t i = 0; i < LEN(cases); i++)
		CHECK((glance(cases[i].text, strlen(cases[i].text)) != NOWHERE) == cases[i].found,
		    "%s", cases[i].text);
}

/*
 * The name is found wherever it stands, and however it is escaped; behind what
 * looks like it, too.
 */
static void
test_places(void)
{
	static const char name[] = "traceparent";
	static const char *const before[] = {"", "c?p", "\\u00e9", "\"tracep", "\\u00"};

	for (size_t escaped = 0; escaped < sizeof(name); escaped++)
		for (size_t i = 0; i < LEN(before); i++)
			for (int pad = 0; pad < 200; pad++) {
				bool all = escaped == strlen(name);
				int after = pad * 7 % 90;
				char text[400];
				size_t head, at;
				int len =
				    snprintf(text, sizeof(text), "{%s%*s", before[i], pad, "");

				head = (size_t)len + (all ? strlen("\"tra") : 1 + escaped);
				len += all
				    ? snprintf(text + len, sizeof(text) - (size_t)len,
					  "\"%s\":0%*s}", name, after, "")
				    : snprintf(text + len, sizeof(text) - (size_t)len,
					  "\"%.*s\\u00%02X%s\":0%*s}", (int)escaped, name,
					  (unsigned)name[escaped], name + escaped + 1, after, "");
				at = glance(text, (size_t)len);
				CHECK(at == head, "%zu, not %zu: %s", at, head, text);
			}
}

/* The same, slowly. */
static size_t
glance_slowly(const char *text, size_t len)
{
	static const char *const names[] = {"\"traceparent\"", "\"tracestate\""};

	for (size_t i = 0; i < len; i++) {
		for (size_t j = 0; j < LEN(names); j++)
			if (text[i] == 'c' && i >= 4 && len - i >= strlen(names[j]) - 4 &&
			    memcmp(text + i - 4, names[j], strlen(names[j])) == 0)
				return i;
		if (len - i >= 6 && memcmp(text + i, "\\u00", 4) == 0 &&
		    (text[i + 4] == '6' || text[i + 4] == '7'))
			return i;
	}
	return NOWHERE;
}

/* Texts that are made of pieces of what is looked for. */
static void
test_pieces(void)
{
	static const char *const pieces[] = {"\"", "t", "trace", "c", "cep", "parent", "state",
	    "\\", "\\u0", "0", "6", "7", "\\u00", "\"traceparent\"", "................", "e9",
	    "\n"};
	uint64_t random = 17;

	for (int i = 0; i < 20000; i++) {
		char text[400] = "";
		size_t len = 0, n = (random >> 33) % 40, at, expected;

		for (size_t j = 0; j < n; j++) {
			random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
			strcpy(text + len, pieces[(random >> 33) % (j < 30 ? 13 : LEN(pieces))]);
			len += strlen(text + len);
		}
		random += 1;
		at = glance(text, len);
		expected = glance_slowly(text, len);
		CHECK(at == expected, "%zu, not %zu: %s", at, expected, text);
	}
}

int
main(void)
{
	test_texts();
	test_places();
	test_pieces();
	return t_end();
}
