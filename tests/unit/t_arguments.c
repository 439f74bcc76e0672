#include "pfanout/arguments.h"

#include <stdlib.h>
#include <string.h>

#include "record/record.h"
#include "t.h"

#define RECORD                                                                           \
	"{\"a\":{\"b\":[1,\"two words\"]},\"s\":\"q\\\"\\u00e9 $(x)\",\"n\":1.10,\"odd " \
	"}name\":true,\"e\":\"\",\"z\":null}"

/* A command of one argument; what it becomes. */
static const struct {
	const char *arg;
	const char *want; /* NULL: no value */
} fills[] = {
    {"plain", "plain"},
    {"", ""},
    {"{}", RECORD},
    {"<{}>", "<" RECORD ">"},
    {"{}{}", RECORD RECORD},
    {"{#}", "43"},
    {"{%}", "7"},
    {"job{#}-{%}.txt", "job43-7.txt"},
    {"{.n}", "1.10"},
    {"{.s}", "q\"\xc3\xa9 $(x)"},
    {"x={.a.b[1]},{.a.b[0]}", "x=two words,1"},
    {"{.a}", "{\"b\":[1,\"two words\"]}"},
    {"{.}", RECORD},
    {"{.\"odd }name\"}", "true"},
    {"{.[\"odd }name\"]}", "true"},
    {"{.e}", ""},
    {"<{.e}>", "<>"},
    {"{.z}", "null"},
    {"{.missing}", NULL},
    {"x{.a.b[2]}y", NULL},
    /* These are what they are. */
    {"{", "{"},
    {"}", "}"},
    {"{x}", "{x}"},
    {"{{}", "{" RECORD},
    {"{ }", "{ }"},
    {"{.n", "{.n"},
    {"{.\"n}", "{.\"n}"},
    {"{#", "{#"},
    {"$HOME `ls`", "$HOME `ls`"},
    {"%s%n", "%s%n"},
    {"{n}", "{n}"},
};

static struct record
make_record(const char *text, size_t len)
{
	struct record r;

	CHECK(record_copy(&r, text, len) == 0);
	return r;
}

static enum arguments_status
fill(const struct arguments *t, const struct record *r, char ***argv, const char **bad)
{
	struct arguments_facts facts = {.record = r, .number = 43, .size = 500, .slot = 7};

	return arguments_fill(t, &facts, argv, bad);
}

static void
test_fills(void)
{
	struct record r = make_record(RECORD, strlen(RECORD));
	const char *why, *bad;
	char **argv;

	for (size_t i = 0; i < sizeof(fills) / sizeof(fills[0]); i++) {
		char name[] = "cmd", arg[100], *in[] = {name, arg, NULL};
		enum arguments_status status;
		struct arguments *t;

		snprintf(arg, sizeof(arg), "%s", fills[i].arg);
		if (CHECK((t = arguments_new(in, 0, &why, &bad)) != NULL, "%s: %s", fills[i].arg,
			why))
			continue;
		CHECK(!arguments_names_command(t));
		status = fill(t, &r, &argv, &bad);
		if (fills[i].want == NULL)
			CHECK(status == ARGUMENTS_NO_KEY && strcmp(bad, arg) == 0, "%s", arg);
		else if (!CHECK(status == ARGUMENTS_OK, "%s", arg)) {
			CHECK(strcmp(argv[0], "cmd") == 0 && argv[2] == NULL);
			CHECK(strcmp(argv[1], fills[i].want) == 0, "%s: %s", arg, argv[1]);
			free(argv);
		}
		arguments_free(t);
	}
	record_free(&r);
	arguments_free(NULL);
}

/* {} is JSON without the white space around it, and a plain line as it is. */
static void
test_white_space(void)
{
	static const struct {
		bool raw;
		const char *record, *want;
	} table[] = {
	    {false, "{\"a\": 1}\r", "<{\"a\": 1}>"},
	    {false, " \t[1, 2] \r\r", "<[1, 2]>"},
	    {false, "\" x \"", "<\" x \">"},
	    {false, "7", "<7>"},
	    {true, "one\r", "<one\r>"},
	    {true, " one ", "< one >"},
	    {true, "", "<>"},
	};
	char cmd[] = "cmd", whole[] = "<{}>", *in[] = {cmd, whole, NULL}, **argv;
	const char *why, *bad;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct record r = make_record(table[i].record, strlen(table[i].record));
		struct arguments *t =
		    arguments_new(in, table[i].raw ? ARGUMENTS_RAW : 0, &why, &bad);

		if (!CHECK(fill(t, &r, &argv, &bad) == ARGUMENTS_OK)) {
			CHECK(strcmp(argv[1], table[i].want) == 0, "row %zu: %s", i, argv[1]);
			free(argv);
		}
		arguments_free(t);
		record_free(&r);
	}
}

