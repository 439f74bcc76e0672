#include "pfanout/template.h"

#include <stdlib.h>
#include <string.h>

#include "t.h"

#define ROWS(rows) (sizeof(rows) / sizeof(rows[0]))
#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN
#define N250 FIFTY FIFTY FIFTY FIFTY FIFTY

static void
test_parsing(void)
{
	static const struct {
		const char *text;
		/* The path, or the folder; neither: it is wrong. */
		const char *path;
		const char *folder;
	} rows[] = {
	    {"out.ndjson", "out.ndjson", NULL},
	    {"a/b/c", "a/b/c", NULL},
	    {"/dev/fd/63", "/dev/fd/63", NULL},
	    {"a/", "a/", NULL},
	    {"{{", "{", NULL},
	    {"a{{.b}/c}", "a{.b}/c}", NULL},
	    {"{{{{x", "{{x", NULL},
	    {"}", "}", NULL},
	    {"{.a}", NULL, "."},
	    {"x{.a}", NULL, "."},
	    {"./{.a}.x", NULL, "."},
	    {"/{.a}", NULL, "/"},
	    {"//{.a}", NULL, "/"},
	    {"dir/{.a}.ndjson", NULL, "dir"},
	    {"/var/log/x/{.a}-{.b[0].c}", NULL, "/var/log/x"},
	    {"d{{}/{{{.a}{{", NULL, "d{}"},
	    {"../{.\"a/b\"}", NULL, ".."},
	    {"", NULL, NULL},
	    {"{.a}/x", NULL, NULL},
	    {"d/{.a}/{.b}", NULL, NULL},
	    {"d/{.a}/", NULL, NULL},
	    {"{a}", NULL, NULL},
	    {"{}", NULL, NULL},
	    {"{#}", NULL, NULL},
	    {"x{", NULL, NULL},
	    {"d/{.a", NULL, NULL},
	    {"d/{.a.}", NULL, NULL},
	    {"d/{..}", NULL, NULL},
	    {"d/{.a b}", NULL, NULL},
	    {"{.a}{b}", NULL, NULL},
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *why = NULL, *path = rows[i].path, *folder = rows[i].folder;
		struct name_template *t = template_new(rows[i].text, &why);

		CHECK((t != NULL) == (path != NULL || folder != NULL), "%s: %s", rows[i].text, why);
		if (t == NULL)
			CHECK(why != NULL && *why != '\0' && strcmp(why, "out of memory") != 0);
		else if (path != NULL)
			CHECK(template_path(t) != NULL && strcmp(template_path(t), path) == 0, "%s",
			    rows[i].text);
		else if (folder != NULL)
			CHECK(template_path(t) == NULL && strcmp(template_folder(t), folder) == 0,
			    "%s: %s", rows[i].text, template_folder(t));
		template_free(t);
	}
	template_free(NULL);
}

