#include "trace/tracestate.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "t.h"

#define LEN(table) (sizeof(table) / sizeof((table)[0]))

#define Z10 "zzzzzzzzzz"
#define Z14 "zzzzzzzzzzzzzz"
#define Z60 Z10 Z10 Z10 Z10 Z10 Z10
#define Z240 Z60 Z60 Z60 Z60
#define Z256 Z240 Z10 "zzzzzz"

/* Most of these are in the test suite of W3C Trace Context. */
static const struct {
	const char *text;
	bool valid;
} cases[] = {
    {"", true},
    {"foo=1", true},
    {"foo=1,bar=2", true},
    {"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", true},
    /* empty members, and white space */
    {",", true},
    {" ", true},
    {"\t, ,,", true},
    {"foo=1,", true},
    {",foo=1", true},
    {"foo=1,,,bar=2", true},
    {"foo=1 \t , \t bar=2, \t baz=3", true},
    {" foo=1", true},
    {"\tfoo=1", true},
    {"foo=1 ", true},
    {"foo=1\t \t", true},
    {"foo =1", false},
    {"foo= 1", true},
    {"foo=1 2", true},
    {"foo=\t1", false},
    {"foo=1\t2", false},
    {"foo=1\n", false},
    {"foo=1\r\n", false},
    {"fo o=1", false},
    /* no key, no value */
    {"foo", false},
    {"foo=", false},
    {"foo= ", false},
    {"foo=,bar=3", false},
    {"=1", false},
    {"=", false},
    {"foo=1=2", false},
    {"foo=1;bar=2", false},
    {"foo=1;bar:2", true},
    {"foo=1,bar=2,baz", false},
    /* keys */
    {"abcdefghijklmnopqrstuvwxyz0123456789_-*/=1", true},
    {"foo@bar=1", true},
    {"1a-2f@foo=bar1,foo=bar2", true},
    {"0@foo=1", true},
    {"a_-*/@b_-*/=1", true},
    {"0foo=1", false},
    {"_foo=1", false},
    {"-foo=1", false},
    {"*foo=1", false},
    {"Foo=1", false},
    {"fOo=1", false},
    {"foo@=1", false},
    {"@foo=1", false},
    {"@=1", false},
    {"foo@@bar=1", false},
    {"foo@bar@baz=1", false},
    {"foo@0=1", false},
    {"_@foo=1", false},
    {"foo@Bar=1", false},
    {"foo.bar=1", false},
    {"foo\"=1", false},
    {"caf\xc3\xa9=1", false},
    {"foo\x7f=1", false},
    /* lengths of keys: 256; 241 and 14 */
    {Z256 "=1", true},
    {"z" Z256 "=1", false},
    {Z240 "z@" Z14 "=1", true},
    {"0" Z240 "@z=1", true},
    {Z240 "zz@z=1", false},
    {"z@" Z14 "z=1", false},
    {Z256 "@z=1", false},
    /* values */
    {"foo= !\"#$%&'()*+-./0123456789:;<>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`", true},
    {"foo=abcdefghijklmnopqrstuvwxyz{|}~", true},
    {"foo=\x7f", false},
    {"foo=caf\xc3\xa9", false},
    {"foo=\x01", false},
    {"foo=" Z256, true},
    {"foo= " Z240 Z14 "z", true},
    {"foo=" Z256 "z", false},
    {"foo= " Z256, false},
    /* twice */
    {"foo=1,foo=1", false},
    {"foo=1,foo=2", false},
    {"foo=1,bar=2,foo=3", false},
    {"foo=1,fo=2,fooo=3,foo@a=4,foo@b=5", true},
    {"foo@a=1,foo@a=1", false},
};

/* The text ends where its memory ends. */
static char *
bare(const char *text, size_t len)
{
	char *copy = malloc(len + (len == 0));

	memcpy(copy, text, len);
	return copy;
}

static bool
is_valid(const char *text, size_t len)
{
	char *copy = bare(text, len);
	bool valid = tracestate_is_valid(copy, len);

	free(copy);
	return valid;
}

static void
test_valid(void)
{
	for (size_t i = 0; i < LEN(cases); i++)
		CHECK(is_valid(cases[i].text, strlen(cases[i].text)) == cases[i].valid, "%s",
		    cases[i].text);
	CHECK(!is_valid("foo=1\0", 6), "a NUL in the value");
	CHECK(!is_valid("f\0o=1", 5), "a NUL in the key");
	CHECK(!is_valid("\0", 1), "a NUL");
}

