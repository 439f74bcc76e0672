#include "stage/options.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/version.h"
#include "json/json.h"
#include "t.h"

#define ARGS_MAX 24

enum color { RED, GREEN, BLUE };

/* A tool with an option of each kind. */
struct own {
	unsigned jobs; /* -j N */
	size_t window;
	uint64_t limit, size;
	int64_t wait; /* above 0 */
	bool keep;    /* -k */
	bool never;
	const char *to;
	struct json_path *key;
	enum color color;
	int even, known;
};

/* Takes an even number; 1000 is too much for the memory. */
static int
parse_even(void *field, const char *value, const char **why)
{
	if (atoi(value) == 1000)
		return -1;
	*why = "an even number";
	*(int *)field += atoi(value);
	return atoi(value) % 2 == 0 ? 0 : -1;
}

static const struct option_rule own_rules[] = {
    {"-k", OPTION_NEEDS, "-j", NULL},
    {"--window", OPTION_NEEDS, "--wait", "nothing waits without it"},
    {"--to", OPTION_EXCLUDES, "--even", NULL},
    {"--color", OPTION_EXCLUDES, "-R", "plain lines have none"},
    {"--known", OPTION_NEEDS, "a command", "it has to be known by somebody"},
    {"--size", OPTION_EXCLUDES, "a command", NULL},
    {"--never", OPTION_EXCLUDES, "tool", "it always does"},
    {"--limit", OPTION_NEEDS, "paint", NULL},
    {0},
};

/*
 * Parses words that are separated by blanks ('' is an empty one), with or
 * without a command of the tool's own.
 */
static int
parse_as(
    struct options *o, struct own *own, const char *command, const char *operands, const char *line)
{
	static const char *const colors[] = {"red", "green", "blue", NULL},
				 *const numbers[] = {"2", "3", NULL};
	static char copy[512];
	const struct option_row rows[] = {
	    {'j', "jobs", "N", "how many", OPTION_NUMBER, OPTION_FIELD(own->jobs), 1, 100},
	    {'k', "keep", NULL, "keep them", OPTION_FLAG, OPTION_FIELD(own->keep)},
	    {0, "never", NULL, "never", OPTION_FLAG, OPTION_FIELD(own->never)},
	    {0, "window", "N", "how far", OPTION_NUMBER, OPTION_FIELD(own->window), 0, 1000},
	    {0, "limit", "N", "how many at most", OPTION_NUMBER, OPTION_FIELD(own->limit), 1,
		INT64_MAX},
	    {0, "size", "SIZE", "how large", OPTION_SIZE, OPTION_FIELD(own->size)},
	    {0, "wait", "D", "how long", OPTION_DURATION, OPTION_FIELD(own->wait), .min = 1},
	    {0, "to", "FILE", "where to", OPTION_TEXT, OPTION_FIELD(own->to)},
	    {0, "key", "PATH", "which value", OPTION_PATH, OPTION_FIELD(own->key)},
	    {0, "color", "COLOR", "which color", OPTION_CHOICE, OPTION_FIELD(own->color),
		.names = colors},
	    {0, "even", "N", "an even number", OPTION_FUNCTION, OPTION_FIELD(own->even),
		.parse = parse_even},
	    {0, "known", "N", "a known number", OPTION_FUNCTION, OPTION_FIELD(own->known),
		.names = numbers, .parse = parse_even},
	    {0},
	};
	static const struct option_habit habits[] = {
	    {"--procs", "-j"}, {"-k", "-j"}, {"-o", "--to"}, {"--gone", "--not-here"}, {0}};
	const struct options_command own_command = {command, "[options] FILE ...", "does it"};
	const struct options_tool tool = {.name = "tool",
	    .usage = "[options]",
	    .about = "Does this.",
	    .rows = rows,
	    .rules = own_rules,
	    .habits = habits,
	    .command = command != NULL ? &own_command : NULL,
	    .operands = operands};
	char *argv[ARGS_MAX + 1], *save = NULL;
	int argc = 0;

