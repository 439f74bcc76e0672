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
#include "stage/complete.h"
#include "stage/help.h"
#include "stage/optable.h"
#include "stage/suggest.h"

#define MEANT_SIZE 64     /* "-a, --attempts" */
#define EXPECTED_SIZE 256 /* a list of names */
#define LONG_CODE 256     /* of the first long option; a letter is its code */

/* The options in the form of getopt_long(3), and what it found. */
struct getopts {
	struct option longopts[OPTABLE_MAX + 1];
	char shortopts[2 * OPTABLE_MAX + sizeof("+:")];
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

/* The levels of --trace, as enum trace_level has them. */
static const char *const levels[] = {
    [TRACE_OFF] = "off", [TRACE_RUN] = "run", [TRACE_RECORDS] = "records", NULL};

/* The options that all tools share; a command of the tool's own has fewer. */
static void
add_common(struct optable *t, struct options *o, struct getopts *g, const struct options_tool *tool)
{
	const struct option_row of_stages[] = {
	    {'n', "name", "STAGE", "name of the stage (default: the tool's)", OPTION_TEXT,
		OPTION_FIELD(o->name)},
	    {'b', "buffer", "N", "capacity of each channel, in records (default 1024)",
		OPTION_NUMBER, OPTION_FIELD(o->buffer), 0, 1 << 20},
	    {'d', "dead-letter", "FILE", "append dead letters to FILE instead of the output",
		OPTION_TEXT, OPTION_FIELD(o->dead_letter)},
	    {'R', "raw", NULL, "records are plain lines, not JSON", OPTION_FLAG,
		OPTION_FIELD(o->raw)},
	    {0, "no-bypass", NULL, "treat dead letters in the input as data", OPTION_FLAG,
		OPTION_FIELD(o->no_bypass)},
	    {0, "ack", NULL, "acknowledge marks here, though the output is a pipe", OPTION_FLAG,
		OPTION_FIELD(o->ack)},
	    {0, "trace", "[=WHAT]",
		"write spans: of the run, or of records, too (default: records)", OPTION_CHOICE,
		OPTION_FIELD(o->trace), .names = levels, .alone = "records"},
	    {0, "trace-file", "FILE", "append spans to FILE, which several stages may share",
		OPTION_TEXT, OPTION_FIELD(o->trace_file)},
	    {0, "max-record", "SIZE", "longest record (default 16M)", OPTION_SIZE,
		OPTION_FIELD(o->max_record), 1, SIZE_MAX / 8},
	    {0, "grace", "D", "time to finish after a signal (default 5s)", OPTION_DURATION,
		OPTION_FIELD(o->grace)},
	    {'P', "progress", NULL, "show progress on the terminal", OPTION_FLAG,
		OPTION_FIELD(o->progress)},
	    {'q', "quiet", NULL, "print no summary of failures", OPTION_FLAG,
		OPTION_FIELD(o->quiet)},
	    {'v', "verbose", NULL, "end with a line of totals", OPTION_FLAG,
		OPTION_FIELD(o->verbose)},
	    {0},
	};
	const struct option_row of_all[] = {
	    {'h', "help", NULL, "print this text", OPTION_FLAG, OPTION_FIELD(g->help)},
	    {'V', "version", NULL, "print the version", OPTION_FLAG, OPTION_FIELD(g->version)},
	    {0},
	};

	if (tool->command == NULL)
		optable_add_common(t, of_stages, tool->rows);
	optable_add_common(t, of_all, tool->rows);
}

/* Options of the tool's own come first, as in --help. */
static void
fill_table(struct optable *t, struct options *o, struct getopts *g, const struct options_tool *tool)
{
	optable_add(t, tool->rows);
	add_common(t, o, g, tool);
	optable_add_stand_in(t, tool->name, true);
	if (tool->command != NULL)
		optable_add_stand_in(t, tool->command->name, true);
	optable_add_stand_in(t, tool->operands, false);
}

static void
fill_getopts(struct getopts *g, const struct optable *t, const struct options_tool *tool)
{
	/* '+': stop at the first operand; ':': report a missing value. */
	strlcpy(g->shortopts, tool->command == NULL && tool->operand != OPERAND_FILE ? "+:" : ":",
	    sizeof(g->shortopts));
	for (size_t i = 0; i < t->options; i++) {
		const struct option_row *row = &t->row[i];
		int value = row->kind == OPTION_FLAG ? no_argument
		    : row->alone != NULL             ? optional_argument
						     : required_argument;
		char letter[] = {row->letter, value == required_argument ? ':' : '\0', '\0'};

		strlcat(g->shortopts, letter, sizeof(g->shortopts));
		g->longopts[i] = (struct option){row->name, value, NULL, LONG_CODE + (int)i};
	}
}

/* The rules of the options that all tools share. */
static const struct option_rule common_rules[] = {
    {"--ack", OPTION_EXCLUDES, "--no-bypass", "then marks are data, and nobody waits for them"},
    {0},
};

/* The index of the row that getopt_long(3) returned the code of. */
static size_t
find_row(const struct optable *t, int code)
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
	case OPTION_COMMON:
		break;
	}
	return 0;
}

