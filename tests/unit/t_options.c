#include "stage/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "t.h"

#define ARGS_MAX 24

/* A tool with -j N, --window N, -k and --to TEXT. */
struct own {
	int jobs, window, keep, to;
};

enum { WINDOW = OPTIONS_TOOL, TO };

static int
take_own(void *arg, int option, const char *value, const char **why)
{
	struct own *o = arg;

	switch (option) {
	case 'j':
		o->jobs = atoi(value);
		*why = "a number";
		return o->jobs > 0 ? 0 : -1;
	case WINDOW:
		o->window = atoi(value);
		*why = "a number of records";
		return o->window > 0 ? 0 : -1;
	case TO:
		o->to++;
		return 0;
	case 'k':
		o->keep++;
		*why = "once is enough";
		return o->keep > 1 ? -1 : 0;
	}
	return -1;
}

static const struct option own_words[] = {
    {"jobs", required_argument, NULL, 'j'},
    {"window", required_argument, NULL, WINDOW},
    {"keep", no_argument, NULL, 'k'},
    {"to", required_argument, NULL, TO},
    {NULL, 0, NULL, 0},
};

/* Parses words that are separated by blanks ('' is an empty one). */
static int
parse(struct options *o, struct own *own, const char *line)
{
	static char copy[512];
	struct options_tool tool = {
	    .letters = "j:k", .words = own_words, .take = take_own, .arg = own};
	char *argv[ARGS_MAX + 1], *save = NULL;
	int argc = 0;

	*own = (struct own){0};
	memset(o, 0xff, sizeof(*o));
	snprintf(copy, sizeof(copy), "tool %s", line);
	for (char *w = strtok_r(copy, " ", &save); w != NULL && argc < ARGS_MAX;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = strcmp(w, "''") == 0 ? w + 2 : w;
	argv[argc] = NULL;
	/* A tool parses once; forget what an earlier one has left in getopt(3). */
	optind = 0;
	getopt_long(1, argv, "+", own_words, NULL);
	return options_parse(o, argc, argv, &tool);
}

static void
test_defaults(void)
{
	struct options o;
	struct own own;

	CHECK(parse(&o, &own, "") == 1);
	CHECK(o.name == NULL && o.buffer == 1024 && o.dead_letter == NULL && !o.raw &&
	    o.max_record == 16 << 20 && !o.no_bypass && o.grace == 5 * CLOCK_S && !o.progress &&
	    !o.quiet && !o.verbose && !o.help && !o.version && o.error[0] == '\0');
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
	CHECK(own.jobs == 3 && own.keep == 1);
	CHECK(parse(&o, &own,
		  "--name=x --buffer=7 --dead-letter=f --raw --progress --quiet --verbose "
		  "--jobs=2") == 9);
	CHECK(strcmp(o.name, "x") == 0 && o.buffer == 7 && strcmp(o.dead_letter, "f") == 0 &&
	    o.raw && o.progress && o.quiet && o.verbose && own.jobs == 2);
	CHECK(parse(&o, &own, "-RPqvkj4 -b1048576") == 3);
	CHECK(o.raw && o.progress && o.quiet && o.verbose && own.keep == 1 && own.jobs == 4 &&
	    o.buffer == 1 << 20);
	CHECK(parse(&o, &own, "-n a -n b") == 5 && strcmp(o.name, "b") == 0, "the last one counts");
	CHECK(parse(&o, &own, "--window 5 --to a --to b") == 7 && own.window == 5 && own.to == 2);
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
	CHECK(parse(&o, &own, "-h --nonsense") >= 1 && o.help);
	CHECK(parse(&o, &own, "--version -b x") >= 1 && o.version);
}

/* Each names the option as it is called, the value, and what would be allowed. */
static const struct {
	const char *line;
	const char *says[3];
	const char *never;
} mistakes[] = {
    {"-Z", {"-Z", "--help"}, NULL},
    {"--nonsense", {"--nonsense", "--help"}, NULL},
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
    {"-b x", {"-b x", "want"}, NULL},
    {"-b -1", {"-b -1", "want", "1048576"}, NULL},
    {"-b 1048577", {"-b 1048577", "want", "1048576"}, NULL},
    {"--buffer=1k", {"-b 1k", "want"}, NULL},
    {"--grace 5", {"--grace 5", "want", "250ms"}, NULL},
    {"--grace -5s", {"--grace -5s", "want"}, NULL},
    {"--max-record 0", {"--max-record 0", "want"}, NULL},
    {"--max-record 9999999T", {"--max-record 9999999T", "want"}, NULL},
    {"-j 0", {"-j 0", "want a number"}, NULL},
    {"--jobs=0", {"-j 0", "want a number"}, NULL},
    {"--window 0", {"--window 0", "want a number of records"}, NULL},
    {"-kk", {"-k: once is enough"}, NULL},
    {"--raw=yes", {"--raw"}, "there is no option"},
    {"--n", {"--n"}, "there is no option"},
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
	struct own own = {0};
	struct options o;
	struct options_tool tool = {
	    .letters = "j:k", .words = own_words, .take = take_own, .arg = &own};

	memset(word, 'x', sizeof(word) - 1);
	CHECK(options_parse(&o, 3, argv, &tool) == -1);
	CHECK(strlen(o.error) == OPTIONS_ERROR_SIZE - 1);
}

static void
test_path(void)
{
	struct json_path *path = NULL;
	const char *why = NULL;

	CHECK(options_path(&path, ".a", &why) == 0 && path != NULL);
	CHECK(options_path(&path, ".b.c", &why) == 0 && path != NULL, "the last one counts");
	CHECK(options_path(&path, "id", &why) == -1 && path == NULL);
	CHECK(strcmp(why, "a path such as .user.id (it must begin with a dot)") == 0, "%s", why);
}

static void
test_choice(void)
{
	static const char *const three[] = {"wait", "dead-letter", "drop", NULL},
				 *const one[] = {"x", NULL};
	const char *why = NULL;
	int choice = 7;

	CHECK(options_choice(&choice, three, "drop", &why) == 0 && choice == 2);
	CHECK(options_choice(&choice, three, "wait", &why) == 0 && choice == 0);
	CHECK(options_choice(&choice, three, "dead", &why) == -1 && choice == 0);
	CHECK(strcmp(why, "wait, dead-letter or drop") == 0, "%s", why);
	CHECK(options_choice(&choice, one, "", &why) == -1 && strcmp(why, "x") == 0, "%s", why);
}

int
main(void)
{
	test_defaults();
	test_all();
	test_operands();
	test_mistakes();
	test_long_value();
	test_path();
	test_choice();
	return t_end();
}