	memset(o, 0xff, sizeof(*o));
	snprintf(copy, sizeof(copy), "tool %s", line);
	for (char *w = strtok_r(copy, " ", &save); w != NULL && argc < ARGS_MAX;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = strcmp(w, "''") == 0 ? w + 2 : w;
	argv[argc] = NULL;
	return options_parse(o, argc, argv, &tool);
}

static int
parse(struct options *o, struct own *own, const char *line)
{
	*own = (struct own){.color = BLUE};
	return parse_as(o, own, NULL, "a command", line);
}

static void
test_defaults(void)
{
	struct options o;
	struct own own;

	CHECK(parse(&o, &own, "") == 1);
	CHECK(o.name == NULL && o.buffer == 1024 && o.dead_letter == NULL && !o.raw &&
	    o.max_record == 16 << 20 && !o.no_bypass && o.grace == 5 * CLOCK_S && !o.progress &&
	    !o.quiet && !o.verbose && o.answer == NULL && o.error[0] == '\0');
}

static void
test_all(void)
{
	struct options o;
	struct own own;

	CHECK(
	    parse(&o, &own,
		"-n x -b 0 -d file -R -P -q -v -j 3 -k --grace 1m --max-record 64K --no-bypass") ==
	    19);
	CHECK(strcmp(o.name, "x") == 0 && o.buffer == 0 && strcmp(o.dead_letter, "file") == 0 &&
	    o.raw && o.progress && o.quiet && o.verbose && o.grace == 60 * CLOCK_S &&
	    o.max_record == 65536 && o.no_bypass);
	CHECK(own.jobs == 3 && own.keep);
	CHECK(parse(&o, &own,
		  "--name=x --buffer=7 --dead-letter=f --raw --progress --quiet --verbose "
		  "--jobs=2") == 9);
	CHECK(strcmp(o.name, "x") == 0 && o.buffer == 7 && strcmp(o.dead_letter, "f") == 0 &&
	    o.raw && o.progress && o.quiet && o.verbose && own.jobs == 2);
	CHECK(parse(&o, &own, "-RPqvkj4 -b1048576") == 3);
	CHECK(o.raw && o.progress && o.quiet && o.verbose && own.keep && own.jobs == 4 &&
	    o.buffer == 1 << 20);
	CHECK(parse(&o, &own, "-n a -n b") == 5 && strcmp(o.name, "b") == 0, "the last one counts");
	CHECK(parse(&o, &own, "--window 5 --wait 1s --to a --to b") == 9 && own.window == 5 &&
	    strcmp(own.to, "b") == 0);
}

/* What follows the first operand belongs to a command. */
static void
test_operands(void)
{
	struct options o;
	struct own own;

	CHECK(parse(&o, &own, "-R sed -n -v") == 2 && o.raw && o.name == NULL && !o.verbose);
	CHECK(parse(&o, &own, "-R -- -v") == 3 && o.raw && !o.verbose);
	CHECK(parse(&o, &own, "-R - -v") == 2 && !o.verbose, "- is an operand");
	CHECK(parse(&o, &own, "--") == 2);
	CHECK(parse(&o, &own, "cmd --") == 1);
}

/* The rest of the line does not matter. */
static void
test_answers(void)
{
	static const char *const helps[] = {
	    "-h", "--help", "-h --nonsense", "-R -h -b x", "-kh", "--he", "-hV"};
	static const char *const versions[] = {"-V", "--version -b x", "-j 3 -Vh"};
	struct options o;
	struct own own;

	for (size_t i = 0; i < sizeof(helps) / sizeof(helps[0]); i++) {
		CHECK(parse(&o, &own, helps[i]) >= 1 && o.answer != NULL, "%s", helps[i]);
		CHECK(strncmp(o.answer, "usage: tool [options]\n\nDoes", 27) == 0, "%s", o.answer);
		CHECK(strstr(o.answer, "\n  -V, --version ") != NULL, "%s", o.answer);
		free(o.answer);
	}
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		CHECK(parse(&o, &own, versions[i]) >= 1 && o.answer != NULL, "%s", versions[i]);
		CHECK(strcmp(o.answer, "tool " PCHAN_VERSION "\n") == 0, "%s", o.answer);
		free(o.answer);
	}
}