/* A batch has a number and a size, and no record to put in. */
static void
test_batch(void)
{
	static const struct {
		const char *arg, *want; /* NULL: a usage error */
	} table[] = {
	    {"{n}", "500"},
	    {"part-{#}.{n}{%}", "part-43.5007"},
	    {"{n", "{n"},
	    {"{ n}{x}", "{ n}{x}"},
	    {"{.", "{."},
	    {"{}", NULL},
	    {"x{n}{}", NULL},
	    {"{.a}", NULL},
	    {"{.a[}", NULL},
	};
	struct record r = make_record(RECORD, strlen(RECORD));

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char cmd[] = "cmd", arg[100], *in[] = {cmd, arg, NULL}, **argv;
		const char *why = NULL, *bad = NULL;
		struct arguments *t;

		snprintf(arg, sizeof(arg), "%s", table[i].arg);
		t = arguments_new(in, ARGUMENTS_BATCH, &why, &bad);
		if (table[i].want == NULL)
			CHECK(t == NULL && why != NULL && bad == arg, "%s", arg);
		else if (!CHECK(t != NULL && fill(t, &r, &argv, &bad) == ARGUMENTS_OK, "%s", arg)) {
			CHECK(strcmp(argv[1], table[i].want) == 0, "%s: %s", arg, argv[1]);
			free(argv);
		}
		arguments_free(t);
	}
	record_free(&r);
}

static void
test_data(void)
{
	static const struct {
		const char *arg, *data; /* NULL: none of the record's */
	} table[] = {
	    {"plain", NULL},
	    {"{#}-{%}", NULL},
	    {"{", NULL},
	    {"x{}y{.a}", "{}"},
	    {"{#}{.a.b[1]}{}", "{.a.b[1]}"},
	    {"{.\"odd }name\"}", "{.\"odd }name\"}"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char cmd[] = "cmd", arg[100], *in[] = {cmd, arg, NULL};
		const char *why, *bad, *data;
		struct arguments *t;
		size_t len = 0;

		snprintf(arg, sizeof(arg), "%s", table[i].arg);
		t = arguments_new(in, 0, &why, &bad);
		CHECK(arguments_data(t, 0, &len) == NULL);
		data = arguments_data(t, 1, &len);
		if (table[i].data == NULL || data == NULL)
			CHECK(table[i].data == data, "%s", arg);
		else
			CHECK(len == strlen(table[i].data) && memcmp(data, table[i].data, len) == 0,
			    "%s: %.*s", arg, (int)len, data);
		arguments_free(t);
	}
}

static void
test_many_arguments(void)
{
	static char *in[202];
	struct record r = make_record(RECORD, strlen(RECORD));
	const char *why, *bad;
	struct arguments *t;
	char **argv, cmd[] = "cmd-{.n}", empty[] = "", sum[] = "{.s}{#}{.a.b[1]}";
	size_t wrong = 0;

	in[0] = cmd;
	for (size_t i = 1; i < 201; i++)
		in[i] = i % 2 ? empty : sum;
	t = arguments_new(in, 0, &why, &bad);
	CHECK(t != NULL && arguments_names_command(t));
	CHECK(fill(t, &r, &argv, &bad) == ARGUMENTS_OK);
	CHECK(strcmp(argv[0], "cmd-1.10") == 0 && argv[201] == NULL);
	for (size_t i = 1; i < 201; i++)
		wrong += strcmp(argv[i], i % 2 ? "" : "q\"\xc3\xa9 $(x)43two words") != 0;
	CHECK(wrong == 0);
	free(argv);
	arguments_free(t);
	record_free(&r);
}

/* A NUL, in the record or decoded from it, can't be an argument. */
static void
test_nul(void)
{
	struct record raw = make_record("a\0b", 3),
		      escaped = make_record("{\"a\":\"x\\u0000\"}", 14);
	const char *bad = NULL, *why;
	char cmd[] = "cmd", fine[] = "fine", whole[] = "<{}>", value[] = "{.a}";
	char *with_whole[] = {cmd, fine, whole, NULL}, *with_value[] = {cmd, fine, value, NULL};
	struct arguments *t = arguments_new(with_whole, 0, &why, &bad);
	char **argv;

	CHECK(fill(t, &raw, &argv, &bad) == ARGUMENTS_NUL && strcmp(bad, "<{}>") == 0);
	CHECK(fill(t, &escaped, &argv, &bad) == ARGUMENTS_OK);
	free(argv);
	arguments_free(t);
	t = arguments_new(with_value, 0, &why, &bad);
	CHECK(fill(t, &escaped, &argv, &bad) == ARGUMENTS_NUL && strcmp(bad, "{.a}") == 0);
	CHECK(fill(t, &raw, &argv, &bad) == ARGUMENTS_NO_KEY);
	arguments_free(t);
	record_free(&raw);
	record_free(&escaped);
}

static void
test_bad_paths(void)
{
	static const char *const paths[] = {"{.a b}", "{..}", "{.a[}", "{.a[-1]}", "{.[}", "x{.1}"};
	const char *why, *bad;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char cmd[] = "cmd", fine[] = "{.ok}", path[16],
		     *in[] = {cmd, fine, path, fine, NULL};
		struct arguments *t;

		snprintf(path, sizeof(path), "%s", paths[i]);
		why = bad = NULL;
		t = arguments_new(in, 0, &why, &bad);
		CHECK(t == NULL && bad == path && why != NULL && *why != '\0', "%s", paths[i]);
		arguments_free(t);
	}
}

int
main(void)
{
	test_fills();
	test_white_space();
	test_batch();
	test_data();
	test_many_arguments();
	test_nul();
	test_bad_paths();
	return t_end();
}
