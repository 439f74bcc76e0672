#include "stage/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "base/version.h"
#include "json/json.h"

#define ENTRIES_MAX 48    /* options and stand-ins of a tool */
#define NAME_SIZE 32      /* "--max-record" */
#define EXPECTED_SIZE 256 /* a list of names */
#define LONG_CODE 256     /* of row 0's long option; a letter is its own code */

/* What --help says about the options that mean the same in every tool. */
static const char common_help[] =
    "      --max-record SIZE  longest record (default 16M)\n"
    "      --ack              acknowledge marks here, though the output is a pipe\n"
    "      --grace D          time to finish after a signal (default 5s)\n"
    "  -P, --progress         show progress on the terminal\n"
    "  -q, --quiet            print no summary of failures\n"
    "  -v, --verbose          end with a line of totals\n"
    "  -h, --help             print this text\n"
    "  -V, --version          print the version\n";

/*
 * All that may be given on the command line: the options, as rows and in the
 * form of getopt_long(3), and after them what stands for an option in a rule.
 */
struct table {
	size_t n;
	struct option_row row[ENTRIES_MAX];
	char name[ENTRIES_MAX][NAME_SIZE]; /* in messages: "-j", "--window" */
	bool given[ENTRIES_MAX];
	struct option longopts[ENTRIES_MAX + 1];
	char shortopts[2 * ENTRIES_MAX + sizeof("+:")];
	bool help, version;
};

static int __attribute__((format(printf, 2, 3)))
set_error(struct options *o, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(o->error, sizeof(o->error), format, args);
	va_end(args);
	return -1;
}

static void
add_rows(struct table *t, const struct option_row *row)
{
	for (; row->name != NULL && t->n < ENTRIES_MAX; row++) {
		bool has_value = row->kind != OPTION_FLAG;
		char letter[] = {row->letter, has_value ? ':' : '\0', '\0'};

		if (row->letter != '\0')
			snprintf(t->name[t->n], NAME_SIZE, "-%c", row->letter);
		else
			snprintf(t->name[t->n], NAME_SIZE, "--%s", row->name);
		strlcat(t->shortopts, letter, sizeof(t->shortopts));
		t->longopts[t->n] = (struct option){row->name,
		    has_value ? required_argument : no_argument, NULL, LONG_CODE + (int)t->n};
		t->row[t->n++] = *row;
	}
}

/* The options that all tools share; a command of the tool's own has fewer. */
static void
add_common_rows(struct table *t, struct options *o, bool is_command)
{
	const struct option_row of_stages[] = {
	    {'n', "name", OPTION_TEXT, OPTION_FIELD(o->name)},
	    {'b', "buffer", OPTION_NUMBER, OPTION_FIELD(o->buffer), 0, 1 << 20},
	    {'d', "dead-letter", OPTION_TEXT, OPTION_FIELD(o->dead_letter)},
	    {'R', "raw", OPTION_FLAG, OPTION_FIELD(o->raw)},
	    {0, "max-record", OPTION_SIZE, OPTION_FIELD(o->max_record), 1, SIZE_MAX / 8},
	    {0, "no-bypass", OPTION_FLAG, OPTION_FIELD(o->no_bypass)},
	    {0, "ack", OPTION_FLAG, OPTION_FIELD(o->ack)},
	    {0, "grace", OPTION_DURATION, OPTION_FIELD(o->grace)},
	    {'P', "progress", OPTION_FLAG, OPTION_FIELD(o->progress)},
	    {'q', "quiet", OPTION_FLAG, OPTION_FIELD(o->quiet)},
	    {'v', "verbose", OPTION_FLAG, OPTION_FIELD(o->verbose)},
	    {0},
	};
	const struct option_row of_all[] = {
	    {'h', "help", OPTION_FLAG, OPTION_FIELD(t->help)},
	    {'V', "version", OPTION_FLAG, OPTION_FIELD(t->version)},
	    {0},
	};

	if (!is_command)
		add_rows(t, of_stages);
	add_rows(t, of_all);
}