/* The long options that begin like this word, if there are several. */
static bool
list_alike(const struct optable *t, const char *word, char *list, size_t size)
{
	size_t len = strcspn(word + 2, "=");
	int n = 0;

	*list = '\0';
	for (size_t i = 0; i < t->options; i++) {
		if (strncmp(t->row[i].name, word + 2, len) != 0)
			continue;
		strlcat(list, n++ > 0 ? ", --" : "--", size);
		strlcat(list, t->row[i].name, size);
	}
	return n > 1;
}

/* An unknown option; or a digit behind a flag: -P4. */
static int
explain_unknown(
    struct options *o, const struct options_tool *tool, const struct optable *t, const char *name)
{
	char meant[MEANT_SIZE], flag[] = {'-', '\0', '\0'};

	for (size_t i = 0; name[1] >= '0' && name[1] <= '9' && i < t->options; i++) {
		flag[1] = t->row[i].letter;
		if (t->given[i] && suggest_number(tool, t, flag, meant, sizeof(meant)))
			return set_error(
			    o, "%s takes no number here (did you mean %s?)", flag, meant);
	}
	if (suggest_option(tool, t, name, meant, sizeof(meant)))
		return set_error(o, "unknown option %s (did you mean %s?)", name, meant);
	return set_error(o, "unknown option %s; --help lists the options", name);
}

/* An operand where there is none, or a word that is no command. */
static int
explain_operand(struct options *o, const struct options_tool *tool, const char *word)
{
	const struct options_command *command;

	if (tool->commands == NULL)
		return set_error(o, "unexpected operand %s: the input is standard input", word);
	if ((command = suggest_command(tool, word)) == NULL)
		return set_error(o, "no such command: %s; --help lists them", word);
	if (strcmp(command->name, word) == 0)
		return set_error(o, "%s: the command comes before all options", word);
	return set_error(o, "no such command: %s (did you mean %s?)", word, command->name);
}

/* "-P 4", where -P is a flag of ours, and 4 would be a command. */
static int
check_number(
    struct options *o, const struct options_tool *tool, const struct optable *t, char **argv)
{
	const char *word = argv[optind];
	char meant[MEANT_SIZE];

	if (optind < 2 || word == NULL || word[strspn(word, "0123456789")] != '\0' ||
	    !suggest_number(tool, t, argv[optind - 1], meant, sizeof(meant)))
		return 0;
	return set_error(o, "%s takes no number here (did you mean %s?)", argv[optind - 1], meant);
}

/*
 * Says what getopt_long(3) objected to with '?' or ':'.  Its optopt is 0 for an
 * unknown or ambiguous word, and the code of a word whose value is wrong.
 */
