#include "pfanout/script.h"

#include <stdlib.h>
#include <string.h>

#include "t.h"

#define WORDS 12

/* The words of a command; of each, whether it is the text of a program. */
static const struct {
	const char *command, *texts;
} table[] = {
    {"sh -c TEXT", "001"},
    {"sh -c TEXT sh {.f}", "00100"},
    {"/bin/bash -c TEXT", "001"},
    {"bash -lc TEXT", "001"},
    {"bash -e -u -c TEXT", "00001"},
    {"bash -euo pipefail -c TEXT", "00001"},
    {"bash -o pipefail -c TEXT", "00001"},
    {"zsh -c TEXT x -c x", "001000"},
    {"env LANG=C sh -c TEXT", "00001"},
    {"timeout -k 1 5 sh -c TEXT", "0000001"},
    {"xargs -n 1 dash -c TEXT", "000001"},
    {"python3 -c TEXT {.f}", "0010"},
    {"/usr/bin/python3.11 -u -c TEXT", "0001"},
    {"python3 -W ignore -c TEXT", "00001"},
    {"perl -e TEXT", "001"},
    {"perl -e TEXT -e TEXT x", "001010"},
    {"perl -lane TEXT", "001"},
    {"perl -E TEXT", "001"},
    {"perl -Mstrict -I lib -ne TEXT", "000001"},
    {"perl5.36.0 -pe TEXT", "001"},
    {"ruby -rjson -ne TEXT", "0001"},
    {"node -e TEXT", "001"},
    {"node -p TEXT", "001"},
    {"php -r TEXT", "001"},
    {"nice -n 5 sh -c TEXT", "000001"},
    {"nice -n5 nohup sh -c TEXT", "000001"},
    {"/usr/bin/env -i A=1 B=2 -u C sh -c TEXT", "000000001"},
    {"sudo -u root A=1 sh -c TEXT", "0000001"},
    {"env A=1 timeout 5 xargs -I {} bash -c TEXT", "0000000001"},
    {"busybox sh -c TEXT", "0001"},
    /* These hold no program. */
    {"grep perl -e x", "0000"},
    {"echo sh -c x", "0000"},
    {"env grep perl -e x", "00000"},
    {"timeout 5 grep perl -e x", "000000"},
    {"env -u sh cat -c x", "000000"},
    {"sudo -u sh cat -c x", "000000"},
    {"env A=1", "00"},
    {"timeout 5", "00"},
    {"sh script -c x", "0000"},
    {"bash ./tool.sh -c x", "0000"},
    {"python3 tool.py -c x", "0000"},
    {"perl -Mre x", "000"},
    {"grep -c x", "000"},
    {"wc -c x", "000"},
    {"mysh -c x", "000"},
    {"sh", "0"},
    {"sh -c", "00"},
    {"cat - x", "000"},
    {"sh - x", "000"},
    {"sh -- x", "000"},
    {"3 -c x", "000"},
};

static void
test_table(void)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char *copy = strdup(table[i].command), *rest = copy, *argv[WORDS + 1] = {NULL};
		size_t n = 0;

		while (n < WORDS && (argv[n] = strsep(&rest, " ")) != NULL)
			n++;
		CHECK(n == strlen(table[i].texts), "%s: %zu words", table[i].command, n);
		for (size_t j = 0; j < n; j++) {
			struct script script = {0};
			bool is = script_is_text(argv, j, &script);

			CHECK(
			    is == (table[i].texts[j] == '1'), "%s: word %zu", table[i].command, j);
			CHECK(!is || script.option == argv[j - 1], "%s", table[i].command);
		}
		free(copy);
	}
}

static void
test_who(void)
{
	char env[] = "env", bash[] = "/bin/bash", c[] = "-xc", text[] = "x";
	char *argv[] = {env, bash, c, text, NULL};
	struct script script;

	CHECK(script_is_text(argv, 3, &script));
	CHECK(script.interpreter == bash && script.option == c);
	CHECK(strcmp(script.argument, "\"$1\"") == 0 && strcmp(script.before, " bash") == 0);
}

int
main(void)
{
	test_table();
	test_who();
	return t_end();
}
