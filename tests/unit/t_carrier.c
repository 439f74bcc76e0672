#include "trace/carrier.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "t.h"

#define LEN(table) (sizeof(table) / sizeof((table)[0]))

#define P "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
#define Q "00-00000000000000000000000000000001-0000000000000002-03"
#define QP "\"traceparent\":\"" Q "\""
#define PP "\"traceparent\":\"" P "\""

static struct context q;

/* Only what is in the text can be read: a sanitizer sees it. */
static char *
bare(const char *text, size_t len)
{
	char *copy = malloc(len + (len == 0));

	memcpy(copy, text, len);
	return copy;
}

static const struct {
	const char *text;
	bool found;
	const char *state;  /* what is read */
	const char *plain;  /* written without a state */
	const char *stated; /* with r=2 */
} cases[] = {
    /* none of both */
    {"{}", false, "", "{" QP "}", "{" QP ",\"tracestate\":\"r=2\"}"},
    {" { } ", false, "", " {" QP " } ", " {" QP ",\"tracestate\":\"r=2\" } "},
    {"{\"a\":1}", false, "", "{\"a\":1," QP "}", "{\"a\":1," QP ",\"tracestate\":\"r=2\"}"},
    {"\t{ \"a\" : [ {} ] \r} ", false, "", "\t{ \"a\" : [ {} ]," QP " \r} ",
	"\t{ \"a\" : [ {} ]," QP ",\"tracestate\":\"r=2\" \r} "},
    {"{\"a\":\"{}\"}", false, "", "{\"a\":\"{}\"," QP "}",
	"{\"a\":\"{}\"," QP ",\"tracestate\":\"r=2\"}"},
    /* deep inside, or as a value: not ours */
    {"{\"a\":{" PP "}}", false, "", "{\"a\":{" PP "}," QP "}",
	"{\"a\":{" PP "}," QP ",\"tracestate\":\"r=2\"}"},
    {"{\"a\":[{" PP "}],\"b\":\"traceparent\"}", false, "",
	"{\"a\":[{" PP "}],\"b\":\"traceparent\"," QP "}",
	"{\"a\":[{" PP "}],\"b\":\"traceparent\"," QP ",\"tracestate\":\"r=2\"}"},
    {"{\"traceparents\":1,\"Traceparent\":2}", false, "",
	"{\"traceparents\":1,\"Traceparent\":2," QP "}",
	"{\"traceparents\":1,\"Traceparent\":2," QP ",\"tracestate\":\"r=2\"}"},
    /* as the only one, the first, in the middle, the last */
    {"{" PP "}", true, "", "{" QP "}", "{" QP ",\"tracestate\":\"r=2\"}"},
    {"{" PP ",\"a\":1}", true, "", "{" QP ",\"a\":1}", "{" QP ",\"tracestate\":\"r=2\",\"a\":1}"},
    {"{\"a\":1," PP ",\"b\":2}", true, "", "{\"a\":1," QP ",\"b\":2}",
	"{\"a\":1," QP ",\"tracestate\":\"r=2\",\"b\":2}"},
    {"{\"a\":1," PP "}", true, "", "{\"a\":1," QP "}", "{\"a\":1," QP ",\"tracestate\":\"r=2\"}"},
    {" { \"traceparent\" : \"" P "\" , \"a\" : 1 } ", true, "",
	" { \"traceparent\" : \"" Q "\" , \"a\" : 1 } ",
	" { \"traceparent\" : \"" Q "\",\"tracestate\":\"r=2\" , \"a\" : 1 } "},
    /* twice: the last counts */
    {"{" PP ",\"traceparent\":\"x\"}", false, "", "{" PP "," QP "}",
	"{" PP "," QP ",\"tracestate\":\"r=2\"}"},
    {"{\"traceparent\":1," PP "}", true, "", "{\"traceparent\":1," QP "}",
	"{\"traceparent\":1," QP ",\"tracestate\":\"r=2\"}"},
    /* not a string, or not valid */
    {"{\"traceparent\":17}", false, "", "{" QP "}", "{" QP ",\"tracestate\":\"r=2\"}"},
    {"{\"traceparent\":0}", false, "", "{" QP "}", "{" QP ",\"tracestate\":\"r=2\"}"},
    {"{\"traceparent\":{" PP "},\"a\":1}", false, "", "{" QP ",\"a\":1}",
	"{" QP ",\"tracestate\":\"r=2\",\"a\":1}"},
    {"{\"traceparent\":[\"" P "\"]}", false, "", "{" QP "}", "{" QP ",\"tracestate\":\"r=2\"}"},
    {"{\"traceparent\":null}", false, "", "{" QP "}", "{" QP ",\"tracestate\":\"r=2\"}"},
    {"{\"traceparent\":\"\"}", false, "", "{" QP "}", "{" QP ",\"tracestate\":\"r=2\"}"},
    {"{\"traceparent\":\" " P "\"}", false, "", "{" QP "}", "{" QP ",\"tracestate\":\"r=2\"}"},
    {"{\"traceparent\":\"" P "\\u0000\"}", false, "", "{" QP "}",
	"{" QP ",\"tracestate\":\"r=2\"}"},
    /* names and values with escapes */
    {"{\"\\u0074raceparent\":\"" P "\"}", true, "", "{\"\\u0074raceparent\":\"" Q "\"}",
	"{\"\\u0074raceparent\":\"" Q "\",\"tracestate\":\"r=2\"}"},
    {"{\"trac\\u0065parent\":\"\\u00300-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"}",
	true, "", "{\"trac\\u0065parent\":\"" Q "\"}",
	"{\"trac\\u0065parent\":\"" Q "\",\"tracestate\":\"r=2\"}"},
    {"{" PP ",\"tracest\\u0061te\":\"a=\\\"\\\\\\/\\u0062\"}", true, "a=\"\\/b",
	"{" QP ",\"tracest\\u0061te\":\"a=\\\"\\\\\\/\\u0062\"}",
	"{" QP ",\"tracest\\u0061te\":\"r=2\"}"},
    /* both */
    {"{" PP ",\"tracestate\":\"a=1\"}", true, "a=1", "{" QP ",\"tracestate\":\"a=1\"}",
	"{" QP ",\"tracestate\":\"r=2\"}"},
    {"{\"tracestate\":\"a=1,b=2\" ,\"x\":0, " PP " }", true, "a=1,b=2",
	"{\"tracestate\":\"a=1,b=2\" ,\"x\":0, " QP " }",
	"{\"tracestate\":\"r=2\" ,\"x\":0, " QP " }"},
    {"{" PP ",\"tracestate\":\"\"}", true, "", "{" QP ",\"tracestate\":\"\"}",
	"{" QP ",\"tracestate\":\"r=2\"}"},
    {"{\"tracestate\":\"a=1\"," PP ",\"tracestate\":\"b=2\"}", true, "b=2",
	"{\"tracestate\":\"a=1\"," QP ",\"tracestate\":\"b=2\"}",
	"{\"tracestate\":\"a=1\"," QP ",\"tracestate\":\"r=2\"}"},
    /* a tracestate that is not valid */
    {"{" PP ",\"tracestate\":\"a=1,a=2\"}", true, "", "{" QP ",\"tracestate\":\"\"}",
	"{" QP ",\"tracestate\":\"r=2\"}"},
    {"{" PP ",\"tracestate\":\"caf\xc3\xa9\"}", true, "", "{" QP ",\"tracestate\":\"\"}",
	"{" QP ",\"tracestate\":\"r=2\"}"},
    {"{\"tracestate\":{\"a\":1}," PP "}", true, "", "{\"tracestate\":\"\"," QP "}",
	"{\"tracestate\":\"r=2\"," QP "}"},
    {"{" PP ",\"tracestate\":7}", true, "", "{" QP ",\"tracestate\":\"\"}",
	"{" QP ",\"tracestate\":\"r=2\"}"},
    /* or without a traceparent, or with a bad one */
    {"{\"tracestate\":\"a=1\"}", false, "", "{\"tracestate\":\"\"," QP "}",
	"{\"tracestate\":\"r=2\"," QP "}"},
    {"{\"tracestate\":0}", false, "", "{\"tracestate\":\"\"," QP "}",
	"{\"tracestate\":\"r=2\"," QP "}"},
    {"{\"traceparent\":\"x\",\"tracestate\":\"a=1\"}", false, "", "{" QP ",\"tracestate\":\"\"}",
	"{" QP ",\"tracestate\":\"r=2\"}"},
};

