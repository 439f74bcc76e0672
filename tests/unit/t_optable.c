/* Which options go together, and what --help makes of them. */

#include "stage/optable.h"

#include <stdlib.h>
#include <string.h>

#include "stage/help.h"
#include "t.h"

static const struct option_row own[] = {
    {'k', "keep", NULL, "keep all", OPTION_FLAG, .field = NULL},
    {'j', "jobs", "N", "how many jobs there are, each of which has a process of its own",
	OPTION_NUMBER, .field = NULL},
    {0, "to", "FILE", "where to", OPTION_TEXT, .field = NULL},
    {0, "a-name-that-is-long", "VALUE", "what is long", OPTION_TEXT, .field = NULL},
    {0, "all", NULL, "paint all", OPTION_FLAG, .field = NULL},
    OPTION_HELP("raw", "own text"),
    {0},
};

static const struct option_row common[] = {
    {'R', "raw", NULL, "text of all tools", OPTION_FLAG, .field = NULL},
    {'q', "quiet", NULL, "say nothing", OPTION_FLAG, .field = NULL},
    {0},
};

static const struct option_rule rules[] = {
    {"-k", OPTION_EXCLUDES, "--to", NULL},
    {"-j", OPTION_NEEDS, "-k", NULL},
    {"--to", OPTION_NEEDS, "a command", NULL},
    {"--all", OPTION_NEEDS, "paint", NULL},
    {"-q", OPTION_EXCLUDES, "tool", NULL},
    {"-R", OPTION_EXCLUDES, "draw", NULL},
    {0},
};

static struct optable
fill(const char *command)
{
	struct optable t = {0};

	optable_add(&t, own);
	optable_add_common(&t, common, own);
	optable_add_stand_in(&t, "tool", true);
	optable_add_stand_in(&t, command, true);
	optable_add_stand_in(&t, "a command", false);
	return t;
}

static void
test_fill(void)
{
	static const char *const names[] = {
	    "-k", "-j", "--to", "--a-name-that-is-long", "--all", "-R", "-q", "tool", "a command"};
	struct optable t = fill(NULL);

	CHECK(t.options == 7 && t.n == 9, "%zu of %zu", t.options, t.n);
	for (size_t i = 0; i < t.n; i++)
		CHECK(strcmp(t.name[i], names[i]) == 0, "%s", t.name[i]);
	CHECK(strcmp(t.row[5].help, "own text") == 0 && t.row[5].kind == OPTION_FLAG);
	CHECK(strcmp(t.row[6].help, "say nothing") == 0);
}

/* What was given, and which of the options are offered then: an x for each. */
static const struct {
	const char *command, *given, *offered;
} offers[] = {
    {NULL, "", "xxxx.x."},
    {NULL, "k", "xx.x.x."}, /* the first of the pair */
    {NULL, "t", ".xxx.x."}, /* the second */
    {"paint", "", "xxxxxx."},
    {"draw", "", "xxxx..."},
};

static void
test_offers(void)
{
	for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
		struct optable t = fill(offers[i].command);
		char offered[8] = "";

		t.given[0] = *offers[i].given == 'k';
		t.given[2] = *offers[i].given == 't';
		for (size_t o = 0; o < t.options; o++)
			strlcat(offered, optable_offers(&t, rules, o) ? "x" : ".", sizeof(offered));
		CHECK(strcmp(offered, offers[i].offered) == 0, "%zu: %s", i, offered);
	}
}

static void
test_broken(void)
{
	struct optable t = fill(NULL);

	CHECK(optable_broken(&t, rules) == NULL && optable_broken(&t, NULL) == NULL);
	t.given[1] = true;
	CHECK(optable_broken(&t, rules) == &rules[1]);
	t.given[0] = true;
	CHECK(optable_broken(&t, rules) == NULL);
	t.given[2] = true;
	CHECK(optable_broken(&t, rules) == &rules[0]);
}

static void
check_text(const char *text, const char *want)
{
	CHECK(text != NULL && strcmp(text, want) == 0, "%s", text);
}

static void
test_help(void)
{
	static const struct options_command commands[] = {
	    {"paint", "[--all] [FILE ...]", "paint things"},
	    {"draw", "[--jobs N] [--to FILE] [--a-name-that-is-long VALUE] [a b c d e] FILE ...",
		"draw things"},
	    {0},
	};
	struct options_tool tool = {.name = "tool",
	    .usage = "[-k]\n--to FILE",
	    .about = "Paints all that there is to be painted, and draws the things that are left, "
		     "one by one.\nMore.  Much.",
	    .rows = own,
	    .rules = rules,
	    .commands = commands};
	struct optable t = fill(NULL);
	char *text = help_text(&tool, &t);

	check_text(text,
	    "usage: tool [-k]\n"
	    "       tool --to FILE\n"
	    "       tool paint [--all] [FILE ...]\n"
	    "       tool draw [--jobs N] [--to FILE] [--a-name-that-is-long VALUE]\n"
	    "            [a b c d e] FILE ...\n"
	    "\n"
	    "Paints all that there is to be painted, and draws the things that are left, one\n"
	    "by one.\n"
	    "\n"
	    "More.  Much.\n"
	    "\n"
	    "Commands, each with --help for its options:\n"
	    "\n"
	    "  paint                  paint things\n"
	    "  draw                   draw things\n"
	    "\n"
	    "Options without a command:\n"
	    "\n"
	    "  -k, --keep             keep all\n"
	    "  -j, --jobs N           how many jobs there are, each of which has a process of\n"
	    "                         its own\n"
	    "      --to FILE          where to\n"
	    "      --a-name-that-is-long VALUE\n"
	    "                         what is long\n"
	    "  -R, --raw              own text\n");
	free(text);
	tool.command = &commands[0];
	t = fill("paint");
	text = help_text(&tool, &t);
	check_text(text,
	    "usage: tool paint [--all] [FILE ...]\n"
	    "\n"
	    "Paint things.\n"
	    "\n"
	    "  -k, --keep             keep all\n"
	    "  -j, --jobs N           how many jobs there are, each of which has a process of\n"
	    "                         its own\n"
	    "      --to FILE          where to\n"
	    "      --a-name-that-is-long VALUE\n"
	    "                         what is long\n"
	    "      --all              paint all\n"
	    "  -R, --raw              own text\n");
	free(text);
}

int
main(void)
{
	test_fill();
	test_offers();
	test_broken();
	test_help();
	return t_end();
}