/* What is no option, but may stand for one in a rule. */
static void
add_stand_in(struct table *t, const char *name, bool given)
{
	if (name == NULL || t->n == ENTRIES_MAX)
		return;
	snprintf(t->name[t->n], NAME_SIZE, "%s", name);
	t->given[t->n++] = given;
}

/* The rules of the options that all tools share. */
static const struct option_rule common_rules[] = {
    {"--ack", OPTION_EXCLUDES, "--no-bypass", "then marks are data, and nobody waits for them"},
    {0},
};

/* The index of the row that getopt_long(3) returned the code of. */
static size_t
find_row(const struct table *t, int code)
{
	size_t i = 0;

	if (code >= LONG_CODE)
		return (size_t)(code - LONG_CODE);
	while (t->row[i].letter != code)
		i++;
	return i;
}

/* The index of the value among the names; -1 and *why if it is none of them. */
static int
find_name(const char *const *names, const char *value, char *expected, const char **why)
{
	*expected = '\0';
	for (int i = 0; names[i] != NULL; i++) {
		if (strcmp(value, names[i]) == 0)
			return i;
		if (i > 0)
			strlcat(expected, names[i + 1] != NULL ? ", " : " or ", EXPECTED_SIZE);
		strlcat(expected, names[i], EXPECTED_SIZE);
	}
	*why = expected;
	return -1;
}

/* A new path takes the place of an earlier one. */
static int
set_path(struct json_path **field, const char *value, char *expected, const char **why)
{
	struct json_path *path;
	const char *wrong;

	errno = 0;
	if ((path = json_path_new(value, &wrong)) == NULL) {
		snprintf(expected, EXPECTED_SIZE, "a path such as .user.id (%s)", wrong);
		*why = errno == ENOMEM ? NULL : expected;
		return -1;
	}
	json_path_free(*field);
	*field = path;
	return 0;
}

/*
 * Stores the value in the row's field.  Returns 0, or -1 and *why: what is
 * expected, a static text or one in the buffer; NULL: out of memory.
 */
static int
set_field(const struct option_row *row, const char *value, char *expected, const char **why)
{
	void *field = row->field;
	uint64_t size;
	int64_t n;
	int index = 0;

	*why = NULL;
	if (row->names != NULL && (index = find_name(row->names, value, expected, why)) == -1)
		return -1;
	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)field = true;
		return 0;
	case OPTION_NUMBER:
		if (units_number(value, row->min, row->max, &n, why) == -1)
			return -1;
		if (row->size == sizeof(uint32_t))
			*(uint32_t *)field = (uint32_t)n;
		else
			*(uint64_t *)field = (uint64_t)n;
		return 0;
	case OPTION_SIZE:
		if (units_size(value, &size, why) == -1)
			return -1;
		*why = "a size that fits into memory";
		if (row->max != 0 && size > (uint64_t)row->max)
			return -1;
		*(uint64_t *)field = size;
		return 0;
	case OPTION_DURATION:
		if (units_duration(value, &n, why) == -1)
			return -1;
		*why = "a duration above 0";
		if (n < row->min)
			return -1;
		*(int64_t *)field = n;
		return 0;
	case OPTION_TEXT:
		*why = "a text that is not empty";
		if (*value == '\0')
			return -1;
		*(const char **)field = value;
		return 0;
	case OPTION_PATH:
		return set_path(field, value, expected, why);
	case OPTION_CHOICE:
		*(unsigned *)field = (unsigned)index;
		return 0;
	case OPTION_FUNCTION:
		return row->parse(field, value, why);
	}
	return 0;
}

/* How many long options begin like this word. */
static int
count_alike(const struct option *longopts, const char *word)
{
	size_t len = strcspn(word + 2, "=");
	int n = 0;

	for (; longopts->name != NULL; longopts++)
		n += strncmp(longopts->name, word + 2, len) == 0;
	return n;
}

