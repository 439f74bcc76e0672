/* What is offered for a word that is being typed. */

#include "stage/complete.h"

#include <stdlib.h>
#include <string.h>

#include "stage/optable.h"
#include "stage/options.h"
#include "t.h"

#define WORDS_MAX 16

static const char *const colors[] = {"red", "blue", NULL};

static const struct option_row rows[] = {
    {'k', "keep", NULL, "keep all: none is lost", OPTION_FLAG, .field = NULL},
    {'j', "jobs", "N", "jobs (default 1)", OPTION_NUMBER, .field = NULL},
    {0, "to", "FILE", "where to; or nowhere", OPTION_TEXT, .field = NULL},
    {0, "color", "COLOR", "which one", OPTION_CHOICE, .field = NULL, .names = colors},
    {0, "keep-color", NULL, "keep it", OPTION_FLAG, .field = NULL},
    {0},
};

static const struct option_rule rules[] = {
    {"--color", OPTION_EXCLUDES, "-k", NULL},
    {"--to", OPTION_EXCLUDES, "a command", NULL},
    {0},
};

static const struct options_command commands[] = {
    {"paint", "", "paint it (twice)"}, {"draw", "", "draw it"}, {0}};

#define ALL "-k --keep -j --jobs --to --color --keep-color"

/* The words are separated by one blank; the last one may be empty. */
static const struct {
	enum operand_kind operand;
	bool has_commands;
	const char *line, *offered;
} lines[] = {
    {OPERAND_NONE, false, "-", ALL},
    {OPERAND_NONE, false, "--k", ALL},
    {OPERAND_NONE, false, "", ALL},
    {OPERAND_NONE, false, "-k ", "-k --keep -j --jobs --to --keep-color"},
    {OPERAND_NONE, false, "--color red -", "-j --jobs --to --color --keep-color"},
    {OPERAND_NONE, false, "-j ", ""},
    {OPERAND_NONE, false, "-j -", ""},
    {OPERAND_NONE, false, "-j3 -kj -", ""},
    {OPERAND_NONE, false, "-kj 4 --keep-", "-k --keep -j --jobs --to --keep-color"},
    {OPERAND_NONE, false, "-x --bogus -j3 -kj 4 x -", "-k --keep -j --jobs --to --keep-color"},
    {OPERAND_NONE, false, "--color ", "red blue"},
    {OPERAND_NONE, false, "--colo ", "red blue"},
    {OPERAND_NONE, false, "--color=", "red blue"},
    {OPERAND_NONE, false, "--color=r", "red blue"},
    {OPERAND_NONE, false, "--color=red --to ", ":files"},
    {OPERAND_NONE, false, "--to=x", ":files"},
    {OPERAND_NONE, false, "-- ", ""},
    {OPERAND_NONE, false, "-- -", ""},
    {OPERAND_COMMAND, false, "", ":command 0"},
    {OPERAND_COMMAND, false, "-", ALL},
    {OPERAND_COMMAND, false, "-j 3 ", ":command 2"},
    {OPERAND_COMMAND, false, "-j 3 cmd -", ":command 2"},
    {OPERAND_COMMAND, false, "-k -- cmd -k -- -j ", ":command 2"},
    {OPERAND_COMMAND, false, "-k -- -", ":command 2"},
    {OPERAND_COMMAND, false, "--to x ", "-k --keep -j --jobs --to --color --keep-color"},
    {OPERAND_FILE, false, "", ":files"},
    {OPERAND_FILE, false, "a b -k ", ":files"},
    {OPERAND_FILE, false, "a -", ALL},
    {OPERAND_FILE, false, "a -- b -", ":files"},
    {OPERAND_FOLDER, false, "x", ":folders"},
    {OPERAND_FILE_COMMAND, false, "a ", ":files"},
    {OPERAND_FILE_COMMAND, false, "a -- ", ":command 2"},
    {OPERAND_FILE_COMMAND, false, "a -- cmd -", ":command 2"},
    {OPERAND_NONE, true, "", "paint draw"},
    {OPERAND_NONE, true, "-", ALL},
    {OPERAND_NONE, true, "-k ", "-k --keep -j --jobs --to --keep-color"},
};

static char *
ask(const struct options_tool *tool, const char *line)
{
	static char copy[256];
	struct optable t = {0};
	char *words[WORDS_MAX], *rest = copy;
	size_t n = 0;

	optable_add(&t, rows);
	optable_add_stand_in(&t, "a command", false);
	strlcpy(copy, line, sizeof(copy));
	while (rest != NULL && n < WORDS_MAX)
		words[n++] = strsep(&rest, " ");
	return complete_text(tool, &t, words, n);
}

/* The words of the lines of an answer. */
static void
take_words(char *text, char *words, size_t size)
{
	*words = '\0';
	for (char *line; (line = strsep(&text, "\n")) != NULL && *line != '\0';) {
		line[strcspn(line, "\t")] = '\0';
		if (*words != '\0')
			strlcat(words, " ", size);
		strlcat(words, line, size);
	}
}

static void
test_lines(void)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const struct options_tool tool = {.name = "tool",
		    .rows = rows,
		    .rules = rules,
		    .commands = lines[i].has_commands ? commands : NULL,
		    .operands = "a command",
		    .operand = lines[i].operand};
		char *text = ask(&tool, lines[i].line), offered[256];

		take_words(text, offered, sizeof(offered));
		CHECK(strcmp(offered, lines[i].offered) == 0, "%d \"%s\": \"%s\"",
		    (int)lines[i].operand, lines[i].line, offered);
		free(text);
	}
}

/* Of what an option means, the first clause. */
static void
test_meanings(void)
{
	struct options_tool tool = {.name = "tool", .rows = rows, .commands = commands};
	char *text = ask(&tool, "-");

	CHECK(strcmp(text,
		  "-k\tkeep all\n--keep\tkeep all\n-j\tjobs\n--jobs\tjobs\n--to\twhere to\n"
		  "--color\twhich one\n--keep-color\tkeep it\n") == 0,
	    "%s", text);
	free(text);
	text = ask(&tool, "");
	CHECK(strcmp(text, "paint\tpaint it\ndraw\tdraw it\n") == 0, "%s", text);
	free(text);
}

static void
test_no_words(void)
{
	const struct options_tool tool = {.name = "tool", .rows = rows};
	struct optable t = {0};
	char *text = complete_text(&tool, &t, NULL, 0);

	CHECK(text != NULL && *text == '\0');
	free(text);
}

int
main(void)
{
	test_lines();
	test_meanings();
	test_no_words();
	return t_end();
}