/* The name, or the status and what the message ends with. */
static const struct {
	const char *template, *record;
	enum template_status status;
	const char *want;
} fills[] = {
    {"d/{.u}.ndjson", "{\"u\":\"ann\"}", TEMPLATE_OK, "ann.ndjson"},
    {"d/{.u}.ndjson", "{\"u\":\"\\u0061\\u00e9 b\\\\\\\"\"}", TEMPLATE_OK,
	"a\xc3\xa9 b\\\".ndjson"},
    {"d/{.u}", "{\"u\":\"a\\ud83d\\ude00\"}", TEMPLATE_OK, "a\xf0\x9f\x98\x80"},
    {"{.u}", "{\"u\":7}", TEMPLATE_OK, "7"},
    {"{.u}", "{\"u\":\"7\"}", TEMPLATE_OK, "7"},
    {"{.u}", "{\"u\": -1.50e+2 }", TEMPLATE_OK, "-1.50e+2"},
    {"{.u}", "{\"u\":true}", TEMPLATE_OK, "true"},
    {"{.u}", "{\"u\":false}", TEMPLATE_OK, "false"},
    {"{.u}", "{\"u\":\"null\"}", TEMPLATE_OK, "null"},
    {"{.u}", "{\"u\":\"*?$(x)`;'\"}", TEMPLATE_OK, "*?$(x)`;'"},
    {"{.u}", "{\"u\":\"{.v}\"}", TEMPLATE_OK, "{.v}"},
    {"{.}", "\"whole\"", TEMPLATE_OK, "whole"},
    {"{.u}", "{\"u\":1,\"u\":2}", TEMPLATE_OK, "2"},
    {"x-{.u}-{.v[1]}{{}y", "{\"u\":1,\"v\":[2,\"z\"]}", TEMPLATE_OK, "x-1-z{}y"},
    {"{.\"a/b\"}", "{\"a/b\":1}", TEMPLATE_OK, "1"},
    {"{.u}", "{\"u\":\"a.b..\"}", TEMPLATE_OK, "a.b.."},
    {"{.u}", "{\"u\":\"...\"}", TEMPLATE_UNROUTABLE, "dot, which would hide the file"},
    /* Values that are not there, or no names. */
    {"d/{.u}.x", "{}", TEMPLATE_NO_KEY, "no value for {.u}"},
    {"d/{.u}-{.v}", "{\"u\":1}", TEMPLATE_NO_KEY, "no value for {.v}"},
    {"{.u}", "[]", TEMPLATE_NO_KEY, "no value for {.u}"},
    {"{.u}", "no JSON", TEMPLATE_NO_KEY, "no value for {.u}"},
    {"{.u}", "", TEMPLATE_NO_KEY, "no value for {.u}"},
    {"{.u}", "{\"u\":null}", TEMPLATE_UNROUTABLE, "the value of {.u} is null"},
    {"{.u}", "{\"u\":{}}", TEMPLATE_UNROUTABLE, "is an object"},
    {"{.u}", "{\"u\":[1]}", TEMPLATE_UNROUTABLE, "is an array"},
    /* Names that would be those of other files. */
    {"d/{.u}.x", "{\"u\":\"\"}", TEMPLATE_UNROUTABLE, "is empty"},
    {"d/{.u}.x", "{\"u\":\".\"}", TEMPLATE_UNROUTABLE, "the name of a folder"},
    {"d/{.u}.x", "{\"u\":\"..\"}", TEMPLATE_UNROUTABLE, "the name of a folder"},
    {"d/x{.u}", "{\"u\":\"..\"}", TEMPLATE_UNROUTABLE, "the name of a folder"},
    {"d/.{.u}", "{\"u\":\".\"}", TEMPLATE_UNROUTABLE, "the name of a folder"},
    {"{.u}", "{\"u\":\"\\u002e\\u002e\"}", TEMPLATE_UNROUTABLE, "the name of a folder"},
    {"d/{.u}.x", "{\"u\":\"/etc/passwd\"}", TEMPLATE_UNROUTABLE, "contains a slash"},
    {"d/{.u}.x", "{\"u\":\"../x\"}", TEMPLATE_UNROUTABLE, "contains a slash"},
    {"d/{.u}.x", "{\"u\":\"a\\/b\"}", TEMPLATE_UNROUTABLE, "contains a slash"},
    {"d/{.u}.x", "{\"u\":\"a\\u002fb\"}", TEMPLATE_UNROUTABLE, "contains a slash"},
    {"d/{.u}.x", "{\"u\":\"/\"}", TEMPLATE_UNROUTABLE, "contains a slash"},
    {"{.}", "a/b", TEMPLATE_UNROUTABLE, "contains a slash"},
    {"d/{.u}", "{\"u\":\".profile\"}", TEMPLATE_UNROUTABLE, "dot, which would hide the file"},
    {"d/{.u}{.v}", "{\"u\":\"a\",\"v\":\".b\"}", TEMPLATE_OK, "a.b"},
    {"d/x{.u}", "{\"u\":\".profile\"}", TEMPLATE_OK, "x.profile"},
    {"d/.x{.u}", "{\"u\":\".profile\"}", TEMPLATE_OK, ".x.profile"},
    {"d/.{.u}", "{\"u\":\"x\"}", TEMPLATE_OK, ".x"},
    {"d/{.u}.x", "{\"u\":\"a\\u0000\"}", TEMPLATE_UNROUTABLE, "control character, or is not UTF-8"},
    {"d/{.u}.x", "{\"u\":\"a\\nb\"}", TEMPLATE_UNROUTABLE, "control character, or is not UTF-8"},
    {"d/{.u}.x", "{\"u\":\"\\u001b[2J\"}", TEMPLATE_UNROUTABLE,
	"control character, or is not UTF-8"},
    {"d/{.u}.x", "{\"u\":\"\\u007f\"}", TEMPLATE_UNROUTABLE, "control character, or is not UTF-8"},
    {"d/{.u}.x", "{\"u\":\"\\u009b\"}", TEMPLATE_UNROUTABLE, "control character, or is not UTF-8"},
    {"d/{.u}.x", "{\"u\":\"\\u202e\"}", TEMPLATE_UNROUTABLE, "control character, or is not UTF-8"},
    {"{.}", "a\xff", TEMPLATE_UNROUTABLE, "control character, or is not UTF-8"},
    {"d/{.u}.x", "{\"u\":\"\xff\"}", TEMPLATE_UNROUTABLE, "is not a valid string"},
    /* Lengths. */
    {"{.}", "\"" N250 "12345\"", TEMPLATE_OK, N250 "12345"},
    {"{.}", "\"" N250 "1234\\u0035\"", TEMPLATE_OK, N250 "12345"},
    {"{.}", "\"" N250 "123456\"", TEMPLATE_UNROUTABLE, "is too long for a file name"},
    {"{.}", "\"" N250 N250 N250 N250 N250 N250 N250 "\"", TEMPLATE_UNROUTABLE,
	"is too long for a file name"},
    {"{.}", N250 N250 N250 N250 N250 N250 N250, TEMPLATE_UNROUTABLE, "is too long for a file name"},
    {"{.}.x", "\"" N250 "123\"", TEMPLATE_OK, N250 "123.x"},
    {"{.}.x", "\"" N250 "1234\"", TEMPLATE_UNROUTABLE, "longer than 255 bytes"},
    {"{.u}{.u}", "{\"u\":\"" N250 "\"}", TEMPLATE_UNROUTABLE, "longer than 255 bytes"},
    {"d/" N250 "x{.u}", "{\"u\":\"1234\"}", TEMPLATE_OK, N250 "x1234"},
    {"d/" N250 "x{.u}", "{\"u\":\"12345\"}", TEMPLATE_UNROUTABLE, "longer than 255 bytes"},
    {N250 "/" N250 "/{.u}", "{\"u\":\"x\"}", TEMPLATE_OK, "x"},
    {N250 FIFTY "{.u}", "{\"u\":\"x\"}", TEMPLATE_UNROUTABLE, "longer than 255 bytes"},
};

