#ifndef MISNAMED_H
#define MISNAMED_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A word that was given as the command, and was not found as one, may be a
 * file: the input, or a program that needs its path or the right to be
 * executed; or a command line in one word.  True: so it is, and the line says
 * so and names the remedy.
 */
bool misnamed_explain(const char *command, char *line, size_t size);

/*
 * The first argument of the command that names a file: a command that answers
 * without being asked reads that one instead of the records.  NULL: none does.
 */
const char *misnamed_input(char *const argv[]);

#endif
