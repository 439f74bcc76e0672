/*
 * Key paths, json_first_member() and JSON strings: tables; jansson for what is
 * to be found in valid texts; and damaged texts, in blocks of their exact size
 * for ASan.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "json/json.h"
#include "t.h"
#include "t_random.h"

static const char sample[] =
    " {\"a\" : 1.10, \"b\":{\"c\":[10,\"x,y]}\",{\"d\":null}],\"e\":\"q\\\"\"},\"odd "
    "name\":true,\"\\u0061\\n\":\"nl\","
    "\"dup\":{\"k\":1},\"dup\":2,\"\":{\"\":[]},\"\xc3\xa9\":\"\\u00e9\",\"n\\u00e9\":-1e5,\"s\":"
    "\"\",\"t\":[ ] , \"u\":{ } } \n";

/* The value as text, or "none". */
static const char *
get(const char *path, const char *text, size_t len)
{
	static char found[4096];
	const char *why = NULL;
	struct json_path *p = json_path_new(path, &why);
	char *copy = malloc(len);
	struct json_slice value;

	CHECK(p != NULL, "%s: %s", path, why);
	if (len > 0)
		memcpy(copy, text, len);
	strcpy(found, "none");
	if (p != NULL && json_path_get(p, copy, len, &value)) {
		CHECK(value.data >= copy && value.data + value.len <= copy + len, "%s", path);
		snprintf(found, sizeof(found), "%.*s", (int)value.len, value.data);
	}
	free(copy);
	json_path_free(p);
	return found;
}