/* m0=1,m1=1,... with something between; returns the length. */
static size_t
write_members(char *text, size_t n, const char *between)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += (size_t)sprintf(text + len, "%sm%zu=1", i > 0 ? between : "", i);
	return len;
}

static void
test_count(void)
{
	static const struct {
		size_t n;
		const char *between;
		bool valid;
	} counts[] = {{31, ",", true}, {32, ",", true}, {33, ",", false}, {32, ", ,\t,,", true},
	    {33, " ,, ", false}};
	char text[1000];

	for (size_t i = 0; i < LEN(counts); i++) {
		size_t len = write_members(text, counts[i].n, counts[i].between);

		CHECK(is_valid(text, len) == counts[i].valid, "%s", text);
	}
}

/* A megabyte takes a moment: linear time is 10 ms, quadratic an hour. */
static void
test_long(void)
{
	static const struct {
		const char *repeat, *end;
		bool valid;
	} texts[] = {{" ", "a=1", true}, {",", "a=1", true}, {"\t ,", "a=1", true},
	    {"x", "=1", false}, {"a=1,", "", false}, {"a=", "1", false}, {"@", "=1", false},
	    {" x", "", false}};
	size_t size = 1 << 20;

	for (size_t i = 0; i < LEN(texts); i++) {
		size_t each = strlen(texts[i].repeat), len = 0;
		char *text = malloc(size + 10);
		int64_t begun = clock_now(), took;
		uint64_t rv;

		for (; len + each <= size; len += each)
			memcpy(text + len, texts[i].repeat, each);
		memcpy(text + len, texts[i].end, strlen(texts[i].end));
		len += strlen(texts[i].end);
		CHECK(tracestate_is_valid(text, len) == texts[i].valid, "%s", texts[i].repeat);
		CHECK(!tracestate_randomness(text, len, &rv), "%s", texts[i].repeat);
		took = clock_now() - begun;
		CHECK(took < INT64_C(2000000000), "%s: %jd ns", texts[i].repeat, (intmax_t)took);
		free(text);
	}
}

static const struct {
	const char *text;
	bool found;
	uint64_t rv;
} randoms[] = {
    {"", false, 0},
    {"a=1", false, 0},
    {"ot=rv:00000000000000", true, 0},
    {"ot=rv:00000000000001", true, 1},
    {"ot=rv:ffffffffffffff", true, UINT64_C(0xffffffffffffff)},
    {"ot=rv:123456789abcde", true, UINT64_C(0x123456789abcde)},
    {"ot=th:8;rv:123456789abcde", true, UINT64_C(0x123456789abcde)},
    {"ot=rv:123456789abcde;th:8", true, UINT64_C(0x123456789abcde)},
    {"a=1, ot=p:8;rv:123456789abcde;r:62 ,b=2", true, UINT64_C(0x123456789abcde)},
    {"ot=rv:123456789abcd", false, 0},
    {"ot=rv:123456789abcdef", false, 0},
    {"ot=rv:123456789ABCDE", false, 0},
    {"ot=rv:123456789abcdg", false, 0},
    {"ot=rv:", false, 0},
    {"ot=rv", false, 0},
    {"ot=;;:;", false, 0},
    {"ot=xrv:123456789abcde", false, 0},
    {"ot=th:rv:123456789abcde", false, 0},
    {"otx=rv:123456789abcde", false, 0},
    {"x@ot=rv:123456789abcde", false, 0},
};

static void
test_randomness(void)
{
	for (size_t i = 0; i < LEN(randoms); i++) {
		size_t len = strlen(randoms[i].text);
		char *text = bare(randoms[i].text, len);
		uint64_t rv = 0;

		CHECK(tracestate_is_valid(text, len), "%s", randoms[i].text);
		CHECK(tracestate_randomness(text, len, &rv) == randoms[i].found, "%s",
		    randoms[i].text);
		CHECK(rv == randoms[i].rv, "%s: %#jx", randoms[i].text, (uintmax_t)rv);
		free(text);
	}
}