static int
explain_objection(struct options *o, char **argv, const struct options_tool *tool,
    const struct optable *t, int objection)
{
	char letter[] = {'-', (char)optopt, '\0'};
	bool is_word = optopt == 0 || optopt >= LONG_CODE;
	const char *name = is_word ? argv[optind - 1] : letter;
	char list[EXPECTED_SIZE];

	if (objection == ':')
		return set_error(o, "%s: the value is missing; --help lists the options", name);
	if (is_word && optopt != 0)
		return set_error(o, "%s: the option takes no value", name);
	if (is_word && list_alike(t, name, list, sizeof(list)))
		return set_error(o, "%s: more than one option begins like this: %s", name, list);
	return explain_unknown(o, tool, t, name);
}

/* The first rule that is broken is reported. */
static int
check_rules(struct options *o, const struct optable *t, const struct option_rule *rules)
{
	const struct option_rule *rule = optable_broken(t, rules);

	if (rule == NULL)
		return 0;
	return set_error(o, "%s %s %s%s%s", rule->option,
	    rule->relation == OPTION_NEEDS ? "needs" : "does not go with", rule->other,
	    rule->why != NULL ? ": " : "", rule->why != NULL ? rule->why : "");
}

/* Stores the values up to the first operand, --help or --version. */
static int
parse_rows(struct options *o, int argc, char **argv, const struct options_tool *tool,
    struct optable *t, struct getopts *g)
{
	char expected[EXPECTED_SIZE];
	const char *why, *value;
	int code;

	opterr = 0;
	optind = 0; /* getopt_long(3) forgets an earlier command line */
	while (!g->help && !g->version &&
	    (code = getopt_long(argc, argv, g->shortopts, g->longopts, NULL)) != -1) {
		size_t i;

		if (code == '?' || code == ':')
			return explain_objection(o, argv, tool, t, code);
		i = find_row(t, code);
		t->given[i] = true;
		value = optarg != NULL ? optarg : t->row[i].alone;
		if (set_field(&t->row[i], value, expected, &why) == 0)
			continue;
		return set_error(o, "%s %s: %s%s", t->name[i], value,
		    why != NULL ? "expected " : "", why != NULL ? why : "out of memory");
	}
	return 0;
}

/* The text is what is printed; NULL: there is no memory for it. */
static int
set_answer(struct options *o, char *text)
{
	o->answer = text;
	return text != NULL ? optind : set_error(o, "out of memory");
}

static char *
version_text(const struct options_tool *tool)
{
	char *text;

	return asprintf(&text, "%s %s\n", tool->name, PCHAN_VERSION) == -1 ? NULL : text;
}

bool
options_complete(int argc, char **argv)
{
	return argc > 1 && strcmp(argv[1], "--complete") == 0;
}

int
options_parse(struct options *o, int argc, char **argv, const struct options_tool *tool)
{
	struct optable t = {0};
	struct getopts g = {0};

	*o = (struct options){.argv = argv,
	    .buffer = 1024,
	    .max_record = 16 << 20,
	    .grace = 5 * CLOCK_S,
	    .trace = TRACE_UNSET};
	fill_table(&t, o, &g, tool);
	if (options_complete(argc, argv))
		return set_answer(o, complete_text(tool, &t, argv + 2, (size_t)argc - 2));
	fill_getopts(&g, &t, tool);
	if (parse_rows(o, argc, argv, tool, &t, &g) == -1)
		return -1;
	if (g.help || g.version)
		return set_answer(o, g.help ? help_text(tool, &t) : version_text(tool));
	if (tool->operands == NULL && optind < argc)
		return explain_operand(o, tool, argv[optind]);
	if (check_number(o, tool, &t, argv) == -1)
		return -1;
	if (tool->operands != NULL)
		t.given[t.n - 1] = optind < argc;
	o->plain = o->raw;
	if (o->trace == TRACE_OFF && o->trace_file != NULL)
		return set_error(o, "--trace-file does not go with --trace=off");
	if (check_rules(o, &t, tool->rules) == -1 || check_rules(o, &t, common_rules) == -1)
		return -1;
	return optind;
}
