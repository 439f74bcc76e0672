/*
 * json_check(), json_check_traced() and json_blank(): against a table, a slow
 * automaton (json_slow.h), jansson, and the files of JSONTestSuite where they
 * are installed.  Each text is checked in a block of its exact size, so that
 * ASan sees a read outside it.
 */

#include <dirent.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "json/json.h"
#include "json/members.h"
#include "json_slow.h"
#include "t.h"
#include "t_random.h"

/*
 * jansson refuses numbers that do not fit its types, halves of surrogate pairs
 * and names with a NUL, all of which RFC 8259 allows.
 */
static bool
jansson_may_refuse(const json_error_t *err)
{
	enum json_error_code code = json_error_code(err);

	return code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
	    strncmp(err->text, "invalid Unicode '\\u", 19) == 0;
}

static void
compare_jansson(const char *text, size_t len, bool good)
{
	json_error_t err;
	json_t *value = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &err);

	if (good)
		CHECK(value != NULL || jansson_may_refuse(&err), "%.*s: jansson: %s", (int)len,
		    text, err.text);
	else if (memchr(text, '\0', len) == NULL) /* jansson can lose a NUL */
		CHECK(value == NULL, "%.*s: jansson takes it", (int)len, text);
	json_decref(value);
}

/* json_check_traced() says the same, and never misses the name. */
static void
check_for(const char *text, size_t len, bool good, const struct json_error *err)
{
	static const char *const names[] = {"traceparent"};
	struct json_error own = {SIZE_MAX, NULL};
	struct json_slice value, last;
	bool seen;

	CHECK(json_check_traced(text, len, &seen, &own) == good, "%.*s", (int)len, text);
	CHECK(own.offset == err->offset && own.what == err->what, "%.*s: at %zu", (int)len, text,
	    own.offset);
	if (!good)
		return;
	members_find(text, len, names, 1, &value, &last);
	CHECK(seen || value.data == NULL, "%.*s: not seen", (int)len, text);
}

static bool
check(const char *bytes, size_t len)
{
	char *text = malloc(len);
	struct json_error err = {SIZE_MAX, NULL};
	size_t offset;
	bool good, slow;

	if (len > 0)
		memcpy(text, bytes, len);
	good = json_check(text, len, &err);
	slow = slow_check(text, len, &offset);
	CHECK(good == slow, "%.*s: %d", (int)len, bytes, good);
	CHECK(good == json_check(text, len, NULL), "%.*s", (int)len, bytes);
	check_for(text, len, good, &err);
	if (!good) {
		CHECK(err.offset == offset, "%.*s: at %zu (%s), not %zu", (int)len, bytes,
		    err.offset, err.what, offset);
		CHECK((offset == len) == (strcmp(err.what, "unexpected end of text") == 0), "%.*s",
		    (int)len, bytes);
	}
	if (err.what == NULL || strncmp(err.what, "nested", 6) != 0)
		compare_jansson(text, len, good);
	free(text);
	return good;
}