static void
check_write(
    const struct carrier *c, const char *text, size_t len, const char *state, const char *expected)
{
	size_t expected_len = strlen(expected), out_len;
	char *out;

	out = malloc(carrier_room(len, state));
	out_len = carrier_write(c, text, len, &q, state, out);
	CHECK(out_len == expected_len && memcmp(out, expected, out_len) == 0, "%.*s: %.*s, not %s",
	    (int)len, text, (int)out_len, out, expected);
	CHECK(out[out_len] == '\n', "%.*s", (int)len, text);
	CHECK(json_check(out, out_len, NULL), "%.*s", (int)out_len, out);
	free(out);
}

static void
test_cases(void)
{
	for (size_t i = 0; i < LEN(cases); i++) {
		size_t len = strlen(cases[i].text);
		char *text = bare(cases[i].text, len);
		struct carrier c;
		char printed[CONTEXT_TEXT_SIZE] = "";
		bool likely;

		carrier_read(text, len, &c);
		CHECK(c.is_object, "%s", cases[i].text);
		CHECK(c.found == cases[i].found, "%s", cases[i].text);
		CHECK(strcmp(c.state, cases[i].state) == 0, "%s: %s", cases[i].text, c.state);
		if (c.found)
			context_print(&c.context, printed);
		CHECK(strcmp(printed, c.found ? P : "") == 0, "%s: %s", cases[i].text, printed);
		CHECK(carrier_check(text, len, &likely, NULL), "%s", cases[i].text);
		if (c.parent_value.data != NULL)
			CHECK(likely && carrier_is_likely(text, len), "%s", cases[i].text);
		check_write(&c, text, len, NULL, cases[i].plain);
		check_write(&c, text, len, "r=2", cases[i].stated);
		free(text);
	}
}