/*
 * Says what getopt_long(3) objected to with '?' or ':'.  Its optopt is 0 for an
 * unknown or ambiguous word, and the code of a word whose value is wrong.
 */
static int
explain_objection(struct options *o, char **argv, const struct table *t, int objection)
{
	char letter[] = {'-', (char)optopt, '\0'};
	bool is_word = optopt == 0 || optopt >= LONG_CODE;
	const char *name = is_word ? argv[optind - 1] : letter;

	if (objection == ':')
		return set_error(o, "%s: the value is missing; --help lists the options", name);
	if (is_word && optopt != 0)
		return set_error(o, "%s: the option takes no value", name);
	if (is_word && count_alike(t->longopts, name) > 1)
		return set_error(o, "%s: more than one option begins like this", name);
	return set_error(o, "unknown option %s; --help lists the options", name);
}

static bool
is_given(const struct table *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->name[i], name) == 0)
			return t->given[i];
	return false;
}

/* The first rule that is broken is reported. */
static int
check_rules(struct options *o, const struct table *t, const struct option_rule *rule)
{
	for (; rule != NULL && rule->option != NULL; rule++) {
		bool needs = rule->relation == OPTION_NEEDS;

		if (is_given(t, rule->option) && is_given(t, rule->other) != needs)
			return set_error(o, "%s %s %s%s%s", rule->option,
			    needs ? "needs" : "does not go with", rule->other,
			    rule->why != NULL ? ": " : "", rule->why != NULL ? rule->why : "");
	}
	return 0;
}

/* Stores the values up to the first operand, --help or --version. */
static int
parse_rows(struct options *o, int argc, char **argv, struct table *t)
{
	char expected[EXPECTED_SIZE];
	const char *why;
	int code;

	opterr = 0;
	optind = 0; /* getopt_long(3) forgets an earlier command line */
	while (!t->help && !t->version &&
	    (code = getopt_long(argc, argv, t->shortopts, t->longopts, NULL)) != -1) {
		size_t i;

		if (code == '?' || code == ':')
			return explain_objection(o, argv, t, code);
		i = find_row(t, code);
		t->given[i] = true;
		if (set_field(&t->row[i], optarg, expected, &why) == 0)
			continue;
		return set_error(o, "%s %s: %s%s", t->name[i], optarg,
		    why != NULL ? "expected " : "", why != NULL ? why : "out of memory");
	}
	return 0;
}

int
options_parse(struct options *o, int argc, char **argv, const struct options_tool *tool)
{
	struct table t = {0};
	int n = 0;

	/* '+': stop at the first operand; ':': report a missing value. */
	strlcpy(
	    t.shortopts, tool->command == NULL && !tool->files ? "+:" : ":", sizeof(t.shortopts));
	*o = (struct options){
	    .argv = argv, .buffer = 1024, .max_record = 16 << 20, .grace = 5 * CLOCK_S};
	add_common_rows(&t, o, tool->command != NULL);
	add_rows(&t, tool->rows);
	if (parse_rows(o, argc, argv, &t) == -1)
		return -1;
	if (t.help)
		n = asprintf(&o->answer, "%s%s", tool->help, common_help);
	else if (t.version)
		n = asprintf(&o->answer, "%s %s\n", tool->name, PCHAN_VERSION);
	if (n == -1)
		return set_error(o, "out of memory");
	if (t.help || t.version)
		return optind;
	if (tool->operands == NULL && optind < argc)
		return set_error(
		    o, "unexpected operand %s: the input is standard input", argv[optind]);
	add_stand_in(&t, tool->name, true);
	add_stand_in(&t, tool->command, true);
	add_stand_in(&t, tool->operands, optind < argc);
	if (check_rules(o, &t, tool->rules) == -1 || check_rules(o, &t, common_rules) == -1)
		return -1;
	return optind;
}
