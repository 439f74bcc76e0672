#include "trace/context.h"

#include <stdlib.h>
#include <string.h>

#include "t.h"

#define TRACE "12345678901234567890123456789012"
#define SPAN "1234567890123456"
#define ZEROS "00000000000000000000000000000000"

/*
 * The malformed ones are those of the test suite of W3C Trace Context,
 * github.com/w3c/trace-context/blob/main/test/test.py, and more.
 */
static const struct {
	const char *text;
	int flags; /* -1: must be refused */
} cases[] = {
    {"00-" TRACE "-" SPAN "-00", 0},
    {"00-" TRACE "-" SPAN "-01", 1},
    {"00-" TRACE "-" SPAN "-02", 2},
    {"00-" TRACE "-" SPAN "-03", 3},
    {"00-" TRACE "-" SPAN "-09", 1},
    {"00-" TRACE "-" SPAN "-fe", 2},
    {"00-" TRACE "-" SPAN "-ff", 3},
    {"00-abcdefabcdefabcdefabcdefabcdefab-abcdefabcdefabcd-01", 1},
    {"00-00000000000000000000000000000001-0000000000000001-01", 1},
    {"00-10000000000000000000000000000000-1000000000000000-01", 1},
    /* version 00 has nothing behind the flags */
    {"00-" TRACE "-" SPAN "-01.", -1},
    {"00-" TRACE "-" SPAN "-01-", -1},
    {"00-" TRACE "-" SPAN "-01-what-the-future-will-be-like", -1},
    /* a higher one can have */
    {"01-" TRACE "-" SPAN "-01", 1},
    {"cc-" TRACE "-" SPAN "-01", 1},
    {"fe-" TRACE "-" SPAN "-05", 1},
    {"cc-" TRACE "-" SPAN "-01-", 1},
    {"cc-" TRACE "-" SPAN "-01-what-the-future-will-be-like", 1},
    {"cc-" TRACE "-" SPAN "-01.what-the-future-will-be-like", -1},
    {"cc-" TRACE "-" SPAN "-010", -1},
    {"cc-" TRACE "-" SPAN "-0", -1},
    {"cc-" ZEROS "-" SPAN "-01", -1},
    /* bad versions */
    {"ff-" TRACE "-" SPAN "-01", -1},
    {"ff-" TRACE "-" SPAN "-01-what", -1},
    {".0-" TRACE "-" SPAN "-01", -1},
    {"0.-" TRACE "-" SPAN "-01", -1},
    {"CC-" TRACE "-" SPAN "-01", -1},
    {" 0-" TRACE "-" SPAN "-01", -1},
    {"-1-" TRACE "-" SPAN "-01", -1},
    {"0x-" TRACE "-" SPAN "-01", -1},
    {"000-" TRACE "-" SPAN "-01", -1},
    {"0000-" TRACE "-" SPAN "-01", -1},
    {"0-" TRACE "-" SPAN "-01", -1},
    {"-" TRACE "-" SPAN "-01", -1},
    /* bad trace ids */
    {"00-" ZEROS "-" SPAN "-01", -1},
    {"00-.2345678901234567890123456789012-" SPAN "-01", -1},
    {"00-1234567890123456789012345678901.-" SPAN "-01", -1},
    {"00-" TRACE "3-" SPAN "-01", -1},
    {"00-1234567890123456789012345678901-" SPAN "-01", -1},
    {"00-ABCDEFABCDEFABCDEFABCDEFABCDEFAB-" SPAN "-01", -1},
    {"00-1234567890123456789012345678901A-" SPAN "-01", -1},
    {"00-1234567890123456789012345678901g-" SPAN "-01", -1},
    {"00-1234567890123456789012345678901`-" SPAN "-01", -1},
    {"00-1234567890123456789012345678901/-" SPAN "-01", -1},
    {"00-1234567890123456789012345678901:-" SPAN "-01", -1},
    {"00-1234567890123456-" TRACE "-01", -1},
    /* bad span ids */
    {"00-" TRACE "-0000000000000000-01", -1},
    {"00-" TRACE "-.234567890123456-01", -1},
    {"00-" TRACE "-123456789012345.-01", -1},
    {"00-" TRACE "-12345678901234567-01", -1},
    {"00-" TRACE "-123456789012345-01", -1},
    {"00-" TRACE "-ABCDEFABCDEFABCD-01", -1},
    /* bad flags */
    {"00-" TRACE "-" SPAN "-.0", -1},
    {"00-" TRACE "-" SPAN "-0.", -1},
    {"00-" TRACE "-" SPAN "-0A", -1},
    {"00-" TRACE "-" SPAN "-001", -1},
    {"00-" TRACE "-" SPAN "-1", -1},
    {"00-" TRACE "-" SPAN "-", -1},
    {"00-" TRACE "-" SPAN, -1},
    /* something else between the parts, or around them */
    {"00_" TRACE "-" SPAN "-01", -1},
    {"00-" TRACE "_" SPAN "-01", -1},
    {"00-" TRACE "-" SPAN "_01", -1},
    {" 00-" TRACE "-" SPAN "-01", -1},
    {"00-" TRACE "-" SPAN "-01 ", -1},
    {"00-" TRACE "-" SPAN "-01\n", -1},
    {"\"00-" TRACE "-" SPAN "-01\"", -1},
    {"00-" TRACE "-" SPAN "\xc3\xa9-1", -1},
    {"", -1},
    {"00", -1},
    {"-------------------------------------------------------", -1},
};