static void
test_get(void)
{
	static const struct {
		const char *path;
		const char *value;
	} rows[] = {{".a", "1.10"}, {".b.c", "[10,\"x,y]}\",{\"d\":null}]"}, {".b.c[0]", "10"},
	    {".b.c[1]", "\"x,y]}\""}, {".b.c[2].d", "null"}, {".b.c.[2][\"d\"]", "null"},
	    {".b.c[3]", "none"}, {".b.c[2][0]", "none"}, {".b.c.d", "none"}, {".b.e", "\"q\\\"\""},
	    {".[\"b\"].e", "\"q\\\"\""}, {".\"odd name\"", "true"}, {".[\"odd name\"]", "true"},
	    {".\"a\\n\"", "\"nl\""}, {".\"\\u0061\\u000A\"", "\"nl\""}, {".dup", "2"},
	    {".dup.k", "none"}, {".\"\"", "{\"\":[]}"}, {".\"\".\"\"", "[]"},
	    {".\"\"[\"\"][0]", "none"}, {".\"\xc3\xa9\"", "\"\\u00e9\""},
	    {".\"n\xc3\xa9\"", "-1e5"}, {".\"n\\u00e9\"", "-1e5"}, {".s", "\"\""}, {".t", "[ ]"},
	    {".t[0]", "none"}, {".u", "{ }"}, {".u.x", "none"}, {".nope", "none"}, {".[0]", "none"},
	    {".a.b", "none"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *value = get(rows[i].path, sample, sizeof(sample) - 1);

		CHECK(strcmp(value, rows[i].value) == 0, "%s: %s", rows[i].path, value);
	}
}

/* Other texts, valid and not. */
static void
test_texts(void)
{
	static const struct {
		const char *path, *text, *value;
	} rows[] = {{".", " [1 , 2]\r", "[1 , 2]"}, {".", "\t\"x\"", "\"x\""}, {".", "", "none"},
	    {".", " \n", "none"}, {".", "not JSON", "not JSON"}, {".[1]", "[1 ,\t2 ]", "2"},
	    {".[1][0]", "[[],[[\"]\"]]]", "[\"]\"]"}, {".[0]", "{}", "none"}, {".a", "[]", "none"},
	    {".a", "1", "none"}, {".a", "{\"a\":1", "1"}, {".a", "{\"a\":\"x", "none"},
	    {".a", "{\"a\":{\"b\":1}", "{\"b\":1}"}, {".a.b", "{\"a\":{\"b\":1", "none"},
	    {".a", "{\"a\":}", "none"}, {".a", "{\"a\":", "none"}, {".a", "{\"a\": ", "none"},
	    {".a", "{\"a\":[1", "none"}, {".a", "{\"a\"}", "none"}, {".a", "{a:1,\"a\":2}", "none"},
	    {".a", "{\"b\":\\\\,\"a\":\xff\xff}", "\xff\xff"},
	    {".a", "{\"b\":\x01,\"a\":2}", "none"}, {".a", "{", "none"},
	    {".a", "{\"\\x\":1,\"\\u00\":2,\"a\":3}", "3"},
	    {".\"a\\\\nb\"", "{\"a\\nb\":1}", "none"}, {".\"a\\\\nb\"", "{\"a\\\\nb\":1}", "1"},
	    {".\"\\ud83d\\ude00\"", "{\"\xf0\x9f\x98\x80\":1}", "1"},
	    {".\"\xf0\x9f\x98\x80\"", "{\"\\uD83D\\uDE00\":1}", "1"},
	    {".\"\xef\xbf\xbd\"", "{\"\\ud83d\":1}", "1"},
	    {".\"\xef\xbf\xbdx\"", "{\"\\ude00x\":1}", "1"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *value = get(rows[i].path, rows[i].text, strlen(rows[i].text));

		CHECK(strcmp(value, rows[i].value) == 0, "%s of %s: %s", rows[i].path, rows[i].text,
		    value);
	}
}

/*
 * What follows a member at any distance: the last member of a name counts,
 * however its name is written.
 */
static void
test_again(void)
{
#define LONG "a_name_of_24_characters_"
	static const struct {
		const char *path, *name, *rest, *value;
	} rows[] = {{".ab", "ab", "", "1"}, {".ab", "ab", ",\"ab\":2", "2"},
	    {".ab", "ab", ",\"a\\u0062\":2", "2"}, {".ab", "ab", ",\"\\u0061b\":2", "2"},
	    {".ab", "ab", ",\"abc\":2", "1"}, {".ab", "ab", ",\"x\":\"ab\"", "1"},
	    {".ab", "ab", ",\"x\":{\"ab\":2}", "1"},
	    {".ab", "ab", ",\"x\":{\"ab\":2},\"ab\" : 3 ", "3"},
	    {".ab", "ab", ",\"x\":\"\\\"ab\"", "1"}, {".\"ab\"", "ab", ",\"ab\":2", "2"},
	    {".\"a/b\"", "a/b", ",\"a\\/b\":2", "2"}, {".a", "a", "", "1"},
	    {".a", "a", ",\"a\":2", "2"}, {".a", "a", ",\"\\u0061\":2", "2"},
	    {".a", "a", ",\"ab\":2,\"x\":\"a\"", "1"}, {".a", "a", ",\"ab\":2,\"a\" :3", "3"},
	    {".\"\"", "", ",\"\":2", "2"}, {".\"\"", "", ",\"x\":\"\"", "1"},
	    {"." LONG, LONG, ",\"" LONG "\":2", "2"},
	    {"." LONG, LONG, ",\"a_name_of_24_characters\\u005f\":2", "2"},
	    {"." LONG, LONG, ",\"a_name_of_24_characters\":2", "1"}};
#undef LONG
	/* Around the name. */
	static const char *const heads[][2] = {
	    {"{\"", "\":1"}, {"{\"", "\" : 1 "}, {"{\"x\":0,\"", "\":1"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int pad = 0; pad < 3 * 70; pad++) {
			char text[256];
			const char *value;
			int len = snprintf(text, sizeof(text), "%s%s%s,\"pad\":\"%*s\"%s}",
			    heads[pad % 3][0], rows[i].name, heads[pad % 3][1], pad / 3, "",
			    rows[i].rest);

			value = get(rows[i].path, text, (size_t)len);
			CHECK(strcmp(value, rows[i].value) == 0, "%s of %s: %s", rows[i].path, text,
			    value);
			len = snprintf(text, sizeof(text), "{\"%s\":1%s,\"pad\":\"%*s\"}",
			    rows[i].name, rows[i].rest, pad / 3, "");
			value = get(rows[i].path, text, (size_t)len);
			CHECK(strcmp(value, rows[i].value) == 0, "%s of %s: %s", rows[i].path, text,
			    value);
		}
}

/* The value of the first member, which is found without the others. */
static void
test_first(void)
{
	static const char *const values[] = {"1", "-0", "12345678901234567890", "1.5e300", "true",
	    "\"\"", "\"x\\\"}\"", "{}", "[[\"]\"],{\"a\":2}]", "{\"a\":{\"a\":\"\\\\\"}}",
	    "\"a string longer than a window of sixty-four bytes, and then a \\\" after them\""};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		for (int pad = 0; pad < 70; pad++) {
			char text[256];
			int len = snprintf(
			    text, sizeof(text), "{\"a\":%s,\"p\":\"%*s\"}", values[i], pad, "");

			CHECK(strcmp(get(".a", text, (size_t)len), values[i]) == 0, "%s", text);
			len = snprintf(text, sizeof(text), "{\"a\":%*s%s}", pad, "", values[i]);
			CHECK(strcmp(get(".a", text, (size_t)len), values[i]) == 0, "%s", text);
		}
}

static void
test_bad_paths(void)
{
	static const char *const paths[] = {"", "a", "a.b", "[0]", "..", ".a.", ".a..b", ".1",
	    ".a-b", ".a b", ". a", ".a[", ".a[]", ".a[-1]", ".a[1", ".a[1.5]", ".a[x]", ".a[1:2]",
	    ".a[1234567890]", ".\"", ".\"a", ".\"a\\\"", ".\"\\x\"", ".\"\xff\"", ".[\"a\"",
	    ".[\"a]", ".a\"b\"", ".a]", ".a[0]b", ".a?", ".\xc3\xa9", ".a|.b", ".a[\"x\"y]"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		const char *why = NULL;
		struct json_path *path = json_path_new(paths[i], &why);

		CHECK(path == NULL && why != NULL, "%s compiles", paths[i]);
		json_path_free(path);
	}
	CHECK(strcmp(get(".a[999999999]", "{}", 2), "none") == 0, "the largest index");
}

/*
 * Every value of a text, found by its path, is the value that jansson has
 * there.
 */
static void
walk(const char *text, const char *path, json_t *value)
{
	const char *found = get(path, text, strlen(text)), *name;
	json_t *again = json_loads(found, JSON_DECODE_ANY, NULL), *member;
	size_t i;
	char longer[512];

	CHECK(json_equal(again, value), "%s of %s: %s", path, text, found);
	json_decref(again);
	if (strcmp(path, ".") == 0)
		path = "";
	json_array_foreach(value, i, member)
	{
		snprintf(longer, sizeof(longer), "%s%s[%zu]", path, *path == '\0' ? "." : "", i);
		walk(text, longer, member);
	}
	json_object_foreach(value, name, member)
	{
		json_t *string = json_string(name);
		char *quoted = json_dumps(
		    string, JSON_ENCODE_ANY | (strlen(path) % 2 != 0 ? JSON_ENSURE_ASCII : 0));

		snprintf(longer, sizeof(longer), "%s.%s", path, quoted);
		free(quoted);
		json_decref(string);
		walk(text, longer, member);
	}
}

static void
test_walk(void)
{
	static const char *const texts[] = {sample,
	    "{\"ts\": \"2026-11-23T15:00:00.000Z\", \"id\": 0, \"level\": \"warn\", \"path\": "
	    "\"/static/app.js\", \"latency_ms\": 2.256, "
	    "\"msg\": \"request \\\"handled\\\" ok \xc3\xa9\xe2\x82\xac\", \"tags\": [\"a\", "
	    "\"b\"], \"geo\": {\"lat\": 6.4588, \"lon\": -48.352}}",
	    "[[[1,[2,[3]]],{\"a\":[{\"b\":[{\"c\":{}}]}]}],\"\",\"[\",\"]\",\"{\\\\\\\"\",{\"{\":"
	    "\"}\",\"\\\\\":\"\\\\\",\"\\\"\":[\"\\\"\"]}]",
	    "{\"a name that is longer than a window of sixty-four bytes, which it should "
	    "be\":{\"another one, with an escape \\t in it and after the "
	    "sixty-fourth byte \\u00fc\":[\"\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82\"]}, "
	    "\"x\":1}"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *value = json_loads(texts[i], JSON_DECODE_ANY, NULL);

		CHECK(value != NULL, "%s", texts[i]);
		walk(texts[i], ".", value);
		json_decref(value);
	}
}

/* Damage never leads outside the text (get() and ASan check that). */
static void
test_damaged(void)
{
	static const char *const paths[] = {
	    ".", ".b.c[2].d", ".dup", ".nope", ".\"\\u0061\\n\"", ".b.c[9]", ".[3]"};
	static const char matters[] = "\"\"\\\\{}[],: \x01\xff";

	for (size_t cut = 0; cut < sizeof(sample); cut++)
		for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
			get(paths[i], sample, cut);
			get(paths[i], sample + cut, sizeof(sample) - 1 - cut);
		}
	for (int round = 0; round < 20000; round++) {
		char text[sizeof(sample)];

		memcpy(text, sample, sizeof(sample));
		for (int n = 0; n < 1 + round % 6; n++) {
			uint64_t r = next_random();
			text[(r >> 32) % (sizeof(sample) - 1)] =
			    matters[(r >> 8) % (sizeof(matters) - 1)];
		}
		get(paths[(size_t)round % (sizeof(paths) / sizeof(paths[0]))], text,
		    sizeof(sample) - 1 - (next_random() >> 40) % 20);
	}
}

static void
test_first_member(void)
{
	static const struct {
		const char *text;
		bool first;
	} rows[] = {{"{\"pchan\":\"retry/1\",\"id\":1}", true},
	    {" {\t\"pchan\" :\r\n\"retry/1\"", true}, {"{\"pchan\":\"retry/1", false},
	    {"{\"pchan\":\"retry/2\"}", false}, {"{\"pchan\":\"retry/11\"}", false},
	    {"{\"pcha\":\"retry/1\"}", false}, {"{\"pchann\":\"retry/1\"}", false},
	    {"{\"a\":1,\"pchan\":\"retry/1\"}", false}, {"[\"pchan\",\"retry/1\"]", false},
	    {"{\"pchan\" \"retry/1\"}", false}, {"{\"pchan\":1}", false}, {"", false}, {"{", false},
	    {"{\"pchan\"", false}, {"{\"pchan\":", false},
	    {"{\"\\u0070chan\":\"retry/1\"}", false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strlen(rows[i].text);
		char *copy = malloc(len);

		if (len > 0)
			memcpy(copy, rows[i].text, len);
		CHECK(json_first_member(copy, len, "pchan", "retry/1") == rows[i].first, "%s",
		    rows[i].text);
		free(copy);
	}
}

static void
unquote(const char *string, size_t len, const char *want, size_t want_len)
{
	char *copy = malloc(len), *out = malloc(len);

	if (len > 0)
		memcpy(copy, string, len);
	size_t n = json_unquote(copy, len, out);
	CHECK(n == want_len, "%.*s: %zd", (int)len, string, (ssize_t)n);
	if (n == want_len && n != (size_t)-1) {
		CHECK(memcmp(out, want, n) == 0, "%.*s: %.*s", (int)len, string, (int)n, out);
		CHECK(json_string_is(copy, len, want, want_len), "%.*s", (int)len, string);
		CHECK(!json_string_is(copy, len, want, want_len + 1), "%.*s", (int)len, string);
		CHECK(n == 0 || !json_string_is(copy, len, want, want_len - 1), "%.*s", (int)len,
		    string);
	}
	free(copy);
	free(out);
}

static void
test_unquote(void)
{
	static const struct {
		const char *string, *text;
	} good[] = {{"\"\"", ""}, {"\"abc\"", "abc"},
	    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
	    {"\"\\u0041\\u00E9\\u20ac\"", "A\xc3\xa9\xe2\x82\xac"}, {"\"\xc3\xa9\"", "\xc3\xa9"},
	    {"\"x\\ud83d\\ude00y\"", "x\xf0\x9f\x98\x80y"},
	    {"\"\\ud800\\udc00\\udbff\\udfff\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
	    {"\"\\ud83d\"", "\xef\xbf\xbd"}, {"\"\\ude00\"", "\xef\xbf\xbd"},
	    {"\"\\ud83d\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
	    {"\"\\ud83d\\n\"", "\xef\xbf\xbd\n"}, {"\"\\ud83dx\"", "\xef\xbf\xbdx"},
	    {"\"\\ud83d\\u0041\"",
		"\xef\xbf\xbd"
		"A"},
	    {"\"\\udc00\\udc00\\ud800\\ue000\"",
		"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xee\x80\x80"},
	    {"\"\\ufffe\\uFFFF\"", "\xef\xbf\xbe\xef\xbf\xbf"}};
	static const char *const bad[] = {"", "\"", "a", "\"a", "a\"", "\"\\\"", "\"\\x\"",
	    "\"\\u12\"", "\"\\u12g4\"", "\"\t\"", "\"\xff\"", "\"\xed\xa0\x80\"", "\"a\",\"b\"",
	    "\"a\" ", " \"a\"", "1", "\"a\"b\""};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		unquote(good[i].string, strlen(good[i].string), good[i].text, strlen(good[i].text));
	unquote("\"a\\u0000b\"", 10, "a\0b", 3);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		unquote(bad[i], strlen(bad[i]), NULL, (size_t)-1);
}

/* Every \uXXXX that is not a surrogate is decoded as jansson decodes it. */
static void
test_unquote_all(void)
{
	for (unsigned code = 1; code < 0x10000; code += code < 0x900 ? 1 : 37) {
		char string[16];

		if (code >= 0xd800 && code < 0xe000)
			continue;
		snprintf(string, sizeof(string), "\"\\u%04x\"", code);
		json_t *value = json_loads(string, JSON_DECODE_ANY, NULL);
		unquote(string, 8, json_string_value(value), json_string_length(value));
		json_decref(value);
	}
}

int
main(void)
{
	json_object_seed(1);
	test_get();
	test_texts();
	test_again();
	test_first();
	test_bad_paths();
	test_walk();
	test_damaged();
	test_first_member();
	test_unquote();
	test_unquote_all();
	return t_end();
}