/* Each message names the option, the value, and what is expected. */
static const struct {
	const char *line;
	const char *says[3];
	const char *never;
} mistakes[] = {
    {"-Z", {"unknown option -Z", "--help"}, NULL},
    {"--nonsense", {"unknown option --nonsense", "--help"}, NULL},
    {"--nonsense=3", {"--nonsense"}, NULL},
    {"-RZ", {"-Z"}, NULL},
    {"--raw -Zx", {"-Z"}, "--raw"},
    {"--quiet -RZq", {"-Z"}, "--quiet"},
    {"-n", {"-n", "missing"}, NULL},
    {"-v -Rn", {"-n", "missing"}, NULL},
    {"--name", {"--name", "missing"}, NULL},
    {"--raw --window", {"--window", "missing"}, "--raw"},
    {"-n ''", {"-n", "not empty"}, NULL},
    {"-d ''", {"-d", "not empty"}, NULL},
    {"-b x", {"-b x", "expected"}, NULL},
    {"-b -1", {"-b -1", "expected", "1048576"}, NULL},
    {"-b 1048577", {"-b 1048577", "expected", "1048576"}, NULL},
    {"--buffer=1k", {"-b 1k", "expected"}, NULL},
    {"--grace 5", {"--grace 5", "expected", "250ms"}, NULL},
    {"--grace -5s", {"--grace -5s", "expected"}, NULL},
    {"--max-record 0", {"--max-record 0", "expected"}, NULL},
    {"--max-record 9999999T", {"--max-record 9999999T", "expected"}, NULL},
    {"-j 0", {"-j 0", "expected a whole number"}, NULL},
    {"--jobs=0", {"-j 0", "expected a whole number"}, NULL},
    {"--window 1001", {"--window 1001", "expected a whole number"}, NULL},
    {"--raw=yes", {"--raw", "takes no value"}, "unknown"},
    {"--n", {"--n", "more than one", ": --never, --name, --no-bypass"}, "unknown"},
    {"--kep", {"unknown option --kep (did you mean -k, --keep?)"}, NULL},
    {"--wiat=3", {"unknown option --wiat=3 (did you mean --wait?)"}, NULL},
    {"--procs 3", {"unknown option --procs (did you mean -j, --jobs?)"}, NULL},
    {"--porcs 3", {"unknown option --porcs (did you mean -j, --jobs?)"}, NULL},
    {"-o x", {"unknown option -o (did you mean --to?)"}, NULL},
    {"--gone x", {"unknown option --gone; --help"}, NULL},
    {"-k 4", {"-k takes no number here (did you mean -j, --jobs?)"}, NULL},
    {"-Rk4", {"-k takes no number here (did you mean -j, --jobs?)"}, NULL},
    {"-R4", {"unknown option -4"}, "did you mean"},
    {"-4", {"unknown option -4"}, "did you mean"},
    {"--color", {"--color", "missing"}, NULL},
};

static void
test_mistakes(void)
{
	struct options o;
	struct own own;

	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		int at = parse(&o, &own, mistakes[i].line);

		CHECK(at == -1, "%s: %d", mistakes[i].line, at);
		for (size_t j = 0; j < 3 && mistakes[i].says[j] != NULL; j++)
			CHECK(strstr(o.error, mistakes[i].says[j]) != NULL,
			    "%s: \"%s\" does not say \"%s\"", mistakes[i].line, o.error,
			    mistakes[i].says[j]);
		CHECK(mistakes[i].never == NULL || strstr(o.error, mistakes[i].never) == NULL,
		    "%s: \"%s\"", mistakes[i].line, o.error);
		CHECK(strchr(o.error, '\n') == NULL);
	}
}

/* A value of any length makes one line that fits. */
static void
test_long_value(void)
{
	static char word[5000], option[] = "-b", name[] = "tool";
	char *argv[] = {name, option, word, NULL};
	const struct option_row none[] = {{0}};
	struct options_tool tool = {.name = "tool", .rows = none};
	struct options o;

	memset(word, 'x', sizeof(word) - 1);
	CHECK(options_parse(&o, 3, argv, &tool) == -1);
	CHECK(strlen(o.error) == OPTIONS_ERROR_SIZE - 1);
}

/* Each kind of value: the smallest, the largest, and what is refused. */
static const struct {
	const char *line;
	const char *error; /* NULL: it is taken */
} values[] = {
    {"-j 1", NULL},
    {"-j 100", NULL},
    {"-j 101", "-j 101: expected a whole number from 1 to 100"},
    {"--window 0 --wait 1s", NULL},
    {"--window -1", "--window -1: expected a whole number from 0 to 1000"},
    {"--size 1", NULL},
    {"--size 4194304T", NULL},
    {"--size 0", "--size 0: expected a size such as 4096, 64K or 16M (K M G T, binary)"},
    {"--max-record 2097151T", NULL},
    {"--max-record 2097152T", "--max-record 2097152T: expected a size that fits into memory"},
    {"--grace 0", NULL},
    {"--wait 1ns", NULL},
    {"--wait 0", "--wait 0: expected a duration above 0"},
    {"--wait 1", "--wait 1: expected a duration such as 250ms, 2s or 1m30s (ns us ms s m h d)"},
    {"--to x", NULL},
    {"--to=", "--to : expected a text that is not empty"},
    {"--key .", NULL},
    {"--key .a --key .b", NULL},
    {"--key id", "--key id: expected a path such as .user.id (it must begin with a dot)"},
    {"--key .a --key id", "--key id: expected a path such as .user.id (it must begin with a dot)"},
    {"--color red", NULL},
    {"--color Red", "--color Red: expected red, green or blue"},
    {"--color gree", "--color gree: expected red, green or blue"},
    {"--color=", "--color : expected red, green or blue"},
    {"--even 2", NULL},
    {"--even 3", "--even 3: expected an even number"},
    {"--even 1000", "--even 1000: out of memory"},
    {"--known 2 command", NULL},
    {"--known 3", "--known 3: expected an even number"},
    {"--known 4", "--known 4: expected 2 or 3"},
};