static void
test_filling(void)
{
	for (size_t i = 0; i < ROWS(fills); i++) {
		size_t len = strlen(fills[i].record), want_len = strlen(fills[i].want);
		const char *why;
		char name[NAME_MAX + 1], error[200] = "", *copy = malloc(len + (len == 0));
		struct name_template *t = template_new(fills[i].template, &why);
		enum template_status status;

		memcpy(copy, fills[i].record, len);
		status = template_fill(t, copy, len, name, error, sizeof(error));
		CHECK(status == fills[i].status, "%s %s: %s", fills[i].template, fills[i].record,
		    error);
		if (status == TEMPLATE_OK)
			CHECK(strcmp(name, fills[i].want) == 0, "%s", name);
		else
			CHECK(strlen(error) >= want_len &&
				strcmp(error + strlen(error) - want_len, fills[i].want) == 0,
			    "%s %s: %s", fills[i].template, fills[i].record, error);
		template_free(t);
		free(copy);
	}
}

/* The most that JSON can make of a name: every byte is an escape. */
static void
test_escapes(void)
{
	const char *why;
	struct name_template *t = template_new("{.}", &why);
	char record[2 + 6 * (NAME_MAX + 1) + 1], name[NAME_MAX + 1], error[200], *p = record;

	*p++ = '"';
	for (int i = 0; i < NAME_MAX; i++)
		p = stpcpy(p, "\\u0041");
	stpcpy(p, "\"");
	CHECK(template_fill(t, record, strlen(record), name, error, sizeof(error)) == TEMPLATE_OK);
	CHECK(strlen(name) == NAME_MAX && strspn(name, "A") == NAME_MAX);
	stpcpy(p, "\\u0041\"");
	CHECK(template_fill(t, record, strlen(record), name, error, sizeof(error)) ==
	    TEMPLATE_UNROUTABLE);
	template_free(t);
}

int
main(void)
{
	test_escapes();
	test_parsing();
	test_filling();
	return t_end();
}