/* An empty state takes the place of another, and is not added. */
static void
test_states(void)
{
	static const char two[] = "{" PP ",\"tracestate\":\"a=1\"}", one[] = "{" PP "}";
	struct carrier c;

	carrier_read(two, sizeof(two) - 1, &c);
	check_write(&c, two, sizeof(two) - 1, "", "{" QP ",\"tracestate\":\"\"}");
	check_write(&c, two, sizeof(two) - 1, "a=\"\\,\tb=1",
	    "{" QP ",\"tracestate\":\"a=\\\"\\\\,\\u0009b=1\"}");
	carrier_read(one, sizeof(one) - 1, &c);
	check_write(&c, one, sizeof(one) - 1, "", "{" QP "}");
}

/*
 * A state of n bytes, of which each but the first two stands in the text as
 * `repeat`, and means `plain`.
 */
static void
try_long(size_t n, const char *repeat, const char *plain, bool kept, bool read)
{
	size_t room = n * strlen(repeat) + 200, len, out_len;
	char *text = malloc(room), *out;
	struct carrier c;

	len = (size_t)snprintf(text, room, "{%s,\"tracestate\":\"a=", PP);
	for (size_t i = 2; i < n; i++)
		len += (size_t)snprintf(text + len, room - len, "%s", repeat);
	len += (size_t)snprintf(text + len, room - len, "\"}");
	carrier_read(text, len, &c);
	CHECK(c.found, "%zu", n);
	CHECK(c.keeps_state == kept, "%zu of %s", n, repeat);
	CHECK((strlen(c.state) == n) == read, "%zu of %s: %zu", n, repeat, strlen(c.state));
	CHECK(!read || c.state[5] == *plain, "%s", c.state);
	out = malloc(carrier_room(len, NULL));
	out_len = carrier_write(&c, text, len, &q, NULL, out);
	CHECK(out_len == (kept ? len : sizeof("{" PP ",\"tracestate\":\"\"}") - 1), "%zu", out_len);
	free(out);
	free(text);
}

static void
test_long(void)
{
	/* One member of up to 256 bytes: longer ones need a key each. */
	try_long(150, "b", "b", true, true);
	try_long(150, "\\u0062", "b", true, true);
	try_long(150, "\\\"", "\"", true, true);
	try_long(600, "b", "b", false, false);
	try_long(1000000, "b", "b", false, false);
	try_long(1000000, "\\u0062", "b", false, false);
}

/* White space makes it long: up to 512 bytes are read, more pass. */
static void
test_padded(void)
{
	static const size_t lengths[] = {510, 511, 512, 513, 514, 100000};

	for (size_t i = 0; i < LEN(lengths); i++) {
		size_t room = lengths[i] + 200, len, out_len;
		char *text = malloc(room), *out;
		struct carrier c;

		len = (size_t)snprintf(
		    text, room, "{%s,\"tracestate\":\"a=1,%*sb=2\"}", PP, (int)lengths[i] - 7, "");
		carrier_read(text, len, &c);
		CHECK(c.keeps_state, "%zu", lengths[i]);
		CHECK(strlen(c.state) == (lengths[i] <= TRACESTATE_MAX ? lengths[i] : 0),
		    "%zu: %zu", lengths[i], strlen(c.state));
		out = malloc(carrier_room(len, NULL));
		out_len = carrier_write(&c, text, len, &q, NULL, out);
		CHECK(out_len == len, "%zu: %zu", len, out_len);
		CHECK(memcmp(out + 71, text + 71, len - 71) == 0, "%zu", len);
		free(out);
		free(text);
	}
}

static void
test_others(void)
{
	static const char *const texts[] = {
	    "", " ", "[]", "[{" PP "}]", "\"traceparent\"", "17", " null", "\"{}\""};

	for (size_t i = 0; i < LEN(texts); i++) {
		size_t len = strlen(texts[i]);
		char *text = bare(texts[i], len);
		struct carrier c;

		carrier_read(text, len, &c);
		CHECK(!c.is_object && !c.found && !c.keeps_state, "%s", texts[i]);
		CHECK(c.state[0] == '\0', "%s", texts[i]);
		free(text);
	}
}

int
main(void)
{
	CHECK(context_read(Q, sizeof(Q) - 1, &q), "%s", Q);
	test_cases();
	test_states();
	test_long();
	test_padded();
	test_others();
	return t_end();
}