static const struct {
	const char *text;
	uint64_t th;
	const char *result;
} thresholds[] = {
    {"", 0, "ot=th:0"},
    {"", UINT64_C(0x80000000000000), "ot=th:8"},
    {"", UINT64_C(0xffffffffffffff), "ot=th:ffffffffffffff"},
    {"", 1, "ot=th:00000000000001"},
    {"", UINT64_C(0x0c000000000000), "ot=th:0c"},
    {"", UINT64_C(0xe6666666666666), "ot=th:e6666666666666"},
    {"a=1", UINT64_C(0x80000000000000), "ot=th:8,a=1"},
    {" a=1 ,, b=2\t", UINT64_C(0x80000000000000), "ot=th:8,a=1,b=2"},
    {"a=1,ot=th:c,b=2", UINT64_C(0x80000000000000), "ot=th:8,a=1,b=2"},
    {"a=1,ot=th:c;rv:123456789abcde", UINT64_C(0x80000000000000), "ot=th:8;rv:123456789abcde,a=1"},
    {"ot=rv:123456789abcde;th:c;x:1", UINT64_C(0x80000000000000), "ot=th:8;rv:123456789abcde;x:1"},
    {"ot=thx:1;xth:2", UINT64_C(0x80000000000000), "ot=th:8;thx:1;xth:2"},
    {"ot=;a:1;", UINT64_C(0x80000000000000), "ot=th:8;a:1"},
    {"otter=1,x@ot=2", UINT64_C(0x80000000000000), "ot=th:8,otter=1,x@ot=2"},
};

static void
test_thresholds(void)
{
	for (size_t i = 0; i < LEN(thresholds); i++) {
		size_t len = strlen(thresholds[i].text);
		char *text = bare(thresholds[i].text, len), result[TRACESTATE_SIZE];

		CHECK(tracestate_is_valid(text, len), "%s", thresholds[i].text);
		tracestate_set_threshold(text, len, thresholds[i].th, result);
		CHECK(strcmp(result, thresholds[i].result) == 0, "%s: %s", thresholds[i].text,
		    result);
		CHECK(tracestate_is_valid(result, strlen(result)), "%s", result);
		free(text);
	}
}

/* What has no room leaves at the end. */
static void
test_room(void)
{
	static const struct {
		const char *text, *result;
	} rooms[] = {
	    /* 7 + 3 + 240 + 3 + 240 + 3 + 16 are 512 */
	    {"a=" Z240 ",b=" Z240 ",c=" Z10 "zzzzzz,d=1",
		"ot=th:8,a=" Z240 ",b=" Z240 ",c=" Z10 "zzzzzz"},
	    {"a=" Z240 ",b=" Z240 ",c=" Z10 "zzzzzzz,d=1", "ot=th:8,a=" Z240 ",b=" Z240},
	    {Z256 "=" Z256 ",b=1", "ot=th:8"},
	    /* a field that makes the ot member's value longer than 256 */
	    {"ot=" Z240 ":zzzzzzzzzz,a=1", "ot=th:8;" Z240 ":zzzzzzzzzz,a=1"},
	    {"ot=" Z240 ":zzzzzzzzzzz,a=1", "ot=th:8,a=1"},
	    {"ot=" Z240 ":zzzzzzzzzzz;x:1", "ot=th:8;x:1"},
	};
	char text[1000], result[TRACESTATE_SIZE], expected[1000] = "ot=th:8,";
	size_t len;

	for (size_t i = 0; i < LEN(rooms); i++) {
		len = strlen(rooms[i].text);
		CHECK(tracestate_is_valid(rooms[i].text, len), "%s", rooms[i].text);
		tracestate_set_threshold(rooms[i].text, len, UINT64_C(0x80000000000000), result);
		CHECK(strcmp(result, rooms[i].result) == 0, "%s: %s", rooms[i].text, result);
		CHECK(tracestate_is_valid(result, strlen(result)), "%s", result);
	}
	/* Of 32 members one leaves, unless ot is one of them. */
	len = write_members(text, 32, ",");
	write_members(expected + 8, 31, ",");
	tracestate_set_threshold(text, len, UINT64_C(0x80000000000000), result);
	CHECK(strcmp(result, expected) == 0, "%s", result);
	len = write_members(text, 31, ",");
	memcpy(text + len, ",ot=x:1", 8);
	memcpy(expected, "ot=th:8;x:1,", 12);
	write_members(expected + 12, 31, ",");
	tracestate_set_threshold(text, len + 7, UINT64_C(0x80000000000000), result);
	CHECK(strcmp(result, expected) == 0, "%s", result);
}

int
main(void)
{
	test_valid();
	test_count();
	test_long();
	test_randomness();
	test_thresholds();
	test_room();
	return t_end();
}