static void
test_values(void)
{
	struct options o;
	struct own own;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		int at = parse(&o, &own, values[i].line);

		CHECK((at == -1) == (values[i].error != NULL), "%s: %s", values[i].line, o.error);
		CHECK(values[i].error == NULL || strcmp(o.error, values[i].error) == 0, "%s: %s",
		    values[i].line, o.error);
		json_path_free(own.key);
	}
}

/* Values end up in their fields, in full width. */
static void
test_fields(void)
{
	struct json_slice found;
	struct options o;
	struct own own;

	CHECK(parse(&o, &own, "-j 7 --window 9 --wait 2ms -k --size 4194304T --key .a --key .b") ==
	    14);
	CHECK(own.jobs == 7 && own.window == 9 && own.wait == 2 * CLOCK_MS && own.keep &&
	    own.size == UINT64_C(1) << 62);
	CHECK(json_path_get(own.key, "{\"b\":1}", 7, &found), "the last one counts");
	json_path_free(own.key);
	CHECK(own.to == NULL && own.color == BLUE && own.even == 0, "the rest is left alone");
	CHECK(parse(&o, &own, "--color green --even 2 --even 4 --known 2 command") == 9);
	CHECK(own.color == GREEN && own.even == 6 && own.known == 2);
	CHECK(parse(&o, &own, "--color red --color=blue") == 4 && own.color == BLUE);
	own = (struct own){0};
	CHECK(parse_as(&o, &own, "paint", "FILE", "--limit 9223372036854775807") == 3);
	CHECK(own.limit == INT64_MAX);
}

static const struct {
	const char *line;
	const char *error; /* NULL: it goes together */
} combinations[] = {
    {"-j 1", NULL},
    {"-k -j 1", NULL},
    {"-j 1 --keep", NULL},
    {"-k", "-k needs -j"},
    {"--keep", "-k needs -j"},
    {"--window 0", "--window needs --wait: nothing waits without it"},
    {"--to x", NULL},
    {"--even 0", NULL},
    {"--even 0 --to x", "--to does not go with --even"},
    {"-R --color red", "--color does not go with -R: plain lines have none"},
    {"--raw --color red", "--color does not go with -R: plain lines have none"},
    {"--known 2", "--known needs a command: it has to be known by somebody"},
    {"--known 2 -- x", NULL},
    {"--size 1", NULL},
    {"--size 1 x", "--size does not go with a command"},
    {"--never", "--never does not go with tool: it always does"},
    {"--limit 1", "--limit needs paint"},
    {"-k -h", NULL},
};

static void
test_rules(void)
{
	struct options o;
	struct own own;

	for (size_t i = 0; i < sizeof(combinations) / sizeof(combinations[0]); i++) {
		const char *error = combinations[i].error;
		int at = parse(&o, &own, combinations[i].line);

		CHECK((at == -1) == (error != NULL), "%s: %s", combinations[i].line, o.error);
		CHECK(error == NULL || strcmp(o.error, error) == 0, "%s: %s", combinations[i].line,
		    o.error);
		free(o.answer);
	}
}

/* A command of the tool's own has no common options, and operands anywhere. */
static void
test_command(void)
{
	struct own own = {0};
	struct options o;

	CHECK(parse_as(&o, &own, "paint", "FILE", "a -j 2 b --limit 3") == 5);
	CHECK(own.jobs == 2 && own.limit == 3);
	CHECK(parse_as(&o, &own, "draw", "FILE", "a --limit 3") == -1);
	CHECK(strcmp(o.error, "--limit needs paint") == 0, "%s", o.error);
	CHECK(parse_as(&o, &own, "paint", "FILE", "a -R") == -1);
	CHECK(parse_as(&o, &own, "paint", "FILE", "a --buffer 3") == -1);
	CHECK(parse_as(&o, &own, "paint", "FILE", "a -V") >= 1 && o.answer != NULL);
	free(o.answer);
}

static void
test_no_operands(void)
{
	struct own own = {0};
	struct options o;

	CHECK(parse_as(&o, &own, NULL, NULL, "-j 2") == 3);
	CHECK(parse_as(&o, &own, NULL, NULL, "-j 2 file") == -1);
	CHECK(strcmp(o.error, "unexpected operand file: the input is standard input") == 0, "%s",
	    o.error);
}

int
main(void)
{
	test_defaults();
	test_all();
	test_operands();
	test_answers();
	test_mistakes();
	test_values();
	test_fields();
	test_rules();
	test_command();
	test_no_operands();
	test_long_value();
	return t_end();
}
