#include "stage/complete.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stage/optable.h"
#include "stage/options.h"

#define NONE SIZE_MAX

/* Where the word is that is being typed. */
struct place {
	size_t value_of; /* the option whose value the word is, or NONE */
	size_t command;  /* the word with which a command begins, or NONE */
	bool operands;   /* no option may follow, as there was a -- */
};

/* Whether the word behind it is its value. */
static bool
takes_value(const struct option_row *row)
{
	return row->kind != OPTION_FLAG && row->alone == NULL;
}

static size_t
find_letter(const struct optable *t, char letter)
{
	for (size_t i = 0; i < t->options; i++)
		if (t->row[i].letter == letter)
			return i;
	return NONE;
}

/* The option of this name, or the only one whose name begins so. */
static size_t
find_long(const struct optable *t, const char *name, size_t len)
{
	size_t found = NONE, n = 0;

	for (size_t i = 0; i < t->options; i++) {
		if (strncmp(t->row[i].name, name, len) != 0)
			continue;
		if (t->row[i].name[len] == '\0')
			return i;
		found = i;
		n++;
	}
	return n == 1 ? found : NONE;
}

/* Notes what is given.  Returns the option whose value is the next word. */
static size_t
read_options(struct optable *t, const char *word)
{
	size_t i;

	if (word[1] == '-') {
		size_t len = strcspn(word + 2, "=");

		if ((i = find_long(t, word + 2, len)) == NONE)
			return NONE;
		t->given[i] = true;
		return takes_value(&t->row[i]) && word[2 + len] == '\0' ? i : NONE;
	}
	for (const char *letter = word + 1; *letter != '\0'; letter++) {
		if ((i = find_letter(t, *letter)) == NONE)
			return NONE;
		t->given[i] = true;
		if (takes_value(&t->row[i]))
			return letter[1] == '\0' ? i : NONE;
	}
	return NONE;
}

/* Reads the words before the last one as getopt_long(3) would. */
static struct place
find_place(const struct options_tool *tool, struct optable *t, char *const *words, size_t n)
{
	struct place p = {.value_of = NONE, .command = NONE};

	for (size_t i = 0; i + 1 < n && p.command == NONE; i++) {
		const char *word = words[i];

		if (p.value_of != NONE)
			p.value_of = NONE;
		else if (!p.operands && strcmp(word, "--") == 0) {
			p.operands = true;
			if (tool->operand == OPERAND_FILE_COMMAND)
				p.command = i + 1;
		} else if (!p.operands && word[0] == '-' && word[1] != '\0')
			p.value_of = read_options(t, word);
		else if (tool->operand == OPERAND_COMMAND)
			p.command = i;
	}
	return p;
}

/* A line for a candidate: of what it means, the first clause. */
static void
print_candidate(FILE *out, const char *dashes, const char *word, const char *about)
{
	static const char *const ends[] = {"; ", ": ", " ("};
	size_t len = strlen(about);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		const char *end = strstr(about, ends[i]);

		if (end != NULL && (size_t)(end - about) < len)
			len = (size_t)(end - about);
	}
	fprintf(out, "%s%s\t%.*s\n", dashes, word, (int)len, about);
}

static void
print_options(FILE *out, const struct options_tool *tool, const struct optable *t)
{
	for (size_t i = 0; i < t->options; i++) {
		const struct option_row *row = &t->row[i];
		char letter[] = {row->letter, '\0'};

		if (!optable_offers(t, tool->rules, i))
			continue;
		if (row->letter != '\0')
			print_candidate(out, "-", letter, row->help);
		print_candidate(out, "--", row->name, row->help);
	}
}

static void
print_values(FILE *out, const struct option_row *row)
{
	for (size_t i = 0; row->names != NULL && row->names[i] != NULL; i++)
		print_candidate(out, "", row->names[i], "");
	if (row->arg != NULL && strncmp(row->arg, "FILE", strlen("FILE")) == 0)
		fputs(":files\n", out);
}

/* The word is no option and no value of one.  False: there is nothing it is. */
static bool
print_operands(FILE *out, const struct options_tool *tool, const struct optable *t, size_t last)
{
	bool offered = tool->operands == NULL || optable_offers(t, tool->rules, t->n - 1);

	if (tool->commands != NULL && tool->command == NULL && last == 0) {
		for (const struct options_command *c = tool->commands; c->name != NULL; c++)
			print_candidate(out, "", c->name, c->about);
		return true;
	}
	if (tool->operand == OPERAND_NONE || !offered)
		return false;
	if (tool->operand == OPERAND_COMMAND)
		fprintf(out, ":command %zu\n", last);
	else
		fputs(tool->operand == OPERAND_FOLDER ? ":folders\n" : ":files\n", out);
	return true;
}

static void
print_answer(
    FILE *out, const struct options_tool *tool, struct optable *t, char *const *words, size_t n)
{
	struct place p = find_place(tool, t, words, n);
	const char *word = words[n - 1];
	bool is_option = *word == '-' && !p.operands;
	size_t i = NONE;

	if (is_option && strncmp(word, "--", 2) == 0 && strchr(word, '=') != NULL)
		i = find_long(t, word + 2, strcspn(word + 2, "="));
	if (p.command != NONE)
		fprintf(out, ":command %zu\n", p.command);
	else if (p.value_of != NONE)
		print_values(out, &t->row[p.value_of]);
	else if (i != NONE)
		print_values(out, &t->row[i]);
	else if (is_option ||
	    (!print_operands(out, tool, t, n - 1) && *word == '\0' && !p.operands))
		print_options(out, tool, t);
}

char *
complete_text(const struct options_tool *tool, struct optable *t, char *const *words, size_t n)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	if (n > 0)
		print_answer(out, tool, t, words, n);
	if (ferror(out) || fclose(out) == EOF) {
		free(text);
		return NULL;
	}
	return text;
}