/* The text has no NUL behind it, so that a sanitizer sees a read too many. */
static bool
read_bare(const char *text, size_t len, struct context *c)
{
	char *bare = malloc(len + 1);
	bool ok;

	memcpy(bare + 1, text, len);
	ok = context_read(bare + 1, len, c);
	free(bare);
	return ok;
}

static void
test_read(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text = cases[i].text;
		struct context c, before;
		char printed[CONTEXT_TEXT_SIZE];
		bool ok;

		memset(&before, 0xab, sizeof(before));
		c = before;
		ok = read_bare(text, strlen(text), &c);
		CHECK(ok == (cases[i].flags >= 0), "%s", text);
		if (!ok) {
			CHECK(memcmp(&c, &before, sizeof(c)) == 0, "%s", text);
			continue;
		}
		CHECK(c.flags == cases[i].flags, "%s: %d", text, c.flags);
		/* Printed, it has version 00, and those flags. */
		context_print(&c, printed);
		CHECK(strlen(printed) == CONTEXT_TEXT_SIZE - 1, "%s", printed);
		CHECK(memcmp(printed, "00-", 3) == 0, "%s", printed);
		CHECK(memcmp(printed + 3, text + 3, 50) == 0, "%s: %s", text, printed);
		CHECK(printed[53] == '0' && printed[54] == '0' + c.flags, "%s", printed);
	}
}

/* Any other byte, at any place, makes it invalid, or is a digit. */
static void
test_every_byte(void)
{
	static const char good[] = "00-" TRACE "-" SPAN "-01";
	static const char digits[] = "0123456789abcdef";

	for (size_t at = 0; at < sizeof(good) - 1; at++)
		for (int byte = 0; byte < 256; byte++) {
			char text[sizeof(good)];
			bool is_digit = memchr(digits, byte, 16) != NULL;
			struct context c;

			memcpy(text, good, sizeof(good));
			text[at] = (char)byte;
			CHECK(context_read(text, sizeof(good) - 1, &c) ==
				(good[at] == '-' ? byte == '-' : is_digit),
			    "byte %d at %zu", byte, at);
		}
	for (size_t len = 0; len < sizeof(good) - 1; len++) {
		struct context c;

		CHECK(!read_bare(good, len, &c), "%zu", len);
	}
}

static void
test_new(void)
{
	struct context a = {.flags = CONTEXT_SAMPLED}, b = {0}, read;
	char text[CONTEXT_TEXT_SIZE];

	context_new_span(&a);
	CHECK(a.flags == CONTEXT_SAMPLED, "a span id changes no flag");
	context_new_trace(&a);
	CHECK(a.flags == CONTEXT_RANDOM, "%d", a.flags);
	context_new_trace(&b);
	context_new_span(&b);
	CHECK(memcmp(a.trace_id, b.trace_id, sizeof(a.trace_id)) != 0, "the same trace id twice");
	CHECK(memcmp(a.span_id, b.span_id, sizeof(a.span_id)) != 0, "the same span id twice");
	context_print(&a, text);
	CHECK(context_read(text, strlen(text), &read), "%s", text);
	CHECK(memcmp(&a, &read, sizeof(a)) == 0, "%s", text);
}

int
main(void)
{
	test_read();
	test_every_byte();
	test_new();
	return t_end();
}
