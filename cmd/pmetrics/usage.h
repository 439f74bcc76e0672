#ifndef USAGE_H
#define USAGE_H

/*
 * What all commands of pmetrics have in common: --help, which lists all of
 * them, and how a command line is read.
 */

#include <stdbool.h>

#include "stage/options.h"

/* What the command line has (options.h). */
extern const char usage_usage[];
extern const char usage_about[];
extern const struct options_command usage_commands[];
extern const struct option_habit usage_habits[];

/* The commands, in the order of usage_commands. */
enum {
	USAGE_PRINT,
	USAGE_SERVE,
	USAGE_SHIP,
	USAGE_TEXTFILE,
	USAGE_TOP,
	USAGE_TRACE,
	USAGE_COMMANDS
};

/*
 * Parses the command line of a command, whose name is argv[0], into the fields
 * of the rows.  Returns the index of the first operand, at the end of argv:
 * there are none with OPERAND_NONE, any number of files, else one at most.
 * Ends the process as cli_parse() does.
 */
int usage_parse(int argc, char **argv, const struct option_row *, const struct option_rule *,
    enum operand_kind);

/*
 * What look_take() is told.  Ends the process if all users are wanted and this
 * is not root.
 */
unsigned usage_look(const char *command, bool all_users);

/* Warns if what is told so finds nothing, whatever runs. */
void usage_warn_off(const char *command, unsigned how);

#endif
