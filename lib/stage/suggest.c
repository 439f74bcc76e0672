#include "stage/suggest.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alike.h"
#include "stage/optable.h"
#include "stage/options.h"

#define WORD_SIZE 64

/* What a habit is called here; NULL: the tool's users have no such habit. */
static const char *
of_habit(const struct options_tool *tool, const char *word)
{
	for (const struct option_habit *h = tool->habits; h != NULL && h->word != NULL; h++)
		if (strcmp(h->word, word) == 0)
			return h->option;
	return NULL;
}

/* "-a, --attempts". */
static bool
print_option(const struct optable *t, size_t option, char *text, size_t size)
{
	const struct option_row *row = &t->row[option];

	if (option >= t->options)
		return false;
	if (row->letter != '\0')
		snprintf(text, size, "-%c, --%s", row->letter, row->name);
	else
		snprintf(text, size, "--%s", row->name);
	return true;
}

/*
 * The option whose name is most like this one, or else one that users of other
 * programs call almost so; t->n: none is like it.
 */
static size_t
find_alike(const struct options_tool *tool, const struct optable *t, const char *name)
{
	const struct option_habit *h = tool->habits;
	size_t found = t->n, least = SIZE_MAX;

	for (size_t i = 0; i < t->options; i++) {
		size_t distance = alike_distance(name, t->row[i].name);

		if (!alike_is(name, t->row[i].name) || distance >= least)
			continue;
		found = i;
		least = distance;
	}
	for (; found == t->n && h != NULL && h->word != NULL; h++)
		if (strncmp(h->word, "--", 2) == 0 && alike_is(name, h->word + 2))
			found = optable_find(t, h->option);
	return found;
}

bool
suggest_option(const struct options_tool *tool, const struct optable *t, const char *word,
    char *text, size_t size)
{
	char name[WORD_SIZE];
	const char *option;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	option = of_habit(tool, name);
	if (option != NULL && print_option(t, optable_find(t, option), text, size))
		return true;
	return strncmp(name, "--", 2) == 0 &&
	    print_option(t, find_alike(tool, t, name + 2), text, size);
}

bool
suggest_number(const struct options_tool *tool, const struct optable *t, const char *flag,
    char *text, size_t size)
{
	const char *option = of_habit(tool, flag);

	return option != NULL && optable_find(t, flag) < t->options &&
	    print_option(t, optable_find(t, option), text, size);
}

const struct options_command *
suggest_command(const struct options_tool *tool, const char *word)
{
	const char *habit = of_habit(tool, word);

	for (const struct options_command *c = tool->commands; c->name != NULL; c++)
		if (habit != NULL ? strcmp(habit, c->name) == 0 : alike_is(word, c->name))
			return c;
	return NULL;
}
