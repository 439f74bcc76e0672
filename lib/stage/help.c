#include "stage/help.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stage/optable.h"
#include "stage/options.h"

#define WIDTH 80
#define TEXT_COLUMN 25 /* where the texts of the options begin */

/*
 * The length of what stays on one line: a word, "[-a N]" in a usage line, or
 * "FILE ...".
 */
static size_t
unit_length(const char *text)
{
	size_t len = 0;
	int depth = 0;

	for (; text[len] != '\0' && text[len] != '\n'; len++) {
		if (text[len] == ' ' && depth == 0 && strncmp(text + len, " ...", 4) != 0)
			break;
		depth += (text[len] == '[') - (text[len] == ']');
	}
	return len;
}

/*
 * Prints a line of the text, folded.  The cursor is at the column `at`; further
 * lines begin at the column `indent`.  Returns what follows the line.
 */
static const char *
print_folded(FILE *out, const char *text, size_t at, size_t indent)
{
	while (*text != '\0' && *text != '\n') {
		size_t gap = strspn(text, " "), len = unit_length(text + gap);

		if (at > indent && at + gap + len > WIDTH) {
			fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
			text += gap;
			gap = 0;
		}
		fwrite(text, 1, gap + len, out);
		at += gap + len;
		text += gap + len;
	}
	putc('\n', out);
	return *text == '\n' ? text + 1 : text;
}

/* The lines of a usage text, after "usage: " or as many blanks. */
static void
print_usage(FILE *out, const char *lead, const char *tool, const char *command, const char *usage)
{
	while (*usage != '\0') {
		int at =
		    fprintf(out, "%s%s %s%s", lead, tool, command, *command != '\0' ? " " : "");

		usage = print_folded(out, usage, (size_t)at, strlen(lead) + strlen(tool) + 1);
		lead = "       ";
	}
}

/* A paragraph for each line; the line of a command becomes a sentence. */
static void
print_about(FILE *out, const struct options_tool *tool)
{
	const char *about = tool->about;

	if (tool->command != NULL) {
		about = tool->command->about;
		fprintf(out, "\n%c%s.\n", toupper((unsigned char)*about), about + 1);
		return;
	}
	while (*about != '\0') {
		putc('\n', out);
		about = print_folded(out, about, 0, 0);
	}
}

static void
print_commands(FILE *out, const struct options_command *command)
{
	fputs("\nCommands, each with --help for its options:\n\n", out);
	for (; command->name != NULL; command++) {
		fprintf(out, "  %-22s ", command->name);
		print_folded(out, command->about, TEXT_COLUMN, TEXT_COLUMN);
	}
	fputs("\nOptions without a command:\n", out);
}

static void
print_option(FILE *out, const struct option_row *row)
{
	char letter[] = {'-', row->letter, ',', '\0'};
	const char *arg = row->arg != NULL ? row->arg : "";
	int at = fprintf(out, "  %-3s --%s%s%s", row->letter != '\0' ? letter : "", row->name,
	    *arg != '\0' && *arg != '[' ? " " : "", arg);

	if (at >= TEXT_COLUMN) {
		putc('\n', out);
		at = 0;
	}
	fprintf(out, "%*s", TEXT_COLUMN - at, "");
	print_folded(out, row->help, TEXT_COLUMN, TEXT_COLUMN);
}

char *
help_text(const struct options_tool *tool, const struct optable *t)
{
	const struct options_command *all = tool->command == NULL ? tool->commands : NULL;
	const struct options_command *own = tool->command;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	print_usage(out, "usage: ", tool->name, own != NULL ? own->name : "",
	    own != NULL ? own->usage : tool->usage);
	for (const struct options_command *c = all; c != NULL && c->name != NULL; c++)
		print_usage(out, "       ", tool->name, c->name, c->usage);
	print_about(out, tool);
	if (all != NULL)
		print_commands(out, all);
	putc('\n', out);
	for (size_t i = 0; i < t->options; i++)
		if (optable_offers(t, tool->rules, i))
			print_option(out, &t->row[i]);
	if (ferror(out) || fclose(out) == EOF) {
		free(text);
		return NULL;
	}
	return text;
}