static void
test_good(void)
{
	static const char *const texts[] = {"0", "-0", "10", "-1.5e+10", "1E5", "1e-05", "0.0",
	    "12345678901234567890123", "0.12345678901234567890", "1e400", "123456789012345",
	    "1234567890123456", "-23456789012345.7", "true", "false", "null", "\"\"", "\"a\"",
	    " [ ] ", "{}", "\t\r\n {\t\r\n } \t\r\n", "[1,2]", "[[],[[]],{}]", "{\"\":0}",
	    "{\"a\":1,\"a\":2}", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uABCD\"", "\"\\ud800\"",
	    "\"\\udc00x\"", "\"\\u0000\"", "\"\x7f\"",
	    "\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"",
	    "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
	    "[\n\t1,\n\t\"two\",\n\t{\n\t\t\"three\"\t:\r\n null\n\t}\n]\n",
	    "{\"a\":[{\"b\":\"c\"},-1,true,[false,null]],\"d\":{}}\r"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		CHECK(check(texts[i], strlen(texts[i])), "%s", texts[i]);
}

static void
test_bad(void)
{
	static const char end[] = "unexpected end of text", odd[] = "unexpected character";
	static const char more[] = "unexpected character after the value", number[] = "bad number";
	static const char sep[] = "comma or closing bracket expected",
			  name[] = "name in quotes expected";
	static const char escape[] = "bad escape", utf8[] = "invalid UTF-8";
	static const struct {
		const char *text;
		size_t offset;
		const char *what;
	} rows[] = {{"", 0, end}, {" \r\n\t", 4, end}, {"[", 1, end}, {"{", 1, end},
	    {"{\"a\"", 4, end}, {"{\"a\":", 5, end}, {"{\"a\":1", 6, end}, {"{\"a\":1,", 7, end},
	    {"[1,", 3, end}, {"[[]", 3, end}, {"\"abc", 4, end}, {"\"\\", 2, end},
	    {"\"\\u12", 5, end}, {"\"\xe2\x82", 3, end}, {"tru", 3, end}, {"-", 1, end},
	    {"1.", 2, end}, {"1e", 2, end}, {"1e+", 3, end}, {"[{} ", 4, end}, {"a", 0, odd},
	    {"[1,]", 3, odd}, {"[,1]", 1, odd}, {"]", 0, odd}, {"{\"a\":}", 5, odd},
	    {"nul]", 3, odd}, {"[trve]", 3, odd}, {"True", 0, odd}, {"+1", 0, odd}, {".5", 0, odd},
	    {"\xef\xbb\xbf{}", 0, odd}, {"\xc2\xa0", 0, odd}, {"'a'", 0, odd}, {"[NaN]", 1, odd},
	    {"\x1f", 0, odd}, {"[\v]", 1, odd}, {"1 2", 2, more}, {"{}}", 2, more},
	    {"{},", 2, more}, {"01", 1, more}, {"1a", 1, more}, {"\"a\"\"b\"", 3, more},
	    {"truee", 4, more}, {"[-a]", 2, number}, {"[1.]", 3, number}, {"[1.e5]", 3, number},
	    {"[1e]", 3, number}, {"[1e+]", 4, number}, {"[-]", 2, number},
	    {"[-.5, 123456789012345678]", 2, number}, {"[00,   123456789012345678]", 2, sep},
	    {"[-01.5 123456789012345678]", 3, sep}, {"[1 2]", 3, sep}, {"[1}", 2, sep},
	    {"{\"a\":1]", 6, sep}, {"[\"a\":1]", 4, sep}, {"{1:2}", 1, name}, {"{,}", 1, name},
	    {"{\"a\":1,}", 7, name}, {"{a:1}", 1, name}, {"{]", 1, name},
	    {"{\"a\" 1}", 5, "colon expected"}, {"{\"a\",1}", 4, "colon expected"},
	    {"{\"a\"}", 4, "colon expected"}, {"\"\\x\"", 2, escape}, {"\"\\u12g4\"", 5, escape},
	    {"\"\\'\"", 2, escape}, {"\"\\\n\"", 2, escape}, {"\"\x80\"", 1, utf8},
	    {"\"\xc0\x80\"", 1, utf8}, {"\"\xc1\xbf\"", 1, utf8}, {"\"\xc3(\"", 2, utf8},
	    {"\"\xe0\x9f\xbf\"", 2, utf8}, {"\"\xed\xa0\x80\"", 2, utf8},
	    {"\"\xe2\x82(\"", 3, utf8}, {"\"\xf0\x8f\xbf\xbf\"", 2, utf8},
	    {"\"\xf4\x90\x80\x80\"", 2, utf8}, {"\"\xf5\x80\x80\x80\"", 1, utf8},
	    {"\"\xff\"", 1, utf8}, {"\"a\x01\"", 2, "control character in a string"},
	    {"\"a\tb\"", 2, "control character in a string"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strlen(rows[i].text);
		struct json_error err = {SIZE_MAX, ""};

		CHECK(!check(rows[i].text, len), "%s", rows[i].text);
		json_check(rows[i].text, len, &err);
		CHECK(err.offset == rows[i].offset, "%s: at %zu", rows[i].text, err.offset);
		CHECK(strcmp(err.what, rows[i].what) == 0, "%s: %s", rows[i].text, err.what);
	}
}

/* A NUL is not allowed anywhere, and never taken for the end. */
static void
test_nul(void)
{
	static const char nul[] = "{\"a\":[1,\"b\",null]} ";

	for (size_t i = 0; i < sizeof(nul); i++) {
		char text[sizeof(nul)];

		memcpy(text, nul, sizeof(nul));
		memmove(text + i + 1, text + i, sizeof(nul) - 1 - i);
		text[i] = '\0';
		CHECK(!check(text, sizeof(text)), "NUL at %zu", i);
	}
}

/* What is no such name is not seen. */
static void
test_names(void)
{
	static const struct {
		const char *text;
		bool seen;
	} rows[] = {
	    {"{\"traceparent\":1}", true},
	    {"{ \"a\" : [] ,\t\"traceparent\" : 1 }", true},
	    {"{\"a\" :1,\"traceparent\"\n:1}", true},
	    {"[1,{\"a\":{\"traceparent\":1}}]", true},
	    {"{\"\\u0074raceparent\":1}", true},
	    {"{\"traceparen\\u0074\":1}", true},
	    {"{\"tr\\u0061ce\\u0070arent\":1}", true},
	    {"\"traceparent\"", false},
	    {"[\"traceparent\",\"\\u0074raceparent\"]", false},
	    {"{\"a\":\"traceparent\",\"traceparents\":\"\\n\",\"atraceparent\":1,\"nt\":2,\"t\":3}",
		false},
	    {"{\"aceparent\":1,\"\":2,\"Traceparent\":3,\"trace\xd0\x9f parent\":4}", false},
	    {"{\"\":\"traceparent\"}", false},
	    {"{\"nt\":1}", false},
	    {"{}", false},
	    {"0", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strlen(rows[i].text);
		char *text = malloc(len);
		bool seen;

		memcpy(text, rows[i].text, len);
		CHECK(json_check_traced(text, len, &seen, NULL), "%s", rows[i].text);
		CHECK(seen == rows[i].seen, "%s: %d", rows[i].text, seen);
		free(text);
		CHECK(check(rows[i].text, len), "%s", rows[i].text);
	}
}

static void
test_nesting(void)
{
	char text[2 * (JSON_MAX_DEPTH + 1)];
	struct json_error err;

	for (int depth = JSON_MAX_DEPTH; depth <= JSON_MAX_DEPTH + 1; depth++) {
		memset(text, '[', (size_t)depth);
		memset(text + depth, ']', (size_t)depth);
		CHECK(check(text, 2 * (size_t)depth) == (depth == JSON_MAX_DEPTH), "%d", depth);
	}
	CHECK(!json_check(text, sizeof(text), &err) && err.offset == JSON_MAX_DEPTH, "%zu",
	    err.offset);
	CHECK(strcmp(err.what, "nested deeper than 1024") == 0, "%s", err.what);

	char *objects = malloc(8 * (JSON_MAX_DEPTH + 1)), *p = objects;
	for (int i = 0; i <= JSON_MAX_DEPTH; i++)
		p = stpcpy(p, "{\"a\":");
	CHECK(!json_check(objects, (size_t)(p - objects), &err) && err.offset == 5 * JSON_MAX_DEPTH,
	    "%zu", err.offset);
	CHECK(strcmp(err.what, "nested deeper than 1024") == 0, "%s", err.what);
	free(objects);
}

/*
 * What can be in a string, and what cannot, at every place relative to the
 * windows.
 */
static void
test_places(void)
{
	static const char *const pieces[] = {"", "\\n", "\\\"", "\\\\", "\\u00e9", "\xc3\xa9",
	    "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\x01", "\\x", "\xff", "\",\"", "\" ,\t\"",
	    "\",1,\"", "\"", "\\"};

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		for (size_t before = 0; before < 130; before++)
			for (size_t after = 0; after < 130; after += 1 + before % 21) {
				char text[300];
				int len =
				    snprintf(text, sizeof(text), "[\"%.*s%s%.*s\"]", (int)before,
					"0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
					"abcdef"
					"0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
					"abcdefgh",
					pieces[i], (int)after,
					"0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
					"abcdef"
					"0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
					"abcdefgh");
				check(text, (size_t)len);
			}
}

static const char *const records[] = {
    "{\"ts\": \"2026-11-23T15:00:00.000Z\", \"id\": 0, \"level\": \"warn\", \"user\": \"u04943\", "
    "\"path\": "
    "\"/static/app.js\", \"status\": 200, \"latency_ms\": 2.256, \"msg\": \"request "
    "\\\"handled\\\" ok \xc3\xa9\xe2\x82\xac\", "
    "\"tags\": [\"a\", \"b\"], \"geo\": {\"lat\": 6.4588, \"lon\": -48.352}}",
    "[0,-0,-1,10.5,1e5,-2.25E-7,0.5e+1,true,false,null,\"\",{},[],[[{\"a\":[{}]}]],"
    "\"\\u00e9\\ud83d\\ude00\"]",
    "{\n\t\"a\" : {\r\n\t\t\"b\": [ 1 , 2 , 3 ],\n\t\t\"long name with more than sixty-four bytes "
    "in it, so that it spans windows\": \"\"\n\t}\n}\n",
    "\"\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82, \xe4\xb8\x96\xe7\x95\x8c \xf0\x9f\x98\x80 "
    "\\\\ \\/ \\b \xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\"",
    "{\"a\": {\"traceparent\": \"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"}, "
    "\"traceparent\" :1,\"\\u0074raceparent\":2}",
    "-123456789.0123456789e-12"};
#define NRECORDS (sizeof(records) / sizeof(records[0]))

static void
test_truncated(void)
{
	for (size_t i = 0; i < NRECORDS; i++) {
		size_t len = strlen(records[i]);

		CHECK(check(records[i], len), "%s", records[i]);
		for (size_t cut = 0; cut < len; cut++)
			check(records[i], cut);
		for (size_t cut = 1; cut < len; cut++)
			check(records[i] + cut, len - cut);
	}
}

static size_t
below(size_t n)
{
	return (size_t)(next_random() >> 11) % n;
}

/*
 * Makes one change: replaces a byte by any other or by one that matters,
 * inserts or removes one, or doubles a stretch.
 */
static size_t
mutate(char *text, size_t len)
{
	static const char matters[] =
	    "\"\\{}[]:,0123456789.-+eEtrufalsn \t\r\n/b\x01\x1f\x7f\x80\xbf\xc2\xe0\xed\xf0\xf4";
	size_t i = below(len), n;

	switch (below(5)) {
	case 0:
		text[i] = (char)next_random();
		break;
	case 1:
		text[i] = matters[below(sizeof(matters) - 1)];
		break;
	case 2:
		memmove(text + i + 1, text + i, len - i);
		text[i] = matters[below(sizeof(matters) - 1)];
		return len + 1;
	case 3:
		memmove(text + i, text + i + 1, len - i - 1);
		return len > 1 ? len - 1 : len;
	default:
		n = below(len - i < 16 ? len - i : 16);
		memmove(text + i + n, text + i, len - i);
		return len + n;
	}
	return len;
}

static void
test_mutated(void)
{
	size_t good = 0;

	for (int round = 0; round < 12000; round++) {
		const char *record = records[below(NRECORDS)];
		size_t len = strlen(record);
		char text[1024];

		memcpy(text, record, len);
		for (size_t n = 1 + below(3); n > 0; n--)
			len = mutate(text, len);
		good += check(text, len);
	}
	CHECK(good > 1000 && good < 11000, "%zu: these mutations try nothing", good);
}

static void
test_suite_file(const char *dir, const char *name)
{
	char path[4500], *text = malloc(1 << 20);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	CHECK(f != NULL, "%s", path);
	if (f != NULL) {
		size_t len = fread(text, 1, 1 << 20, f);

		fclose(f);
		bool good = check(text, len);
		CHECK(name[0] != 'y' || good, "%s refused", name);
		CHECK(name[0] != 'n' || !good, "%s taken", name);
	}
	free(text);
}

static void
test_suite(void)
{
	const char *shared = getenv("PCHAN_SHARED");
	char path[4000];
	struct dirent *entry;
	DIR *dir;
	int files = 0;

	snprintf(
	    path, sizeof(path), "%s/data/JSONTestSuite", shared != NULL ? shared : "../shared");
	dir = opendir(path);
	if (dir == NULL) {
		printf(
		    "skipped: no JSONTestSuite in %s (PCHAN_SHARED says where shared/ is)\n", path);
		return;
	}
	while ((entry = readdir(dir)) != NULL)
		if (strchr("yni", entry->d_name[0]) != NULL && entry->d_name[1] == '_') {
			test_suite_file(path, entry->d_name);
			files++;
		}
	closedir(dir);
	CHECK(files > 300, "%d files", files);
}

static void
test_blank(void)
{
	static const struct {
		const char *text;
		size_t len;
		bool blank;
	} rows[] = {{"", 0, true}, {" \t\r\n", 4, true}, {"  x", 2, true}, {" \t\r\n0", 5, false},
	    {"\0", 1, false}, {"\v", 1, false}, {"\xc2\xa0", 2, false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK(json_blank(rows[i].text, rows[i].len) == rows[i].blank, "row %zu", i);
}

/* Stops of the look ahead, alone and in pieces, and what nearly is one. */
static const char *const stops[] = {"\"", "\\", "\x01", "\x1f", "\x80", "\xff", "\xc3\xa9",
    "\xe2\x82\xac", "\\n", "\\\"", "\\\\", " ", "!", "\x7f"};
#define NSTOPS (sizeof(stops) / sizeof(stops[0]))

/* Writes the piece at `at`, as far as there is room in the text. */
static void
overlay(char *text, size_t len, size_t at, const char *piece)
{
	for (size_t i = 0; piece[i] != '\0' && at + i < len; i++)
		text[at + i] = piece[i];
}

/*
 * Texts about as long as a window, and shorter ones: each stop at each place,
 * where it is in a string, with the end of the string and without; and each
 * stop as the first bytes and as the last ones.
 */
static void
test_short(void)
{
	char text[72];
	size_t good = 0;

	for (size_t len = 0; len <= 70; len++)
		for (size_t i = 0; i < NSTOPS; i++) {
			for (size_t at = 0; at < len; at++)
				for (int ends = 0; ends < 2; ends++) {
					memset(text, 'x', len);
					text[0] = '"';
					if (ends)
						text[len - 1] = '"';
					overlay(text, len, at, stops[i]);
					good += check(text, len);
				}
			for (size_t j = 0; j < NSTOPS && len >= 2; j++) {
				size_t last = strlen(stops[j]) < len ? len - strlen(stops[j]) : 0;

				memset(text, 'x', len);
				overlay(text, len, 0, stops[i]);
				overlay(text, len, last, stops[j]);
				good += check(text, len);
				/* The same inside a string. */
				text[0] = text[len - 1] = '"';
				overlay(text, len - 1, 1, stops[i]);
				if (last > 0)
					overlay(text, len - 1, last - 1, stops[j]);
				good += check(text, len);
			}
		}
	CHECK(good > 10000, "%zu: these texts try nothing", good);
}

int
main(void)
{
	json_object_seed(1);
	test_good();
	test_bad();
	test_nul();
	test_names();
	test_nesting();
	test_places();
	test_short();
	test_truncated();
	test_mutated();
	test_suite();
	test_blank();
	return t_end();
}
